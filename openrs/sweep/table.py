"""The comparison that ends a sweep: a row per level of what was swept, its replicates grouped.

Cells, intervals and tests are those of `analysis`; what is here is which trials make a row.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from analysis import cells, comparisons
from analysis.lines import Line, titles
from analysis.records import Row, RunRecords
from analysis.table import Table, Value
from analysis.tables import average, value
from openrs import scores
from openrs.scores import Score
from openrs.sweep.objective import TRAINED
from openrs.sweep.tasks import RECORD

REPLICATE = "seed"
"""The dimension whose values are replicates of one level."""

MOST = 40
"""Rows of a table; of a larger sweep the best are shown."""


@dataclass(frozen=True)
class Level:
    """One row: what was set, and the trials that had it."""

    told: str
    trials: tuple[FrozenTrial, ...]

    def values(self, index: int) -> list[float]:
        """An objective of every replicate."""
        return [trial.values[index] for trial in self.trials]


def levels(trials: Sequence[FrozenTrial]) -> list[Level]:
    """Trials grouped by what was swept besides the seed, in the order of their slots; a run that two
    trials share counts once."""
    grouped: dict[str, dict[str, FrozenTrial]] = defaultdict(dict)
    for trial in trials:
        told = ", ".join(f"{k}={_short(v)}" for k, v in trial.params.items() if k != REPLICATE)
        grouped[told or "all"].setdefault(trial.user_attrs[RECORD]["run"], trial)
    return [Level(told, tuple(members.values())) for told, members in grouped.items()]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def row(trial: FrozenTrial) -> Row:
    """What a trial answered at its last evaluated checkpoint; no cells where it was not evaluated, or on
    another machine."""
    record = trial.user_attrs[RECORD]
    read = [scores.read(Path(path)) for path in record.get("scores", [])]
    found: dict[str, list[Score]] = defaultdict(list)
    for score in read if None not in read else []:
        assert score is not None
        found[score.title].append(score)
    run = RunRecords(record.get("name", ""), record["run"], {}, {}, (), Path(record.get("folder", "")))
    return Row(run, record.get("step", 0), {}, dict(found))


def line(level: Level) -> Line:
    """The cells of a level: means over its replicates, where all of them have the benchmark."""
    rows = tuple(row(trial) for trial in level.trials)
    measured = [{title: cells.measure(members) for title, members in one.cells.items()} for one in rows]
    made = {}
    for title in measured[0]:
        known = [cell for one in measured if (cell := one.get(title)) is not None]
        if len(known) == len(measured):
            made[title] = known[0] if len(known) == 1 else cells.over_runs(known)
    runs = len(level.trials)
    return Line(f"{level.told} ({runs} run{'s' if runs > 1 else ''})", rows, made)


def compare(
    trials: Sequence[FrozenTrial],
    objectives: Sequence[str],
    directions: Sequence[str],
    name: str,
    chosen_by: str = "",
) -> list[Table]:
    """The comparison of a sweep's complete trials, and the differences to its first level.

    Args:
        trials: in the order of their slots.
        objectives: what the sweep looked for; those that are no score get a column.
        directions: of the objectives.
        name: of the table's files.
        chosen_by: the benchmark whose scores decided which runs went on, if one did.
    """
    found = levels([trial for trial in trials if RECORD in trial.user_attrs])
    if not found:
        return []
    shown = found
    if len(found) > MOST:
        sign = -1 if directions[0] == "maximize" else 1
        best = sorted(found[1:], key=lambda level: sign * float(np.mean(level.values(0))))
        shown = [found[0], *best[: MOST - 1]]
    made = [line(level) for level in shown]
    columns = titles(made)
    others = [index for index, one in enumerate(objectives) if not columns or one in TRAINED]
    body = []
    for level, one in zip(shown, made, strict=True):
        scored = [value(one.cells.get(title)) for title in columns]
        if columns:
            scored.append(average(one, columns, cells.AVERAGE, rounded=False))
        body.append((one.label, (*scored, *(_mean(level, index) for index in others))))
    heads = (*columns, *(["Avg."] if columns else []), *(objectives[i] for i in others))
    caption = _caption(made, columns, len(found) - len(shown))
    if chosen_by:
        caption.append(
            f"Scores on {chosen_by} decided which runs went on: as they were chosen by, they flatter."
        )
    compared = [Table(f"Comparison of {len(found)} levels", heads, tuple(body), tuple(caption), name)]
    if columns and len(made) > 1:
        compared.append(comparisons.table(made[0], made[1:], columns, name=f"{name}-differences"))
    return compared


def _mean(level: Level, index: int) -> Value:
    """An objective's mean over the replicates, with their standard deviation."""
    values = level.values(index)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Value(float(np.mean(values)), std=spread, digits=3)


def _caption(made: Sequence[Line], columns: Sequence[str], hidden: int) -> list[str]:
    told = []
    several = any(one.mean_of_runs for one in made)
    if columns:
        told.append("Percent at the last evaluated checkpoint.")
        told.append(comparisons.detectable(made, columns))
        if not several:
            told.append("One training seed a level: the intervals do not hold the spread between seeds.")
    if several:
        told.append(f"Runs that differ in {REPLICATE} alone are one row.")
    if hidden:
        told.append(f"{hidden} more levels are in the study; the best are shown.")
    return told
