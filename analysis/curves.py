"""Curves over training steps: scores of checkpoints with intervals, and the trainer's log."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from openrs.analysis.arms import Labels, reported_step
from openrs.analysis.factors import factors, named, natural, replicates, short_names, sort_keys, spelled
from openrs.analysis.rows import ResultRow, evaluations_of, titles
from openrs.analysis.run_records import RunRecords, runs_of
from openrs.analysis.tables.table import Value
from openrs.analysis.tables.values import average, value
from openrs.records import faults
from openrs.records.training import logged_steps

LOGGED = {
    "reward": "mean reward of a completion",
    "completion_length": "completion length (tokens)",
    "kl": "KL to the untrained model (nats a token)",
    "sampling_gap": "vLLM's log-probabilities against the trainer's (nats a token)",
}
"""Numbers of a run's metrics.jsonl that are drawn: key -> name with its unit."""


AVERAGE = "Avg."
"""The panel of the mean over all benchmarks."""


@dataclass(frozen=True)
class Point:
    """A checkpoint's score: percent, with its 95 % interval where there is one."""

    step: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ScoreCurve:
    """A recipe's scores over training steps, or those of one of its several runs."""

    label: str
    recipe: str
    """The label of its recipe."""
    points: tuple[Point, ...]
    runs: tuple[str, ...]
    """Ids of the runs that it is a mean over."""
    single: bool = False
    """True for one of several runs."""
    reported: int | None = None
    """The step that the runs report, where it is among the points."""


@dataclass(frozen=True)
class Panel:
    """The curves of one benchmark, or of the average over all."""

    title: str
    curves: tuple[ScoreCurve, ...]
    """A recipe's, then those of its several runs."""
    bases: tuple[tuple[str, float], ...]
    """Label and score of untrained models."""


