"""Objectives by name, read from a run's records. A score that is missing is an error, never a 0."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from openrs.config import own_data
from openrs.errors import Mistake
from openrs.plan import Plan
from openrs.records import ledger, scores
from openrs.records.training import logged_steps

COSTS = ("device_hours", "money")
"""Less is better; of everything else, more."""

TRAINED = ("reward", *COSTS)
"""Objectives that need no evaluation."""

LAST_STEPS = 10
"""`reward` is the mean of this many last logged steps, as single steps are noise."""


class Unmeasured(Exception):
    """A record that an objective needs is not there."""


def names(value: Any) -> tuple[str, ...]:
    """The objectives as the config gives them: one name or a list."""
    if OmegaConf.is_list(value) or isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return (str(value),)


def directions(objectives: Sequence[str]) -> list[str]:
    """Optuna's word for each objective."""
    return ["minimize" if name in COSTS else "maximize" for name in objectives]


def check(objectives: Sequence[str], config: DictConfig) -> None:
    """Refuses an objective that these runs will not measure, before any of them starts.

    Raises:
        Mistake: naming the objective, and what would give it.
    """
    benchmarks = [own_data.name_of(name) for name in config.evaluation.benchmarks]
    measured = ["average", *benchmarks, *TRAINED]
    for name in objectives:
        if name not in measured:
            raise Mistake(
                f"objective={name}: no evaluation of this sweep gives it (evaluation.benchmarks="
                f"{benchmarks}). Give one of: {', '.join(measured)}."
            )
        stage = "train" if name in TRAINED else "evaluate"
        if stage not in config.stages:
            raise Mistake(
                f"objective={name}: needs the stage {stage}, and stages={list(config.stages)} leaves it "
                f"out. Add {stage} to stages."
            )
    if len(set(objectives)) < len(objectives) or not objectives:
        raise Mistake(f"objective={list(objectives)}: give one or more different names.")
    if "money" in objectives and config.hardware.price_per_device_hour is None:
        raise Mistake(
            f"objective=money: hardware={config.hardware.name} has no price. Give "
            "hardware.price_per_device_hour=0.44 (dollars)."
        )


def values(plan: Plan, objectives: Sequence[str]) -> tuple[float, ...]:
    """The objectives of a finished run, scores in percent, at the last evaluated checkpoint.

    Raises:
        Unmeasured: a record is not there.
    """
    return tuple(_value(plan, name) for name in objectives)


def _value(plan: Plan, name: str) -> float:
    if name == "average":
        benchmarks = plan.config.evaluation.benchmarks
        return sum(_score(plan, item) for item in benchmarks) / len(benchmarks)
    if name == "reward":
        return reward(plan)
    if name in COSTS:
        hours = device_hours(plan)
        if name == "device_hours":
            return hours
        price = plan.config.hardware.price_per_device_hour
        assert price is not None  # `check` asked for it
        return hours * price
    return _score(plan, name)


def _score(plan: Plan, benchmark: str) -> float:
    """Percent over all sampling seeds of one benchmark."""
    step = plan.config.checkpoints[-1]
    cells = [cell for cell in plan.cells(step) if cell.benchmark == benchmark]
    records = [scores.read(cell.path(plan.owner(step).folder)) for cell in cells]
    right = [record.value for record in records if record is not None]
    if len(right) < len(cells) or not cells:
        raise Unmeasured(f"{plan.run.folder.name} has no score on {benchmark} at step {step}")
    return 100 * sum(right) / len(right)


def reward(plan: Plan) -> float:
    """Mean training reward of the last logged steps."""
    lines = logged_steps(plan.run.folder / "train")
    rewards = [line["reward"] for line in lines if line["step"] <= plan.config.stop_at and "reward" in line]
    last = rewards[-LAST_STEPS:]
    if not last:
        raise Unmeasured(f"{plan.run.folder.name} has no training reward")
    return sum(last) / len(last)


def device_hours(plan: Plan) -> float:
    """Training time up to today's step; the base model's is 0."""
    if plan.mix is None:
        return 0.0
    lines = logged_steps(plan.run.folder / "train")
    lines = [line for line in lines if line["step"] <= plan.config.stop_at and "step_seconds" in line]
    seconds = [line["step_seconds"] for line in lines]
    if not seconds:
        raise Unmeasured(f"{plan.run.folder.name} has no training record")
    hardware = plan.config.hardware
    return ledger.device_hours(sum(seconds), hardware.devices, hardware.nodes)
