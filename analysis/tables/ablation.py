"""Factors of a set of runs against benchmarks: levels, replicates, marginal means, differences.

A factor is whatever differs between the recipes (or the evaluation settings, as `evaluation.temperature`).
Runs that differ only in their seeds are replicates: each cell is a mean over them, never over their
sampling seeds at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from openrs.analysis import mixing
from openrs.analysis.cells import AVERAGE, Cell, Metric, measure_all
from openrs.analysis.rows import ResultRow, titles
from openrs.analysis.run_records import Evaluation, RunRecords, evaluations
from openrs.analysis.tables import captions, comparisons, controls, verdicts
from openrs.analysis.tables.combinations import (
    Combination,
    Key,
    combine,
    fitting,
    label,
    levels_of,
    marginal,
    margins,
)
from openrs.analysis.tables.selection import benchmark_title
from openrs.analysis.tables.table import Table
from openrs.analysis.tables.values import score_body, value
from openrs.errors import Mistake

REPLICATES = "runs that differ only in seeds, of each run's mean over sampling seeds"


@dataclass(frozen=True)
class AblationDesign:
    """The layout: factors down the side and across, and the checkpoint of each run."""

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
    runs: bool = False
    """Whether runs of an arm have rows beside their mean."""

    def __post_init__(self) -> None:
        if self.step not in ("last", "reported") and not self.step.isdigit():
            raise Mistake(f"step={self.step}: is not last, reported or a number. Give one of them.")
        if self.columns is not None and self.benchmark is None:
            raise Mistake(
                f"columns={self.columns}: a table of two factors shows one benchmark. Name it with "
                "--benchmark."
            )


def tables(runs: Sequence[RunRecords], design: AblationDesign) -> list[Table]:
    """The layout, its marginal means, what control arms reach, and the differences to the baseline.

    Raises:
        Mistake: no run fits, a factor does not differ, or rows are not comparable.
    """
    members = [item for run in runs if (item := _at_step(run, design.step)) is not None]
    trained = [item for item in members if item.trained]
    if not trained:
        raise Mistake(f"step={design.step}: no run has scores there. Evaluate it, or give another step.")
    mixing.refuse(members, design.mixed)
    levels = levels_of(trained, (*design.rows, design.columns or ""))
    side = fitting(design.rows, levels, "rows") or list(levels)
    across = fitting((design.columns,), levels, "columns") if design.columns else []
    side = [name for name in side if name not in across]
    combinations = combine(trained, [*side, *across], levels, design.metric)
    if design.columns:
        return [_two_factors(combinations, side, across, design)]
    base = [
        ResultRow(str(item.run.config["model"]["title"]), (item,), cells)
        for item in members
        if not item.trained and (cells := measure_all(item.scores, design.metric, item.run.folder))
    ]
    rows = [
        row
        for key, item in combinations.items()
        for row in item.rows(label(side, key) or item.evaluations[0].run.name, design.metric, design.runs)
    ]
    averaged = sorted(set(levels) - set(side))
    return _by_benchmark([*base, *rows], combinations, side, design, averaged)


def _at_step(run: RunRecords, step: str) -> Evaluation | None:
    """A run's evaluation at a step: of several ways of measuring, the one with most benchmarks."""
    items = evaluations(run)
    at = run.config.get("report_step") if step == "reported" else step
    if step == "last":
        at = max((item.step for item in items), default=None)
    candidates = [item for item in items if str(item.step) == str(at) or not item.trained]
    return max(candidates, key=lambda item: len(item.scores), default=None)


def _by_benchmark(
    rows: list[ResultRow],
    combinations: dict[Key, Combination],
    names: list[str],
    design: AblationDesign,
    averaged: list[str],
) -> list[Table]:
    benchmarks, metric = titles(rows), design.metric
    notes = [
        *captions.of_scores(rows, benchmarks, metric, REPLICATES, len(rows) > 1, design.mixed),
        f"Checkpoint of each run: {design.step}.",
    ]
    if captions.too_few(rows, benchmarks):
        notes = notes[:1]
    if averaged:
        notes.append(f"Averaged over, because they are not among the rows: {', '.join(averaged)}.")
    columns, body = (*benchmarks, "Avg."), score_body(rows, benchmarks, metric)
    layout = [Table(f"Ablation: {metric.title}", columns, body, tuple(notes), "ablation")]
    if len(names) > 1:
        layout.append(_margins(margins(combinations, names, benchmarks), benchmarks, metric))
    if shares := controls.table(rows, benchmarks, metric, "ablation-controls"):
        layout.append(shares)
    baseline = None if design.baseline is None else _baseline(rows, design.baseline)
    if differences := comparisons.of_arms(rows, benchmarks, metric, "ablation-differences", baseline):
        layout.append(differences)
    return [*layout[:-1], layout[-1].with_end(verdicts.sentence(rows, benchmarks, metric))]


def _margins(rows: list[ResultRow], benchmarks: list[str], metric: Metric) -> Table:
    return Table(
        "Marginal means",
        (*benchmarks, "Avg."),
        score_body(rows, benchmarks, metric, marked=False),
        (
            "A level's mean is over the combinations that were run, each counted once however many runs it "
            "has; its interval is over problems and leaves out the spread between training seeds. Where some "
            "combinations were not run, levels of one factor may differ because of the other factors.",
        ),
        "ablation-margins",
    )


def _baseline(rows: list[ResultRow], text: str) -> ResultRow:
    fits = [row for row in rows if row.label == text] or [row for row in rows if text in row.label]
    if len(fits) != 1:
        labels = "; ".join(row.label for row in rows)
        raise Mistake(f"baseline={text}: {len(fits)} rows fit. Give enough of one of: {labels}.")
    return fits[0]


def _two_factors(
    combinations: dict[Key, Combination], side: list[str], across: list[str], design: AblationDesign
) -> Table:
    """One benchmark, factors down the side and across, with marginal means."""
    measured = {title for item in combinations.values() for title in item.cells}
    title, split = benchmark_title(design.benchmark or "", measured, "benchmark"), len(side)
    downs = list(dict.fromkeys(key[:split] for key in combinations))
    overs = list(dict.fromkeys(key[split:] for key in combinations))

    def cells(downs: list[Key], overs: list[Key]) -> list[Cell]:
        """Those that were run."""
        items = [combinations.get((*down, *over)) for down in downs for over in overs]
        return [item.cells[title] for item in items if item and title in item.cells]

    body: list[tuple[str, list[Cell | None]]] = []
    for down in downs:
        own = [next(iter(cells([down], [over])), None) for over in overs]
        body.append((label(side, down) or "all", [*own, marginal(cells([down], overs))]))
    means = [marginal(cells(downs, [over])) for over in overs]
    body.append(("mean", [*means, marginal(cells(downs, overs))]))
    rows = [
        ResultRow("", item.evaluations, item.cells) for item in combinations.values() if title in item.cells
    ]
    return Table(
        f"Ablation: {title}, {design.metric.title}",
        (*(label(across, over) for over in overs), "mean"),
        tuple((text, tuple(value(cell, design.metric) for cell in items)) for text, items in body),
        (
            *captions.of_scores(rows, [title], design.metric, REPLICATES, mixed=design.mixed),
            f"Checkpoint of each run: {design.step}. The last row and column are plain means of the cells "
            "that were run, with intervals over problems.",
        ),
        "ablation",
    )
