"""Factors of a set of runs against benchmarks: levels, replicates, marginal means, differences.

A factor is whatever differs between the recipes (or the evaluation settings, as `evaluation.temperature`).
Runs that differ only in their seeds are replicates: each cell is a mean over them, never over their
sampling seeds at once.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from openrs.analysis import cells, lines, mixing
from openrs.analysis.cells import AVERAGE, Measured, Metric
from openrs.analysis.lines import Line
from openrs.analysis.records import SEEDS, Row, RunRecords, factors, named, rows, short
from openrs.analysis.statistics import intervals
from openrs.analysis.tables import comparisons, margins
from openrs.analysis.tables.captions import MARKED, OVER_RUNS, measured_how, nano_note
from openrs.analysis.tables.table import Table
from openrs.analysis.tables.table1 import average, value
from openrs.errors import Mistake


@dataclass(frozen=True)
class Design:
    """What is laid out against what."""

    rows: tuple[str, ...] = ()
    """Factors down the side; all that differ where empty."""
    columns: str | None = None
    """A factor across; then `benchmark` says what the cells show."""
    benchmark: str | None = None
    step: str = "last"
    """last, reported, or a number."""
    baseline: str | None = None
    metric: Metric = AVERAGE
    mixed: Collection[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if self.step not in ("last", "reported") and not self.step.isdigit():
            raise Mistake(f"step={self.step}: is not last, reported or a number. Give one of them.")
        if self.columns is not None and self.benchmark is None:
            raise Mistake(
                f"columns={self.columns}: a table of two factors shows one benchmark. Name it with "
                "--benchmark."
            )


def tables(runs: list[RunRecords], design: Design) -> list[Table]:
    """The layout, its marginal means, and the differences to the baseline.

    Raises:
        Mistake: no run fits, a factor does not differ, or rows are not comparable.
    """
    chosen = [row for run in runs if (row := _row(run, design.step)) is not None]
    trained = [row for row in chosen if row.trained]
    if not trained:
        raise Mistake(f"step={design.step}: no run has scores there. Evaluate it, or give another step.")
    mixing.refuse(chosen, design.mixed)
    levels = _levels(trained, (*design.rows, design.columns or ""))
    side = _factors(design.rows, levels, "rows") or list(levels)
    across = _factors((design.columns,), levels, "columns") if design.columns else []
    side = [name for name in side if name not in across]
    combinations = _combinations(trained, [*side, *across], levels, design.metric)
    base = [
        Line(f"{row.run.config['model']['title']}", (row,), measured)
        for row in chosen
        if not row.trained and (measured := _measured(row, design.metric))
    ]
    if design.columns:
        return [_cross(combinations, len(side), design, (*side, *across))]
    made = [_line(key, side, members) for key, members in combinations.items()]
    return _by_benchmark([*base, *made], combinations, side, design, sorted(set(levels) - set(side)))


def _row(run: RunRecords, step: str) -> Row | None:
    """The row of a run at a step: of several ways of measuring, the one with most benchmarks."""
    made = rows(run)
    if not made:
        return None
    wanted = run.config.get("report_step") if step == "reported" else step
    at = max(row.step for row in made) if step == "last" else wanted
    fitting = [row for row in made if str(row.step) == str(at) or not row.trained]
    return max(fitting, key=lambda row: len(row.cells), default=None)


def _levels(made: list[Row], asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Factor -> run id -> level, for all that differs but seeds."""
    found: dict[str, list[Any]] = {
        key: values
        for key, values in named(factors([row.run for row in made]), asked).items()
        if key not in SEEDS and key != "data.rows"
    }
    for key in lines.differing_settings(made):
        found[f"evaluation.{key}"] = [row.settings.get(key) for row in made]
    return {
        key: {row.run.id: level for row, level in zip(made, values, strict=True)}
        for key, values in found.items()
    }


def _factors(asked: Sequence[str], levels: dict[str, dict[str, Any]], option: str) -> list[str]:
    """The factors meant: by their path, or all below a part of it ("reward")."""
    found: list[str] = []
    for name in asked:
        fitting = [key for key in levels if key == name or key.startswith(f"{name}.")]
        if not fitting:
            raise Mistake(
                f"{option}={name}: does not differ between these runs. What differs: "
                f"{', '.join(levels) or 'nothing'}."
            )
        found += [key for key in fitting if key not in found]
    return found


Key = tuple[str, ...]


@dataclass(frozen=True)
class Combination:
    """One level of every factor, and the runs that have it."""

    rows: tuple[Row, ...]
    cells: dict[str, Measured]
    """Means over the runs."""


def _combinations(
    made: list[Row], names: list[str], levels: dict[str, dict[str, Any]], metric: Metric
) -> dict[Key, Combination]:
    together: dict[Key, list[Row]] = defaultdict(list)
    for row in made:
        together[tuple(short(levels[name][row.run.id]) for name in names)].append(row)
    found = {}
    for key, members in sorted(together.items()):
        measured = [_measured(row, metric) for row in members]
        means = measured[0] if len(measured) == 1 else cells.means_over_runs(measured)
        found[key] = Combination(tuple(members), means)
    return found


