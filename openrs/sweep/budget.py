"""What a sweep has spent, and when that is enough."""

from collections.abc import Sequence
from datetime import UTC, datetime
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


def spent(trials: Sequence[FrozenTrial], besides: Path | None = None) -> dict[str, float]:
    """Device hours and dollars of a study since it began, failed, pruned and killed attempts included.

    The ledgers of its trials' runs say it; where a ledger is not on this machine, the trial's record does.

    Args:
        trials: of the study.
        besides: the folder of a run that is not counted.
    """
    began = _began(trials)
    folders, total = set(), {"device_hours": 0.0, "money": 0.0}
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        kept = {Path(record[key]) for key in ("folder", "base") if key in record}
        kept = {folder for folder in kept if (folder / cost.LEDGER).exists()}
        folders |= kept
        if not kept:
            for name in total:
                total[name] += record.get(name) or 0.0
    for folder in folders - {besides}:
        for name, amount in since(folder, began).items():
            total[name] += amount
    return total


def since(folder: Path, began: datetime) -> dict[str, float]:
    """What a run's ledger holds of stages that began at this time or later."""
    lines = [item for item in cost.ledger(folder) if datetime.fromisoformat(item["began"]) >= began]
    return {
        "device_hours": sum(line["device_hours"] for line in lines),
        "money": sum(line["dollars"] or 0.0 for line in lines),
    }


def _began(trials: Sequence[FrozenTrial]) -> datetime:
    """When the first trial started; Optuna keeps local times."""
    starts = [trial.datetime_start.astimezone(UTC) for trial in trials if trial.datetime_start]
    return min(starts, default=datetime.now(UTC))


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


def watch(config: Config, folder: Path, told: dict[str, Any]) -> Watch:
    """Ends a running trial, resumably, once the sweep's budget is reached.

    Args:
        config: the trial's.
        folder: of the trial's run, whose ledger has earlier attempts, killed ones too.
        told: the study, as `openrs.sweep.job.Trial.study` describes it.
    """
    others: dict[str, float] = {}
    study_began: list[datetime] = []

    def look(line: dict[str, Any]) -> Stop | None:
        if not study_began:
            study = optuna.load_study(
                study_name=told["study_name"], storage=open_storage(told["storage"], Path())
            )
            trials = study.get_trials(deepcopy=False)
            study_began.append(_began(trials))
            others.update(spent(trials, besides=folder))
        own = since(folder, study_began[0])
        for name, amount in own.items():
            limit = getattr(config.budget, name)
            if limit is not None and others[name] + amount >= limit:
                return Stop("budget", f"budget.{name}={limit:g} is reached")
        return None

    return look
