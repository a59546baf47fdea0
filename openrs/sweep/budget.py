"""What a sweep has spent, and when that is enough."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from openrs.config.schema import Config
from openrs.cost.estimate import Estimate
from openrs.errors import Mistake
from openrs.records import ledger
from openrs.sweep import study_facts as reach
from openrs.sweep.slots import RECORD
from openrs.train.collapse import Stop, StopRule

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

KINDS = ("device_hours", "money")
"""What a budget limits: fields of `openrs.config.schema.Budget`."""

LOOK_SECONDS = 5.0
"""The longest that a training run goes on without seeing what the other workers have spent."""


def limits(budget: Any) -> dict[str, float]:
    """The limits that are set."""
    return {name: float(limit) for name in KINDS if (limit := getattr(budget, name)) is not None}


def spent(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Device hours and dollars of a study since it began, of trials that run, failed or were killed too.

    The ledgers of its trials' runs say it; where a ledger is not on this machine, the trial's record does.
    """
    began = _began(trials)
    folders, total = set(), dict.fromkeys(KINDS, 0.0)
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        kept = {record[key] for key in ("folder", "base") if key in record}
        kept = {folder for folder in kept if _lines(folder)}
        folders |= kept
        if not kept:
            for name in total:
                total[name] += record.get(name) or 0.0
    for folder in folders:
        for name, amount in _since(folder, began).items():
            total[name] += amount
    return total


def _since(folder: str, began: datetime) -> dict[str, float]:
    """What a run's ledger holds of stages that began at this time or later."""
    lines = [item for item in _lines(folder) if datetime.fromisoformat(item["began"]) >= began]
    return {
        "device_hours": sum(line["device_hours"] for line in lines),
        "money": sum(line["dollars"] or 0.0 for line in lines),
    }


def _lines(folder: str) -> tuple[dict[str, Any], ...]:
    """The ledger in a run's folder."""
    try:
        found = (Path(folder) / ledger.LEDGER).stat()
    except OSError:
        return ()
    return _read(folder, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4096)  # a sweep asks at every trial, and most of its ledgers are closed
def _read(folder: str, changed: int, size: int) -> tuple[dict[str, Any], ...]:
    return tuple(ledger.entries(Path(folder)))


def _began(trials: Sequence[FrozenTrial]) -> datetime:
    """When the first trial started; Optuna keeps local times."""
    starts = [trial.datetime_start.astimezone(UTC) for trial in trials if trial.datetime_start]
    return min(starts, default=datetime.now(UTC))


def reached(budget: Any, trials: Sequence[FrozenTrial]) -> str:
    """What was reached, in words, or nothing."""
    asked = limits(budget)
    if not asked:
        return ""  # without reading a thousand ledgers
    used = spent(trials)
    for name, limit in asked.items():
        if used[name] >= limit:
            return f"budget.{name}={limit:g} is reached ({used[name]:.3g} spent)"
    return ""


def check(config: DictConfig) -> None:
    """Refuses a budget that limits nothing.

    Raises:
        Mistake: naming it, and what would.
    """
    budget, price = config.budget, config.hardware.price_per_device_hour
    for name, limit in limits(budget).items():
        if limit <= 0:
            raise Mistake(f"budget.{name}={limit:g}: must be above 0. Leave it out for no limit.")
    if budget.money is not None and price is None:
        raise Mistake(
            f"budget.money={budget.money:g}: hardware={config.hardware.name} has no price. Give "
            "hardware.price_per_device_hour=0.44 (dollars), or budget.device_hours."
        )


def against(config: DictConfig, used: dict[str, float], planned: Estimate) -> dict[str, str]:
    """Each limit, and how plan and spending stand to it: `over`, `within`, or `unknown`, as some of the plan
    has no known time and the rest is within."""
    amounts, states = _amounts(planned), {}
    for name, limit in limits(config.budget).items():
        over = used[name] + amounts[name] > limit
        states[name] = "over" if over else "unknown" if planned.unknown else "within"
    return states


def _amounts(planned: Estimate) -> dict[str, float]:
    return {"device_hours": planned.device_hours, "money": planned.money or 0.0}


def lines(config: DictConfig, used: dict[str, float], planned: Estimate) -> list[str]:
    """How a plan stands to the budget, for a person."""
    amounts = _amounts(planned)
    words = {
        "over": "exceeded: the sweep would be refused",
        "within": "held",
        "unknown": f"not known to be held: {planned.unknown} of unknown time; "
        "it is stopped where it is reached",
    }
    return [
        f"budget.{name}={limit:g}, {used[name]:.3g} spent, {amounts[name]:.3g} planned: "
        f"{words[against(config, used, planned)[name]]}"
        for name, limit in limits(config.budget).items()
    ]


def refuse(sweep: "Sweep") -> None:
    """Stops a sweep whose plan costs more than its budget, before it starts.

    Raises:
        Mistake: naming plan and budget.
    """
    check(sweep.config)
    if not limits(sweep.config.budget):
        return
    from openrs.sweep.estimate import estimate

    used, planned = spent(sweep.study.get_trials(deepcopy=False)), estimate(sweep)
    amounts = _amounts(planned)
    for name, state in against(sweep.config, used, planned).items():
        if state == "over":
            raise Mistake(
                f"budget.{name}={sweep.config.budget[name]:g}: this sweep would take "
                f"{used[name] + amounts[name]:.3g} ({used[name]:.3g} spent, {amounts[name]:.3g} planned "
                f"from {planned.sources}). Raise the budget, lower hydra.sweeper.n_trials, or make the runs "
                "shorter; dry_run=true shows the plan."
            )
    if planned.unknown:
        for line in lines(sweep.config, used, planned):
            sweep.say(line)


def watch(config: Config, told: dict[str, Any]) -> StopRule:
    """Ends a running trial, resumably, once the sweep's budget is reached, by whichever workers.

    What this trial has spent goes into its record, for workers that do not see its run's ledger.

    Args:
        config: the trial's.
        told: the study, as `openrs.sweep.trial.Trial.study` describes it.
    """
    began, looked = time.monotonic(), float("-inf")
    price, opened = config.hardware.price_per_device_hour, list[optuna.Study]()

    def look(line: dict[str, Any]) -> Stop | None:
        nonlocal looked
        now = time.monotonic()
        if now - looked < LOOK_SECONDS:
            return None
        looked = now
        if not opened:
            opened.append(reach.study(told))
        hours = ledger.device_hours(now - began, config.hardware.devices, config.hardware.nodes)
        money = None if price is None else hours * price
        reach.note(told, {"device_hours": hours, "money": money})
        stop = reached(config.budget, opened[0].get_trials(deepcopy=False))
        return Stop("budget", stop) if stop else None

    return look
