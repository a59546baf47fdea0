"""Curves over training steps: scores of checkpoints with intervals, and the trainer's log."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openrs.analysis.factors import names, replicates
from openrs.analysis.rows import ResultRow, differing_settings, other_settings, result_rows, run_names
from openrs.analysis.run_records import Evaluation, RunRecords, runs_of
from openrs.records import faults
from openrs.records.training import logged_steps

LOGGED = {
    "reward": "mean reward of a completion",
    "completion_length": "completion length (tokens)",
    "kl": "KL to the untrained model (nats a token)",
}
"""Numbers of a run's metrics.jsonl that are drawn: key -> name with its unit."""


@dataclass(frozen=True)
class Point:
    """A checkpoint's score: percent, with its 95 % interval."""

    step: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ScoreCurve:
    """A run's scores on one benchmark, or the mean over the runs of a recipe."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Trace:
    """One logged number of a run: a value a step."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def scores(evaluations: Sequence[Evaluation]) -> dict[str, list[ScoreCurve]]:
    """Benchmark -> curves of trained checkpoints; step 0 is the base model of the same name, where measured.

    A curve holds one way of measuring: a run measured with two temperatures has two.

    Args:
        evaluations: those that may share a table.
    """
    rows = result_rows(evaluations)
    labels = names(runs_of(evaluations))
    settings = differing_settings(evaluations)
    bases = [row for row in rows if not row.trained]
    groups: dict[tuple[Any, ...], list[ResultRow]] = defaultdict(list)
    for row in rows:
        if row.trained and row.evaluations[0].stepped:
            ids = tuple(sorted(item.run.id for item in row.evaluations))
            groups[ids, row.evaluations[0].way].append(row)
    curves: dict[str, list[ScoreCurve]] = defaultdict(list)
    for (ids, way), members in groups.items():
        items = members[0].evaluations
        label = f"{run_names(items)}, mean of {len(ids)} runs" if len(ids) > 1 else labels[ids[0]]
        if other := other_settings(items[0], settings):
            label += f" ({', '.join(other)})"
        fits = [row for row in bases if _model(row) == _model(members[0])]
        alike = [row for row in fits if row.evaluations[0].is_measured_like(items[0])]
        base = min(alike, key=lambda row: row.evaluations[0].way != way, default=None)
        whole = [*([base] if base else []), *sorted(members, key=lambda row: row.evaluations[0].step)]
        for title in dict.fromkeys(title for row in members for title in row.cells):
            measured = [
                (row.evaluations[0].step, row.cells[title].estimate) for row in whole if title in row.cells
            ]
            points = [Point(step, 100 * e.value, 100 * e.low, 100 * e.high) for step, e in measured]
            curves[title].append(ScoreCurve(label, tuple(points)))
    return dict(curves)


def _model(row: ResultRow) -> str:
    return str(row.evaluations[0].run.config["model"]["title"])


def traces(runs: Sequence[RunRecords]) -> dict[str, list[Trace]]:
    """Key of LOGGED -> a trace for each run that logged the key, in a table's order."""
    labels, recipes = names(runs), replicates(runs)
    by_key: dict[str, list[Trace]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run.name, recipes[run.id], str(run.recipe.get("seed")))):
        lines = logged_steps(run.folder / "train")
        for key in LOGGED:
            numbers = [line for line in lines if faults.is_number(line.get(key))]
            if numbers:
                steps = tuple(int(line["step"]) for line in numbers)
                by_key[key].append(Trace(labels[run.id], steps, tuple(float(line[key]) for line in numbers)))
    return dict(by_key)


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Means over a window centred on each value; the window shrinks at both ends, so nothing is shifted."""
    half, total = window // 2, len(values)
    means = []
    for i in range(total):
        reach = min(half, i, total - 1 - i)
        part = values[i - reach : i + reach + 1]
        means.append(sum(part) / len(part))
    return means


def window_for(steps: int) -> int:
    """The window of a smoothed line: a twentieth of the steps, at least 1, odd."""
    return max(1, steps // 20) | 1