@dataclass(frozen=True)
class Trace:
    """One logged number of a run: a value a step; or its mean over the runs of a recipe."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    recipe: str = ""
    reward: str = ""
    """What tells its reward from others, which have other units; "" where all runs have one."""
    run: str = ""
    """The id of its run; "" of a mean."""


def panels(rows: Sequence[ResultRow]) -> list[Panel]:
    """The average over benchmarks first, then each benchmark.

    Args:
        rows: of a table, with those of all runs and of their means.
    """
    shown = titles(rows)
    measures: dict[str, Callable[[ResultRow], Value | None]] = {}
    if len(shown) > 1:
        measures[AVERAGE] = lambda row: average(row, shown)
    measures |= {title: partial(_cell, title) for title in shown}
    labels, lines = Labels(rows), _lines(rows)
    bases = [row for row in rows if not row.trained]
    whole = []
    for title, measure in measures.items():
        curves = [curve for line in lines if (curve := _curve(line, labels, measure))]
        levels = tuple((row.label, cell.mean) for row in bases if (cell := measure(row)))
        if curves:
            whole.append(Panel(title, tuple(curves), levels))
    return whole


def _cell(title: str, row: ResultRow) -> Value | None:
    return value(row.cells.get(title))


@dataclass(frozen=True)
class _Line:
    """The rows of one curve, by step."""

    rows: tuple[ResultRow, ...]
    single: bool = False
    of: int = 1
    """Runs of the recipe."""


def _lines(rows: Sequence[ResultRow]) -> list[_Line]:
    """For each recipe and way of measuring: its mean over as many of its runs as share most checkpoints,
    then its several runs. So a mean is over the same runs at all its points."""
    trained = [row for row in rows if row.trained and row.evaluations[0].stepped]
    recipes = replicates(runs_of(evaluations_of(trained)))
    groups: dict[tuple[Any, ...], dict[tuple[str, ...], list[ResultRow]]] = {}
    for row in trained:
        item = row.evaluations[0]
        ids = tuple(sorted(other.run.id for other in row.evaluations))
        groups.setdefault((recipes[item.run.id], item.way), {}).setdefault(ids, []).append(row)
    lines = []
    for sets in groups.values():
        of = len({id_ for ids in sets for id_ in ids})
        sorted_rows = [tuple(sorted(own, key=lambda row: row.evaluations[0].step)) for own in sets.values()]
        means = [own for own in sorted_rows if own[0].mean_of_runs or of == 1]
        if means:
            lines.append(_Line(max(means, key=lambda own: (len(own), len(own[0].evaluations))), of=of))
        lines += [_Line(own, single=True) for own in sorted_rows if of > 1 and not own[0].mean_of_runs]
    return lines


def _curve(line: _Line, labels: Labels, measure: Callable[[ResultRow], Value | None]) -> ScoreCurve | None:
    points = [
        Point(row.evaluations[0].step, cell.mean, cell.low, cell.high)
        for row in line.rows
        if (cell := measure(row))
    ]
    if not points:
        return None
    runs = runs_of(line.rows[0].evaluations)
    recipe = label = labels.recipe(line.rows[0])
    if line.single:
        label = labels.run(line.rows[0])
    elif line.of > 1:
        label += f" ({len(runs)} runs)" if len(runs) == line.of else f" ({len(runs)} of {line.of} runs)"
    reported = {reported_step(run) for run in runs} & {point.step for point in points}
    step = next(iter(reported)) if len(reported) == 1 else None
    return ScoreCurve(label, recipe, tuple(points), tuple(run.id for run in runs), line.single, step)


def traces(runs: Sequence[RunRecords]) -> dict[str, list[Trace]]:
    """Key of LOGGED -> a trace for each run that logged the key, in a table's order."""
    logs = {run.id: lines for run in runs if (lines := logged_steps(run.folder / "train"))}
    runs = [run for run in runs if run.id in logs]
    if not runs:
        return {}
    labels, recipes, keys = short_names(runs), short_names(runs, seeds=False), sort_keys(runs)
    rewards = _rewards(runs)
    by_key: dict[str, list[Trace]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run.name, keys[run.id], natural(str(run.recipe.get("seed"))))):
        for key in LOGGED:
            numbers = [line for line in logs[run.id] if faults.is_number(line.get(key))]
            if numbers:
                steps = tuple(int(line["step"]) for line in numbers)
                values = tuple(float(line[key]) for line in numbers)
                reward = rewards[run.id] if key == "reward" else ""
                by_key[key].append(Trace(labels[run.id], steps, values, recipes[run.id], reward, run.id))
    return dict(by_key)


def _rewards(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> what tells its reward from those of the other runs."""
    levels = named({k: v for k, v in factors(runs).items() if k.split(".")[0] == "reward"})
    columns = [
        [text if key == "reward" else f"{key.removeprefix('reward.')}={text}" for text in spelled(values)]
        for key, values in levels.items()
    ]
    return {run.id: ", ".join(column[place] for column in columns) for place, run in enumerate(runs)}


def means(members: Sequence[Trace]) -> list[Trace]:
    """For each recipe the mean over its runs, at the steps that all of them logged; of one run its own."""
    groups: dict[str, list[Trace]] = defaultdict(list)
    for trace in members:
        groups[trace.recipe].append(trace)
    whole = []
    for recipe, own in groups.items():
        by_step = [dict(zip(trace.steps, trace.values, strict=True)) for trace in own]
        steps = tuple(step for step in own[0].steps if all(step in values for values in by_step))
        mean = tuple(sum(values[step] for values in by_step) / len(own) for step in steps)
        label = f"{recipe} ({len(own)} runs)" if len(own) > 1 else recipe
        if steps:
            whole.append(Trace(label, steps, mean, recipe, own[0].reward))
    return whole


def apart(members: Sequence[Trace]) -> dict[str, list[Trace]]:
    """Traces by their reward: those of different rewards share no axis."""
    groups: dict[str, list[Trace]] = defaultdict(list)
    for trace in members:
        groups[trace.reward].append(trace)
    return dict(groups)


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
