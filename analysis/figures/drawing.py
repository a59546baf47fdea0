"""`openrs figures outputs/ [-o DIR]`: every figure that the records allow, as SVG and PNG."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from openrs.analysis import curves
from openrs.analysis.arms import Block, arms, blocks
from openrs.analysis.figures import cost, forest, learning
from openrs.analysis.figures.style import MOST, styled
from openrs.analysis.rows import ResultRow, result_rows, titles
from openrs.analysis.run_records import RunRecords
from openrs.analysis.tables import costs, table1
from openrs.errors import Mistake
from openrs.records import paper

if TYPE_CHECKING:
    from openrs.studies.plots import Study

DPI = 200
"""Of the PNG beside each SVG: for screens and slides. 300 takes a sixth more of the command's time."""
ROWS = 40
"""Differences that a figure of a page's height can hold."""
Traces = Mapping[str, Sequence[curves.Trace]]
NamedFigure = tuple[str, Figure]
"""Name of the file, and the figure."""


def write(runs: list[RunRecords], folder: Path, sweep: tuple[str, str] | None = None) -> list[Path]:
    """Draws and writes; returns the files.

    Args:
        sweep: storage URL and study name of a sweep to draw too.

    Raises:
        Mistake: nothing here can be drawn, or the sweep cannot be read.
    """
    traces = curves.traces(runs)
    with styled():
        paths = _save(chain(_of_sweep(sweep), _of_scores(runs, traces), _of_traces(traces)), folder)
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
    """Writes each figure twice: it is laid out once, and drawn once a file. (`savefig` does both twice.)"""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures:
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        vector, raster = folder / f"{name}.svg", folder / f"{name}.png"
        FigureCanvasSVG(figure).print_svg(vector, metadata={"Date": None})
        figure.set_dpi(DPI)
        # the default level takes a tenth of the command's time for a tenth of the size
        FigureCanvasAgg(figure).print_png(raster, pil_kwargs={"compress_level": 3})
        paths += [vector, raster]
    return paths


def _of_sweep(sweep: tuple[str, str] | None) -> Iterator[NamedFigure]:
    if sweep is not None:
        from openrs.analysis.figures import sweeps

        for name, figure in sweeps.sweep(*sweep).items():
            yield f"sweep-{name}", figure


def _of_traces(traces: Traces) -> Iterator[NamedFigure]:
    for key, members in traces.items():
        for part, own in _parts(trace.recipe for trace in members):
            yield f"{key}{part}", learning.trace(key, [trace for trace in members if trace.recipe in own])


def _parts(labels: Iterable[str]) -> list[tuple[str, set[str]]]:
    """The end of each figure's name and its recipes: no figure holds more than MOST."""
    distinct = list(dict.fromkeys(labels))
    begins = range(0, len(distinct), MOST)
    several = len(distinct) > MOST
    return [
        (f"-part{begin // MOST + 1}" if several else "", set(distinct[begin : begin + MOST]))
        for begin in begins
    ]


def _of_scores(runs: list[RunRecords], traces: Traces) -> Iterator[NamedFigure]:
    parts = table1.parts(runs) if any(run.scores for run in runs) else []
    for place, part in enumerate(parts):
        suffix = f"-{place + 1}" if place else ""
        rows = result_rows(part.evaluations)
        panels = curves.panels(rows)
        yield from _accuracy(panels, suffix)
        yield from _differences(rows, suffix)
        yield from _priced(panels, runs, traces, suffix)


def _accuracy(panels: Sequence[curves.Panel], suffix: str) -> Iterator[NamedFigure]:
    for part, own in _parts(curve.recipe for panel in panels for curve in panel.curves):
        drawn = [replace(p, curves=tuple(c for c in p.curves if c.recipe in own)) for p in panels]
        yield f"accuracy{suffix}{part}", learning.accuracy([panel for panel in drawn if panel.curves])


def _differences(rows: Sequence[ResultRow], suffix: str) -> Iterator[NamedFigure]:
    """Arms against each other, then against the base model, then their single runs."""
    differences = blocks(arms(rows), titles(rows))
    for part, kept in _chunks(differences):
        yield f"differences{suffix}{part}", forest.forest(kept, "points")


def _chunks(blocks: Sequence[Block]) -> list[tuple[str, list[Block]]]:
    """The blocks cut so that a figure fits a page; p stays corrected over the whole of each block."""
    figures: list[list[Block]] = [[]]
    room = ROWS
    for block in blocks:
        rest = block.table.rows
        while rest:
            if room == 0:
                figures.append([])
                room = ROWS
            part, rest = rest[:room], rest[room:]
            room -= len(part)
            figures[-1].append(replace(block, table=replace(block.table, rows=part)))
    several = len(figures) > 1
    return [(f"-part{i}" if several else "", own) for i, own in enumerate(figures, 1) if own]


def _priced(
    panels: Sequence[curves.Panel], runs: Sequence[RunRecords], traces: Traces, suffix: str
) -> Iterator[NamedFigure]:
    """Score against the cost of a run, in dollars where all runs have a price, else in device time."""
    spent = {run.id: paid for run in runs if (paid := costs.training(run)) is not None}
    last = {trace.run: trace.steps[-1] for members in traces.values() for trace in members}
    lines = [c for c in (panels[0].curves if panels else ()) if not c.single and set(c.runs) <= set(spent)]
    if not lines:
        return
    used = [spent[id_] for line in lines for id_ in line.runs]
    unit, scale = "US dollars", 1.0
    priced = all(paid.dollars is not None for paid in used)
    if not priced:
        short = max(paid.device_hours for paid in used) < 1
        unit, scale = ("device-minutes", 60) if short else ("device-hours", 1)

    whole = {
        id_: paid.dollars if priced and paid.dollars is not None else paid.device_hours
        for id_, paid in spent.items()
    }

    def cost_at(line: curves.ScoreCurve, step: int) -> float:
        """What a run of the recipe cost up to a step, on average."""
        shares = [min(1.0, step / last.get(id_, step)) * whole[id_] for id_ in line.runs]
        return scale * sum(shares) / len(shares)

    marks = [
        cost.Priced(line.label, cost_at(line, point.step), point.mean, point.low, point.high)
        for line in lines
        for point in line.points
    ]
    shown = [panel.title for panel in panels if panel.title != curves.AVERAGE]
    if priced and set(shown) == set(paper.TITLES):
        marks += _published()
    for part, own in _parts(mark.label for mark in marks):
        drawn = [mark for mark in marks if mark.label in own]
        yield f"cost{suffix}{part}", cost.against_cost(drawn, unit, f"mean of {', '.join(shown)}")


def _published() -> list[cost.Priced]:
    return [
        cost.Priced(f"{row.model} (published)", price, row.average, None, None, True)
        for row in paper.TABLE1
        if (price := paper.dollars(row.model)) is not None and row.average is not None
    ]