def _measured(row: Row, metric: Metric) -> dict[str, Measured]:
    found = {t: cells.measure(scores, metric, row.run.folder) for t, scores in row.cells.items()}
    return {title: cell for title, cell in found.items() if cell is not None}


def _line(key: Key, names: list[str], combination: Combination) -> Line:
    label = ", ".join(f"{name}={level}" for name, level in zip(names, key, strict=True))
    runs = len(combination.rows)
    label = label or combination.rows[0].run.name
    return Line(f"{label} ({runs} run{'s' if runs > 1 else ''})", combination.rows, combination.cells)


def _by_benchmark(
    made: list[Line],
    combinations: dict[Key, Combination],
    names: list[str],
    design: Design,
    pooled: list[str],
) -> list[Table]:
    titles = lines.titles(made)
    unit = design.metric.unit
    marks = {title: comparisons.marks(made, [title], means=True) for title in titles}
    overall = comparisons.marks(made, titles, means=True)
    body = tuple(
        (
            line.label,
            (
                *(value(line.cells.get(t), design.metric, marks[t].get(i, "")) for t in titles),
                average(line, titles, design.metric, False, overall.get(i, "")),
            ),
        )
        for i, line in enumerate(made)
    )
    kinds = sorted({cell.interval.kind for line in made for cell in line.cells.values()})
    notes = [
        *measured_how(made, titles),
        f"Checkpoint of each run: {design.step}. Runs that differ only in seeds are replicates. A cell is "
        f"the mean over runs of each run's mean over sampling seeds, with its interval ({', '.join(kinds)}).",
        *([OVER_RUNS] if intervals.RUNS in kinds else []),
        *([MARKED] if len(made) > 1 else []),
        comparisons.detectable(made, titles, unit),
    ]
    if pooled:
        notes.append(f"Averaged over, because they are not among the rows: {', '.join(pooled)}.")
    mixed = mixing.differing([row for line in made for row in line.rows])
    notes += [
        f"Mixed by --mixed: rows differ in {mixing.TRAITS[t]} ({' | '.join(v)})." for t, v in mixed.items()
    ]
    notes += nano_note(titles)
    columns = (*titles, "Avg.")
    found = [Table(f"Ablation: {design.metric.title}", columns, body, tuple(notes), "ablation")]
    if len(names) > 1:
        found.append(
            margins.table(
                {key: item.cells for key, item in combinations.items()}, names, titles, design.metric
            )
        )
    if len(made) > 1:
        baseline = _baseline(made, design.baseline)
        others = [line for line in made if line is not baseline]
        found.append(comparisons.table(baseline, others, titles, unit, "ablation-differences"))
    return found


def _baseline(made: list[Line], text: str | None) -> Line:
    if text is None:
        return made[0]
    fitting = [line for line in made if line.label == text] or [line for line in made if text in line.label]
    if len(fitting) != 1:
        labels = "; ".join(line.label for line in made)
        raise Mistake(f"baseline={text}: {len(fitting)} rows fit. Give enough of one of: {labels}.")
    return fitting[0]


def _cross(combinations: dict[Key, Combination], split: int, design: Design, names: Sequence[str]) -> Table:
    """One benchmark, factors down the side and across, with marginal means."""
    title = _title(design.benchmark or "", combinations)
    side = list(dict.fromkeys(key[:split] for key in combinations))
    across = list(dict.fromkeys(key[split:] for key in combinations))

    def cell(down: Key, over: Key) -> Measured | None:
        found = combinations.get((*down, *over))
        return found.cells.get(title) if found else None

    def label(key: Key, start: int) -> str:
        return ", ".join(f"{n}={level}" for n, level in zip(names[start:], key, strict=False)) or "all"

    body = [
        (
            label(down, 0),
            (
                *(value(cell(down, over), design.metric) for over in across),
                margins.over([c for over in across if (c := cell(down, over))], design.metric),
            ),
        )
        for down in side
    ]
    means = [margins.over([c for down in side if (c := cell(down, over))], design.metric) for over in across]
    shown = [Line("", item.rows, item.cells) for item in combinations.values() if title in item.cells]
    kinds = sorted({line.cells[title].interval.kind for line in shown})
    total = margins.over([c for down in side for over in across if (c := cell(down, over))], design.metric)
    body.append(("mean", (*means, total)))
    return Table(
        f"Ablation: {title}, {design.metric.title}",
        (*(label(over, split) for over in across), "mean"),
        tuple(body),
        (
            *measured_how(shown, [title]),
            f"Checkpoint of each run: {design.step}. A cell is the mean over runs that differ only in seeds, "
            f"with its 95 % interval ({', '.join(kinds)}). The last row and column are plain means of the "
            "cells that were run, with intervals over problems.",
            *([OVER_RUNS] if intervals.RUNS in kinds else []),
            *nano_note([title]),
        ),
        "ablation",
    )


def _title(text: str, combinations: dict[Key, Combination]) -> str:
    titles = {title for item in combinations.values() for title in item.cells}
    for title in titles:
        if text.lower().replace("_", "-") in (title.lower(), title.lower().removeprefix("nano-")):
            return title
    raise Mistake(f"benchmark={text}: no score of it. Measured: {', '.join(sorted(titles))}.")
