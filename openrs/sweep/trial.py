"""A trial from the inside: the job of a sweep, in this process or wherever the launcher put it."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from openrs.pipeline import EarlyStopping, stages
from openrs.plan import Plan
from openrs.records import ledger
from openrs.records.run import locked
from openrs.records.tracker import SWEEP
from openrs.sweep import objective, signal, signal_history
from openrs.sweep.link import StudyLink
from openrs.sweep.outcome import Outcome
from openrs.sweep.signal import Selection
from openrs.train.collapse import StopRule

if TYPE_CHECKING:
    from openrs.hub.push import Card
    from openrs.sweep.run_curves import PruningStop

SWEEPER = "openrs.sweep.plugin.StudySweeper"


def current() -> StudyLink | None:
    """The trial that this job is, or None outside of a sweep."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN or hydra.sweeper.get("_target_") != SWEEPER:
        return None
    sweeper, pruner = hydra.sweeper, hydra.sweeper.pruner
    settings = None if pruner is None else OmegaConf.to_container(pruner, resolve=True)
    assert settings is None or isinstance(settings, dict)
    return StudyLink(
        sweeper.storage,
        sweeper.study_name,
        hydra.job.num,
        None if settings is None else {str(key): value for key, value in settings.items()},
        signal.parse(sweeper.signal),
    )


def run(plan: Plan, link: StudyLink, card: "Card") -> Outcome:
    """Does what is missing of the trial's run and reads its objectives from the records.

    Args:
        link: the trial.
        card: makes the card of a pushed checkpoint.
    """
    config, began = plan.config, time.monotonic()
    os.environ[SWEEP] = link.study
    record = _address(plan)
    link = link.signed(record)
    worked = _work(plan, link, card)
    hardware, price = config.hardware, config.hardware.price_per_device_hour
    hours = ledger.device_hours(time.monotonic() - began, hardware.devices, hardware.nodes)
    record |= {
        "step": config.checkpoints[-1],
        "scores": _scores(plan),
        "device_hours": hours,
        "money": None if price is None else hours * price,
        "disk": _disk(plan),
    }
    if (stopped := _stopped(plan, link)) is not None:
        record["kind"] = stopped["kind"]
        return Outcome(
            "stopped" if stopped["kind"] == "budget" else "pruned",
            reason=stopped["reason"],
            step=stopped["step"],
            signal=_level(plan, link),
            record=record,
            repeated=not worked,
        )
    if link.pruner is not None and plan.mix is not None:
        from openrs.sweep import pruning  # Optuna

        with locked(plan.run):
            pruning.finish(plan, link)
    try:
        values = objective.values(plan, objective.names(config.objective))
    except objective.Unmeasured as error:
        reason = f"no value for the objective: {error}"
        return Outcome("failed", reason=reason, record=record, again=False)
    return Outcome("complete", values=values, record=record, repeated=not worked)


def early_rules(link: StudyLink, plan: Plan) -> list[StopRule]:
    """What may end a trial's training, besides its own collapse rules: the pruner, if training logs its
    signal, and the budget."""
    from openrs.studies.spending import limits
    from openrs.sweep import budget, pruning  # Optuna

    rules: list[StopRule] = []
    if link.pruner is not None and signal.selection(link.signal) is None:
        rules.append(pruning.stop_rule(plan, link))
    if limits(plan.config.budget):
        rules.append(budget.stop_rule(plan.config, link))
    return rules


def _address(plan: Plan) -> dict[str, Any]:
    """Where a trial's run is: what the run's cost can be read from, should the trial end without a word."""
    return {
        "run": plan.run.id,
        "name": plan.run.name,
        "folder": str(plan.run.folder.absolute()),
        "base": str(plan.base.folder.absolute()),
    }


def _work(plan: Plan, link: StudyLink, card: "Card") -> bool:
    """Trains and evaluates what is missing, until the pruner stops it; False where nothing was."""
    early = EarlyStopping(partial(_standing, link), partial(early_rules, link), asdict(link))
    part = partial(stages, card=card, early=early)
    worked, selection = False, signal.selection(link.signal)
    if link.pruner is not None and selection is not None and plan.must_train:
        worked = train_by_checkpoint(plan, link, selection, part)
    return part(plan) or worked


def train_by_checkpoint(
    plan: Plan, link: StudyLink, selection: Selection, stages: Callable[[Plan], bool]
) -> bool:
    """Trains and evaluates up to each checkpoint that the pruner sees and asks it there, until it stops the
    run.

    Args:
        plan: the run; training past the last such checkpoint is left to the caller.
        selection: the scores that the signal is made of.
        stages: trains and evaluates what a plan is missing, and says whether it did anything.

    Returns:
        Whether anything was done.
    """
    from openrs.sweep import pruning  # Optuna

    worked = False
    for step in signal_history.judged_steps(plan, selection):
        part = signal_history.until(plan, selection.benchmark, step)
        worked |= stages(part)
        if part.stopped:  # collapsed, or out of budget: the caller sees the record too
            return worked
        with locked(plan.run):
            if _standing(link, plan):  # another worker judged the run while this one waited for its lock
                return worked
            values = signal_history.values_at(part, selection, step)
            if pruning.judge(plan, link, values, step) is not None:
                return worked
    return worked


def _standing(link: StudyLink, plan: Plan) -> str:
    """Why the sweep's pruner stopped the run, if it did and this trial is not to go on from there. With the
    run's lock the answer tells whether there is anything to train."""
    stop = _pruned(link, plan)
    return "" if stop is None else stop.reason


def _pruned(link: StudyLink, plan: Plan) -> "PruningStop | None":
    if link.pruner is None:
        return None
    from openrs.sweep import pruning  # Optuna

    return pruning.standing(plan, link)


def _stopped(plan: Plan, link: StudyLink) -> dict[str, Any] | None:
    """Why the run ends before its last step, if it does: the pruner's stop, even if the process that heard it
    was killed at once, else what the training record says."""
    if (stop := _pruned(link, plan)) is not None:
        return {"kind": "pruned", "reason": stop.reason, "step": stop.step}
    return plan.stopped if "train" in plan.config.stages else None


def _level(plan: Plan, link: StudyLink) -> float | None:
    """The signal where a run was stopped, whichever process trained it."""
    if link.pruner is None:
        return None
    return signal.level(signal_history.recorded(plan, link.signal), link.signal)


def _disk(plan: Plan) -> int:
    """Bytes of the run's checkpoints."""
    files = (plan.run.folder / "train").glob("checkpoint-*/**/*")
    return sum(path.stat().st_size for path in files if path.is_file())


def _scores(plan: Plan) -> list[str]:
    """The score files of the last evaluated checkpoint, for the comparison; not those of looks, of which each
    run has others."""
    if plan.in_looks:
        return []
    step = plan.config.checkpoints[-1]
    folder = plan.owner(step).folder.absolute()
    return [str(cell.path(folder)) for cell in plan.cells(step) if cell.path(folder).exists()]
