"""What changes over training steps: scores of checkpoints with intervals, and what the trainer logged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openrs.analysis.lines import Line, differing_settings, lines
from openrs.analysis.records import Row, RunRecords, differences, replicates
from openrs.records.files import read_lines

LOGGED = {
    "reward": "mean reward of a completion",
    "completion_length": "completion length (tokens)",
    "kl": "KL to the untrained model (nats a token)",
}
"""What is drawn of a run's metrics.jsonl: key -> name with its unit."""


@dataclass(frozen=True)
class Point:
    """A checkpoint's score: percent, with its 95 % interval."""

    step: int
    mean: float
    low: float
    high: float
    kind: str
    """How the interval was made."""


@dataclass(frozen=True)
class Curve:
    """A run's scores on one benchmark, or the mean over the runs of a recipe."""

    label: str
    points: tuple[Point, ...]
    mean_of_runs: bool = False


@dataclass(frozen=True)
class Trace:
    """One logged number of a run: a value a step."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def names(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> its name, with what tells it from the others of that name."""
    told = differences(list(runs))
    return {run.id: f"{run.name} ({told[run.id]})" if told[run.id] else run.name for run in runs}


def scores(rows: Sequence[Row]) -> dict[str, list[Curve]]:
    """Benchmark -> curves of the trained rows; step 0 is the base model of the same name, where measured.

    A curve holds one way of measuring: a run measured with two temperatures has two.

    Args:
        rows: rows that may share a table.
    """
    made = lines(rows)
    labels = names(list({row.run.id: row.run for row in rows}.values()))
    settings = differing_settings(rows)
    bases = {(_model(line.rows[0]), *_way(line.rows[0])): line for line in made if not line.trained}
    grouped: dict[tuple[tuple[str, ...], str, int], list[Line]] = defaultdict(list)
    for line in made:
        if line.trained and line.rows[0].stepped:
            ids = tuple(sorted(row.run.id for row in line.rows))
            grouped[(ids, *_way(line.rows[0]))].append(line)
    found: dict[str, list[Curve]] = defaultdict(list)
    for (ids, settings_text, variant), members in grouped.items():
        names_ = list(dict.fromkeys(row.run.name for row in members[0].rows))
        several = len(ids) > 1
        label = f"{'/'.join(names_)}, mean of {len(ids)} runs" if several else labels[ids[0]]
        label += _told(members[0].rows[0], settings)
        base = bases.get((_model(members[0].rows[0]), settings_text, variant))
        whole = [*([base] if base else []), *sorted(members, key=lambda line: line.rows[0].step)]
        for title in dict.fromkeys(title for line in members for title in line.cells):
            points = tuple(_point(line, title) for line in whole if title in line.cells)
            found[title].append(Curve(label, points, several))
    return dict(found)


def _way(row: Row) -> tuple[str, int]:
    """How a row was measured: two rows of one step and run differ in it."""
    return str(sorted(row.settings.items())), row.variant


def _told(row: Row, settings: Sequence[str]) -> str:
    more = [f"{key}={row.settings.get(key)}" for key in settings]
    more += [f"problem set {row.variant + 1}"] if row.variant else []
    return f" ({', '.join(more)})" if more else ""


def _model(row: Row) -> str:
    return str(row.run.config["model"]["title"])


def _point(line: Line, title: str) -> Point:
    cell = line.cells[title]
    low, high = 100 * cell.interval.low, 100 * cell.interval.high
    return Point(line.rows[0].step, 100 * cell.value, low, high, cell.interval.kind)


def traces(runs: Sequence[RunRecords]) -> dict[str, list[Trace]]:
    """What the trainer logged: key of LOGGED -> a trace for each run that has it, in a table's order."""
    labels, recipes = names(runs), replicates(list(runs))
    found: dict[str, list[Trace]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run.name, recipes[run.id], str(run.recipe.get("seed")))):
        steps = read_lines(run.folder / "train" / "metrics.jsonl")
        for key in LOGGED:
            known = [line for line in steps if _number(line.get(key))]
            if known:
                xs = tuple(int(line["step"]) for line in known)
                found[key].append(Trace(labels[run.id], xs, tuple(float(line[key]) for line in known)))
    return dict(found)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Means over a window centred on each value; the window shrinks at both ends, so nothing is shifted."""
    half, total = window // 2, len(values)
    made = []
    for i in range(total):
        reach = min(half, i, total - 1 - i)
        part = values[i - reach : i + reach + 1]
        made.append(sum(part) / len(part))
    return made


def window_for(steps: int) -> int:
    """The window of a smoothed line: a twentieth of the steps, at least 1, odd."""
    return max(1, steps // 20) | 1
