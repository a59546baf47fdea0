"""What the runs of a study have spent, and whether a budget is reached."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from openrs.records import ledger
from openrs.studies.trials import RECORD

KINDS = ("device_hours", "money")
"""What a budget limits: fields of `openrs.config.schema.Budget`."""


def limits(budget: Any) -> dict[str, float]:
    """The limits that are set."""
    return {name: float(limit) for name in KINDS if (limit := getattr(budget, name)) is not None}


def spent(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Device-hours and dollars (`money`) of a study since it began, of running, failed and killed trials too.

    The ledgers of the trials' runs say what was spent; where a ledger is not on this machine, the trial's
    record does.
    """
    starts = [trial.datetime_start.astimezone(UTC) for trial in trials if trial.datetime_start]
    began = min(starts, default=datetime.now(UTC))
    folders, total = set(), dict.fromkeys(KINDS, 0.0)
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        here = {record[key] for key in ("folder", "base") if key in record and _entries(record[key])}
        folders |= here
        if not here:
            for name in total:
                total[name] += record.get(name) or 0.0
    for folder in folders:
        entries = [entry for entry in _entries(folder) if datetime.fromisoformat(entry["began"]) >= began]
        total["device_hours"] += sum(entry["device_hours"] for entry in entries)
        total["money"] += sum(entry["dollars"] or 0.0 for entry in entries)
    return total


def _entries(folder: str) -> tuple[dict[str, Any], ...]:
    """The ledger in a run's folder."""
    try:
        file = (Path(folder) / ledger.LEDGER).stat()
    except OSError:
        return ()
    return _read(folder, file.st_mtime_ns, file.st_size)


@lru_cache(maxsize=4096)  # a sweep asks at every trial, and most of its ledgers are closed
def _read(folder: str, changed: int, size: int) -> tuple[dict[str, Any], ...]:
    return tuple(ledger.entries(Path(folder)))


def reached(budget: Any, trials: Sequence[FrozenTrial]) -> str:
    """The limit that was reached, in words, or nothing."""
    if not limits(budget):
        return ""  # without reading a thousand ledgers
    used = spent(trials)
    for name, limit in limits(budget).items():
        if used[name] >= limit:
            return f"budget.{name}={limit:g} is reached ({used[name]:.3g} spent)"
    return ""
