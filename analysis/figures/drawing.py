"""`openrs figures outputs/ [-o DIR]`: every figure that the records allow, as SVG and PNG."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from openrs.analysis import curves
from openrs.analysis.factors import names
from openrs.analysis.figures import cost, forest, learning
from openrs.analysis.figures.style import MOST, styled
from openrs.analysis.rows import ResultRow, base_row, result_rows, titles
from openrs.analysis.run_records import Evaluation, RunRecords, runs_of
from openrs.analysis.tables import comparisons, costs, table1
from openrs.analysis.tables.values import average
from openrs.errors import Mistake
from openrs.records import paper

if TYPE_CHECKING:
    from openrs.studies.plots import Study

KINDS = ("svg", "png")
NamedFigure = tuple[str, Figure]
"""Name of the file, and the figure."""


def write(runs: list[RunRecords], folder: Path, sweep: tuple[str, str] | None = None) -> list[Path]:
    """Draws and writes; returns the files.

    Args:
        sweep: storage URL and study name of a sweep to draw too.

    Raises:
        Mistake: nothing here can be drawn, or the sweep cannot be read.
    """
    with styled():
        paths = _save([*_of_sweep(sweep), *_of_scores(runs), *_of_traces(runs)], folder)
    if not paths:
        raise Mistake(
            "figures: the runs have no scores and no logged training steps. Run openrs with "
            "stages=[train,evaluate] first."
        )
    return paths


def pareto(study: "Study", folder: Path) -> list[Path]:
    """Draws and writes the Pareto set of a study; none where its objectives are too many for a figure."""
    from openrs.analysis.figures import sweeps

    if len(study.directions) not in sweeps.SHOWN:
        return []
    with styled():
        return _save([("pareto", sweeps.pareto(study))], folder)


def _save(figures: Iterable[NamedFigure], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures:
        for kind in KINDS:
            path = folder / f"{name}.{kind}"
            figure.savefig(path, metadata={"Date": None} if kind == "svg" else None)
            paths.append(path)
    return paths


def _of_sweep(sweep: tuple[str, str] | None) -> Iterator[NamedFigure]:
    if sweep is not None:
        from openrs.analysis.figures import sweeps

        for name, figure in sweeps.sweep(*sweep).items():
            yield f"sweep-{name}", figure


def _of_traces(runs: list[RunRecords]) -> Iterator[NamedFigure]:
    for key, traces in curves.traces(runs).items():
        for begin, part in _parts(len(traces)):
            yield f"{key}{part}", learning.trace(key, traces[begin : begin + MOST])


def _parts(count: int) -> list[tuple[int, str]]:
    """Where each figure's lines begin, and the end of its name: no figure holds more than MOST lines."""
    begins = range(0, count, MOST)
    return [(begin, f"-part{begin // MOST + 1}" if count > MOST else "") for begin in begins]


def _of_scores(runs: list[RunRecords]) -> Iterator[NamedFigure]:
    parts = table1.parts(runs) if any(run.scores for run in runs) else []
    for place, part in enumerate(parts):
        suffix = f"-{place + 1}" if place else ""
        yield from _accuracy(part.evaluations, suffix)
        rows = result_rows(part.evaluations)
        yield from _differences(rows, suffix)
        yield from _priced(rows, suffix)


def _accuracy(evaluations: Sequence[Evaluation], suffix: str) -> Iterator[NamedFigure]:
    scores = curves.scores(evaluations)
    labels = list(dict.fromkeys(curve.label for members in scores.values() for curve in members))
    bases = {str(item.run.config["model"]["title"]) for item in evaluations if not item.trained}
    for begin, part in _parts(len(labels)):
        own = labels[begin : begin + MOST]
        drawn = {title: [c for c in members if c.label in own] for title, members in scores.items()}
        drawn = {title: members for title, members in drawn.items() if members}
        at_zero = any(curve.points[0].step == 0 for members in drawn.values() for curve in members)
        yield f"accuracy{suffix}{part}", learning.accuracy(drawn, ", ".join(sorted(bases)) if at_zero else "")


def _differences(rows: Sequence[ResultRow], suffix: str) -> Iterator[NamedFigure]:
    base = base_row(rows)
    others = [row for row in rows if row is not base]
    if base is not None and others:
        table = comparisons.table(base, others, titles(rows))  # whole: p is corrected over all its rows
        for begin, part in _parts(len(others)):
            drawn = replace(table, rows=table.rows[begin : begin + MOST], origins=())
            yield f"differences{suffix}{part}", forest.forest(drawn, "points")


def _priced(rows: Sequence[ResultRow], suffix: str) -> Iterator[NamedFigure]:
    """Score against cost, in dollars where all runs have a price, else in device time."""
    shown = titles(rows)
    labels = names(runs_of(item for row in rows for item in row.evaluations))
    points = []
    for row in rows:
        if row.mean_of_runs or not row.trained:
            continue
        spent, value = costs.training(row.evaluations[0].run), average(row, shown)
        if spent is not None and value is not None:
            points.append((row, spent, value))
    if not points:
        return
    unit, scale = "US dollars", 1
    priced = all(spent.dollars is not None for _, spent, _ in points)
    if not priced:
        short = max(spent.device_hours for _, spent, _ in points) < 1
        unit, scale = ("device-minutes", 60) if short else ("device-hours", 1)
    marks = []
    for row, spent, value in points:
        paid = scale * (spent.dollars if priced and spent.dollars is not None else spent.device_hours)
        label = labels[row.evaluations[0].run.id]
        marks.append(cost.Priced(label, _share(row) * paid, value.mean, value.low, value.high))
    if priced and set(shown) == set(paper.TITLES):
        marks += _published()
    every = list(dict.fromkeys(mark.label for mark in marks))
    for begin, part in _parts(len(every)):
        own = [mark for mark in marks if mark.label in every[begin : begin + MOST]]
        yield f"cost{suffix}{part}", cost.against_cost(own, unit, f"mean of {', '.join(shown)}")


def _share(row: ResultRow) -> float:
    """The part of a run's training that its checkpoint needed."""
    item = row.evaluations[0]
    last = max((trace.steps[-1] for trace in curves.traces([item.run]).get("reward", [])), default=item.step)
    return min(1.0, item.step / last)


def _published() -> list[cost.Priced]:
    return [
        cost.Priced(f"{row.model} (published)", price, row.average, None, None, True)
        for row in paper.TABLE1
        if (price := paper.dollars(row.model)) is not None and row.average is not None
    ]
