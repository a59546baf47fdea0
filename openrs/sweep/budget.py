"""What a sweep has spent, and when that is enough."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial

from openrs import cost
from openrs.collapse import Stop, Watch
from openrs.config import Config
from openrs.mistake import Mistake
from openrs.sweep.storage import open_storage
from openrs.sweep.tasks import RECORD

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep


def spent(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Device hours and dollars of all trials that have ended, failed and pruned ones too."""
    total = {"device_hours": 0.0, "money": 0.0}
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        for name in total:
            total[name] += record.get(name) or 0.0
    return total


def reached(budget: Any, trials: Sequence[FrozenTrial]) -> str:
    """What was reached, in words, or nothing."""
    used = spent(trials)
    for name, amount in used.items():
        limit = getattr(budget, name)
        if limit is not None and amount >= limit:
            return f"budget.{name}={limit:g} is reached ({amount:.3g} spent)"
    return ""


def refuse(sweep: "Sweep") -> None:
    """Stops a sweep whose plan costs more than its budget, before it starts.

    Raises:
        Mistake: naming plan and budget.
    """
    budget = sweep.config.budget
    if budget.device_hours is None and budget.money is None:
        return
    if budget.money is not None and sweep.config.hardware.price_per_device_hour is None:
        raise Mistake(
            f"budget.money={budget.money}: hardware={sweep.config.hardware.name} has no price. Give "
            "hardware.price_per_device_hour=0.44 (dollars), or budget.device_hours."
        )
    from openrs.sweep.estimate import estimate

    planned, used = estimate(sweep), spent(sweep.study.get_trials(deepcopy=False))
    for name, left in (("device_hours", planned.device_hours), ("money", planned.money)):
        limit = budget[name]
        if limit is not None and left is not None and used[name] + left > limit:
            raise Mistake(
                f"budget.{name}={limit:g}: this sweep would take {used[name] + left:.3g} "
                f"({used[name]:.3g} spent, {left:.3g} planned from {planned.sources}). Raise the budget, "
                "lower hydra.sweeper.n_trials, or make the runs shorter; dry_run=true shows the plan."
            )


def watch(config: Config, told: dict[str, Any]) -> Watch:
    """Ends a running trial, resumably, once the sweep's budget is reached.

    Args:
        told: the study, as `openrs.sweep.job.Trial.study` describes it.
    """
    price = config.hardware.price_per_device_hour
    began = time.monotonic()
    earlier: dict[str, float] = {}

    def look(line: dict[str, Any]) -> Stop | None:
        if not earlier:
            study = optuna.load_study(
                study_name=told["study_name"], storage=open_storage(told["storage"], Path())
            )
            earlier.update(spent(study.get_trials(deepcopy=False)))
        hours = (time.monotonic() - began) * cost.devices(config.hardware) / 3600
        for name, amount in (("device_hours", hours), ("money", hours * (price or 0))):
            limit = getattr(config.budget, name)
            if limit is not None and earlier[name] + amount >= limit:
                return Stop("budget", f"budget.{name}={limit:g} is reached")
        return None

    return look
