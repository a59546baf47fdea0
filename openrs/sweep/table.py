"""The comparison that ends a sweep: a row per level of what was swept, its replicates grouped.

Cells, intervals and tests are those of `analysis`; what is here is which trials make a row.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from openrs.analysis import cells
from openrs.analysis.lines import Line, titles
from openrs.analysis.records import Row, RunRecords
from openrs.analysis.tables import comparisons
from openrs.analysis.tables.table import Table, Value
from openrs.analysis.tables.table1 import average, value
from openrs.records import scores
from openrs.records.scores import Score
from openrs.studies.trials import REASON, RECORD, why
from openrs.sweep.objective import TRAINED

REPLICATE = "seed"
"""The dimension whose values are replicates of one level."""

MOST = 40
"""Rows of a table; of a larger sweep the best are shown."""


NAMED = 12
"""Levels without a complete run that are named below the table; of more, their number is told."""


@dataclass(frozen=True)
class Level:
    """One row: what was set, and the trials that had it."""

    told: str
    trials: tuple[FrozenTrial, ...]
    """The complete ones, one a run."""
    others: tuple[FrozenTrial, ...] = ()
    """Those that were pruned, failed or still run."""

    def values(self, index: int) -> list[float]:
        """An objective of every replicate."""
        return [trial.values[index] for trial in self.trials]

    @property
    def outcome(self) -> str:
        """How the trials that are not complete ended."""
        return "; ".join(dict.fromkeys(_outcome(trial) for trial in self.others))


def levels(trials: Sequence[FrozenTrial]) -> list[Level]:
    """Trials grouped by what was swept besides the seed, in the order of their slots; a run that two
    trials share counts once."""
    spelled = _spelling(trials)
    grouped: dict[tuple[tuple[str, str], ...], list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        grouped[tuple(sorted((k, repr(v)) for k, v in _params(trial).items()))].append(trial)
    found = []
    for members in grouped.values():
        told = ", ".join(f"{k}={spelled[k](v)}" for k, v in _params(members[0]).items())
        runs: dict[str, FrozenTrial] = {}
        for trial in members:
            if trial.state == TrialState.COMPLETE:
                runs.setdefault(trial.user_attrs[RECORD]["run"], trial)
        others = tuple(trial for trial in members if trial.state != TrialState.COMPLETE)
        found.append(Level(told or "all", tuple(runs.values()), others))
    return found


def _params(trial: FrozenTrial) -> dict[str, Any]:
    """What was swept besides the seed; a trial that died at once has only what was enqueued for it."""
    params = trial.params or trial.system_attrs.get("fixed_params", {})
    return {name: value for name, value in params.items() if name != REPLICATE}


def _spelling(trials: Sequence[FrozenTrial]) -> dict[str, Callable[[Any], str]]:
    """How the values of each dimension are written: with four digits where that tells them apart."""
    values: dict[str, set[Any]] = defaultdict(set)
    for trial in trials:
        for name, one in _params(trial).items():
            values[name].add(one)
    return {
        name: _short if len({_short(v) for v in known}) == len(known) else str
        for name, known in values.items()
    }


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _outcome(trial: FrozenTrial) -> str:
    """How a trial that is not complete ended."""
    if trial.state == TrialState.PRUNED:
        reason = trial.user_attrs.get(REASON, "")
        return f"pruned ({reason})" if reason else "pruned"
    if trial.state == TrialState.FAIL:
        return f"failed ({why(trial)})"
    return "still running"


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
    missing: int = 0,
) -> list[Table]:
    """The comparison of a sweep's complete trials, and the differences to its first level.

    Args:
        trials: the last of every slot, in the order of the slots; those that are not complete are noted.
        objectives: what the sweep looked for; those that are no score get a column.
        directions: of the objectives.
        name: of the table's files.
        chosen_by: the benchmark whose scores decided which runs went on, if one did.
        missing: slots that were not tried.
    """
    every = levels(trials)
    found = [level for level in every if level.trials]
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
    caption = _caption(made, columns, len(found) - len(shown)) + _left_out(every, missing)
    if chosen_by:
        caption.append(f"Scores on {chosen_by} decided which runs went on, so these scores flatter the runs.")
    lost = _lost_baseline(every[0], found) if columns else []
    differences = []
    if columns and len(made) > 1:
        made_of = comparisons.table(made[0], made[1:], columns, name=f"{name}-differences")
        differences.append(replace(made_of, caption=(*lost, *made_of.caption)))
    else:
        caption += lost
    title = f"Comparison of {len(found)} level{'s' * (len(found) > 1)}"
    return [Table(title, heads, tuple(body), tuple(caption), name), *differences]


def _lost_baseline(first: Level, found: Sequence[Level]) -> list[str]:
    """What is said where the first level, which others are compared with, has no complete run."""
    if first.trials:
        return []
    told = f"The first level, {first.told}, has no complete run: {first.outcome}."
    if len(found) > 1:
        told += f" Differences are to {found[0].told}, the first level with a complete run."
    return [told]


def _left_out(every: Sequence[Level], missing: int) -> list[str]:
    """What the table does not show: levels without a complete run, runs that are missing in a mean, and
    trials that are yet to come."""
    told = []
    lost = [f"{level.told}: {level.outcome}" for level in every if not level.trials]
    if lost:
        more = f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        told.append(f"Levels without a complete run: {'; '.join(lost[:NAMED])}{more}.")
    partly = [level for level in every if level.trials and level.others]
    if partly:
        counted = [f"{level.told} ({len(level.others)}: {level.outcome})" for level in partly[:NAMED]]
        more = f"; and {len(partly) - NAMED} more levels" if len(partly) > NAMED else ""
        told.append(f"Trials left out of their level's mean: {'; '.join(counted)}{more}.")
    if missing:
        told.append(f"{missing} trial{'s were' if missing > 1 else ' was'} not run.")
    return told


def _mean(level: Level, index: int) -> Value:
    """An objective's mean over the replicates, with their standard deviation."""
    values = level.values(index)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Value(float(np.mean(values)), std=spread, digits=3)


def _caption(made: Sequence[Line], columns: Sequence[str], hidden: int) -> list[str]:
    told = []
    several = any(one.mean_of_runs for one in made)
    if columns:
        told.append("Percent right at the last evaluated checkpoint.")
        told.append(comparisons.detectable(made, columns))
        if not several:
            told.append("One training seed per level: no interval covers the spread between training seeds.")
    if several:
        told.append(f"Runs that differ in {REPLICATE} alone share a row.")
    if hidden:
        told.append(f"The best levels are shown; the study has {hidden} more.")
    return told
