"""A trial from the inside: the job of a sweep, in this process or wherever the launcher put it."""

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from openrs.plan import Plan
from openrs.records import ledger
from openrs.records.run import locked
from openrs.sweep import objective, signal
from openrs.sweep.outcome import Outcome
from openrs.sweep.selection import selection

if TYPE_CHECKING:
    from openrs.hub.push import Card

SWEEPER = "openrs.sweep.plugin.StudySweeper"


@dataclass(frozen=True)
class Trial:
    """Where this job's study is."""

    sweeper: DictConfig
    """The sweeper's options as the job's Hydra config has them."""
    number: int

    def study(self) -> dict[str, Any]:
        """What a training process must know of the study, to ask its pruner and its budget."""
        pruner = self.sweeper.pruner
        return {
            "storage": self.sweeper.storage,
            "study_name": self.sweeper.study_name,
            "pruner": None if pruner is None else OmegaConf.to_container(pruner, resolve=True),
            "signal": signal.read(self.sweeper.signal),
            "number": self.number,
        }


def current() -> Trial | None:
    """The trial that this job is, or None outside of a sweep."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN or hydra.sweeper.get("_target_") != SWEEPER:
        return None
    return Trial(hydra.sweeper, hydra.job.num)


def run(plan: Plan, trial: Trial, card: "Card") -> Outcome:
    """Does what is missing of the trial's run and reads its objectives from the records.

    Args:
        card: makes the card of a pushed checkpoint.
    """
    from openrs.sweep import pruning, study_facts

    config, began = plan.config, time.monotonic()
    record = _address(plan)
    study = trial.study()
    study |= study_facts.sign(study, record)
    worked = _work(plan, study, card)
    hardware, price = config.hardware, config.hardware.price_per_device_hour
    hours = ledger.device_hours(time.monotonic() - began, hardware.devices, hardware.nodes)
    record |= {
        "step": config.checkpoints[-1],
        "scores": _scores(plan),
        "device_hours": hours,
        "money": None if price is None else hours * price,
        "disk": _disk(plan),
    }
    if (stopped := _stopped(plan, study)) is not None:
        state: Literal["stopped", "pruned"] = "stopped" if stopped["kind"] == "budget" else "pruned"
        record["kind"] = stopped["kind"]
        return Outcome(
            state, reason=stopped["reason"], step=stopped["step"], signal=_level(plan, study),
            record=record, repeated=not worked,
        )  # fmt: skip
    if study["pruner"] is not None and plan.mix is not None:
        with locked(plan.run):
            pruning.finish(plan, study)
    try:
        values = objective.values(plan, objective.names(config.objective))
    except objective.Missing as error:
        reason = f"no value for the objective: {error}"
        return Outcome("failed", reason=reason, record=record, again=False)
    return Outcome("complete", values=values, record=record, repeated=not worked)


def _address(plan: Plan) -> dict[str, Any]:
    """Where a trial's run is: all that its cost can be read from, should it end without a word."""
    return {
        "run": plan.run.id,
        "name": plan.run.name,
        "folder": str(plan.run.folder.absolute()),
        "base": str(plan.base.folder.absolute()),
    }


def _work(plan: Plan, study: dict[str, Any], card: "Card") -> bool:
    """Trains and evaluates what is missing, until the pruner stops it; False where nothing was."""
    from openrs.pipeline import stages
    from openrs.sweep.training_by_checkpoint import climb

    worked, chosen = False, selection(study["signal"])
    if study["pruner"] is not None and chosen is not None and plan.must_train:
        worked = climb(plan, study, chosen, partial(stages, card=card))
        if verdict(plan, study):
            return worked
    return stages(plan, study, card) or worked


def verdict(plan: Plan, study: dict[str, Any]) -> dict[str, Any] | None:
    """Why and where the sweep's pruner stopped the run, if it did and this trial is not to go on from there.

    Called with the run's lock it tells whether there is anything to train.
    """
    if study["pruner"] is None:
        return None
    from openrs.sweep.pruning import standing

    found = standing(plan, study)
    return None if found is None else {"kind": "pruned", "reason": found.reason, "step": found.step}


def _stopped(plan: Plan, study: dict[str, Any]) -> dict[str, Any] | None:
    """Why the run ends before its last step, if it does: the pruner's verdict, even if the process that
    heard it was killed at once, else what the training record says."""
    return verdict(plan, study) or (plan.stopped if "train" in plan.config.stages else None)


def _level(plan: Plan, study: dict[str, Any]) -> float | None:
    """The signal where a run was stopped, whichever process trained it."""
    from openrs.sweep import pruning, signal_history

    if study["pruner"] is None:
        return None
    return pruning.level(signal_history.points(plan, study["signal"]), study["signal"])


def _disk(plan: Plan) -> int:
    """Bytes of the run's checkpoints."""
    files = (plan.run.folder / "train").glob("checkpoint-*/**/*")
    return sum(path.stat().st_size for path in files if path.is_file())


def _scores(plan: Plan) -> list[str]:
    """The score files of the last evaluated checkpoint, for the comparison."""
    step = plan.config.checkpoints[-1]
    folder = plan.owner(step).folder.absolute()
    return [str(cell.path(folder)) for cell in plan.cells(step) if cell.path(folder).exists()]
