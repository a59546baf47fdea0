"""`python -m analysis figures outputs/ [-o DIR]`: every figure that the records allow, as SVG and PNG."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from openrs.analysis import baseline, cells, costs, curves
from openrs.analysis.figures import cost, forest, learning
from openrs.analysis.figures.style import MOST, styled
from openrs.analysis.lines import Line, lines, titles
from openrs.analysis.mixing import groups
from openrs.analysis.records import Row, RunRecords, rows
from openrs.analysis.tables import comparisons, table1
from openrs.errors import Mistake
from openrs.records import paper

if TYPE_CHECKING:
    from openrs.studies.plots import Study

KINDS = ("svg", "png")


@dataclass(frozen=True)
class Drawn:
    """A figure and what its file is called."""

    name: str
    figure: Figure


def write(runs: list[RunRecords], folder: Path, sweep: tuple[str, str] | None = None) -> list[Path]:
    """Draws and writes; returns the files.

    Args:
        sweep: storage URL and study name of a sweep to draw too.

    Raises:
        Mistake: nothing here can be drawn, or the sweep cannot be read.
    """
    with styled():
        written = _save(_all(runs, sweep), folder)
    if not written:
        raise Mistake(
            "figures: the runs have no scores and no logged training steps. Run openrs with "
            "stages=[train,evaluate] first."
        )
    return written


def pareto(study: "Study", folder: Path) -> list[Path]:
    """Draws and writes the Pareto set of a study; none where its objectives are too many for a figure."""
    from openrs.analysis.figures import sweeps

    if len(study.directions) not in sweeps.SHOWN:
        return []
    with styled():
        return _save([Drawn("pareto", sweeps.pareto(study))], folder)


def _save(figures: Sequence[Drawn], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for drawn in figures:
        for kind in KINDS:
            path = folder / f"{drawn.name}.{kind}"
            drawn.figure.savefig(path, metadata={"Date": None} if kind == "svg" else None)
            written.append(path)
    return written


def _all(runs: list[RunRecords], sweep: tuple[str, str] | None) -> list[Drawn]:
    made: list[Drawn] = []
    if sweep is not None:
        from openrs.analysis.figures import sweeps

        made += [Drawn(f"sweep-{name}", figure) for name, figure in sweeps.sweep(*sweep).items()]
    apart = [
        members
        for group in table1.split(runs)
        for members in groups([row for run in group for row in rows(run)])
    ]
    for place, members in enumerate(apart):
        suffix = f"-{place + 1}" if place else ""
        made += _of_rows(members, suffix)
    for key, found in curves.traces(runs).items():
        made += [
            Drawn(f"{key}{part}", learning.trace(key, found[begin : begin + MOST]))
            for begin, part in _parts(len(found))
        ]
    return made


def _parts(count: int) -> list[tuple[int, str]]:
    """Where each figure's lines begin, and the end of its name: no figure holds more than MOST lines."""
    begins = range(0, count, MOST)
    return [(begin, f"-part{begin // MOST + 1}" if count > MOST else "") for begin in begins]


def _of_rows(members: list[Row], suffix: str) -> list[Drawn]:
    made = []
    found = curves.scores(members)
    labels = list(dict.fromkeys(curve.label for each in found.values() for curve in each))
    based = {str(row.run.config["model"]["title"]) for row in members if not row.trained}
    for begin, part in _parts(len(labels)):
        kept = labels[begin : begin + MOST]
        shown = {title: [c for c in each if c.label in kept] for title, each in found.items()}
        shown = {title: each for title, each in shown.items() if each}
        at_zero = any(curve.points[0].step == 0 for each in shown.values() for curve in each)
        told = ", ".join(sorted(based)) if at_zero else ""
        made.append(Drawn(f"accuracy{suffix}{part}", learning.accuracy(shown, told)))
    made_lines = lines(members)
    base = baseline.of_lines(made_lines)
    others = [line for line in made_lines if line is not base]
    shown_titles = titles(made_lines)
    if base is not None and others:
        table = comparisons.table(base, others, shown_titles)  # whole: p is corrected over all its rows
        for begin, part in _parts(len(others)):
            kept_rows = replace(table, rows=table.rows[begin : begin + MOST], origins=())
            made.append(Drawn(f"differences{suffix}{part}", forest.forest(kept_rows, "points")))
    return made + _priced(made_lines, shown_titles, suffix)


def _priced(made: Sequence[Line], shown: Sequence[str], suffix: str) -> list[Drawn]:
    """Score against cost, in dollars where all runs have a price, else in device time."""
    points, dollars = [], True
    labels = curves.names(list({row.run.id: row.run for line in made for row in line.rows}.values()))
    for line in made:
        if len(line.rows) != 1 or not line.trained:
            continue
        spent, value = costs.training(line.rows[0].run), table1.average(line, shown, cells.AVERAGE, False)
        if spent is not None and value is not None:
            points.append((line, spent, value))
            dollars = dollars and spent.dollars is not None
    if not points:
        return []
    drawn, unit = [], "US dollars"
    hours = max(spent.device_hours for _, spent, _ in points)
    for line, spent, value in points:
        paid = spent.dollars
        if not dollars or paid is None:
            unit, paid = ("device-hours", spent.device_hours)
            if hours < 1:
                unit, paid = "device-minutes", 60 * paid
        label = labels[line.rows[0].run.id]
        drawn.append(cost.Priced(label, _share(line) * paid, value.mean, value.low, value.high))
    if dollars and set(shown) == set(paper.TITLES):
        drawn += _published()
    kept = list(dict.fromkeys(point.label for point in drawn))
    mean_of = f"mean of {', '.join(shown)}"
    return [
        Drawn(
            f"cost{suffix}{part}",
            cost.against_cost([p for p in drawn if p.label in kept[begin : begin + MOST]], unit, mean_of),
        )
        for begin, part in _parts(len(kept))
    ]


def _share(line: Line) -> float:
    """The part of a run's training that its checkpoint needed."""
    run, step = line.rows[0].run, line.rows[0].step
    last = max((trace.steps[-1] for trace in curves.traces([run]).get("reward", [])), default=step)
    return min(1.0, step / last)


def _published() -> list[cost.Priced]:
    return [
        cost.Priced(f"{row.model} (published)", dollars, row.average, None, None, True)
        for row in paper.TABLE1
        if (dollars := paper.dollars(row.model)) is not None and row.average is not None
    ]
