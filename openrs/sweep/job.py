"""A trial from the inside: the job of a sweep, in this process or wherever the launcher put it."""

import time
from dataclasses import dataclass
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from openrs import cost
from openrs.plan import Plan
from openrs.sweep import objective
from openrs.sweep.outcome import Outcome
from openrs.sweep.selection import climb, selection

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
            "signal": self.sweeper.signal,
            "number": self.number,
        }


def current() -> Trial | None:
    """The trial that this job is, or None outside of a sweep."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN or hydra.sweeper.get("_target_") != SWEEPER:
        return None
    return Trial(hydra.sweeper, hydra.job.num)


def run(plan: Plan, trial: Trial) -> Outcome:
    """Does what is missing of the trial's run and reads its objectives from the records."""
    from openrs.pipeline import stages
    from openrs.sweep.pruning import Curve

    config = plan.config
    repeated = not plan.must_train and not _to_evaluate(plan)
    began = time.monotonic()
    study = trial.study()
    curved = plan.must_train and study["pruner"] is not None
    climbed = None
    if curved and selection(study["signal"]):
        climbed = climb(plan, study, Curve.of(plan, study), stages)
    if climbed is None:
        stages(plan, study)
    hours = (time.monotonic() - began) * cost.devices(config.hardware) / 3600
    curve = Curve.of(plan, study) if curved else None
    price = config.hardware.price_per_device_hour
    record: dict[str, Any] = {
        "run": plan.run.id,
        "name": plan.run.name,
        "folder": str(plan.run.folder.absolute()),
        "base": str(plan.base.folder.absolute()),
        "step": config.checkpoints[-1],
        "scores": _scores(plan),
        "device_hours": hours,
        "money": None if price is None else hours * price,
    }
    stopped = plan.stopped
    if climbed is not None:
        stopped = {"kind": climbed.kind, "reason": climbed.reason, "step": plan.trained_to}
    if stopped is not None and "train" in config.stages:
        state: Literal["stopped", "pruned"] = "stopped" if stopped["kind"] == "budget" else "pruned"
        record["kind"] = stopped["kind"]
        last = curve.last() if curve is not None else None
        return Outcome(
            state, reason=stopped["reason"], step=stopped["step"], signal=last, record=record,
            repeated=repeated,
        )  # fmt: skip
    if curve is not None:
        curve.close()
    try:
        values = objective.values(plan, objective.names(config.objective))
    except objective.Missing as error:
        told = f"no value for the objective: {error}"
        return Outcome("failed", reason=told, record=record, again=False)
    return Outcome("complete", values=values, record=record, repeated=repeated)


def _scores(plan: Plan) -> list[str]:
    """The score files of the last evaluated checkpoint, for the comparison."""
    step = plan.config.checkpoints[-1]
    folder = plan.owner(step).folder.absolute()
    return [str(cell.path(folder)) for cell in plan.cells(step) if cell.path(folder).exists()]


def _to_evaluate(plan: Plan) -> bool:
    if "evaluate" not in plan.config.stages:
        return False
    return any(plan.missing(step) for step in plan.config.checkpoints)
