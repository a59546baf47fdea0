"""Cells as a table shows them: estimates, averages over columns, and the body of a table of scores."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from openrs.analysis.cells import AVERAGE, Cell, Metric
from openrs.analysis.mixing import NOT_STATED
from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics import intervals, recipes
from openrs.analysis.tables.marks import marks
from openrs.analysis.tables.table import Value, bound

Body = tuple[tuple[str, tuple[Value | None, ...]], ...]


def score_body(
    rows: Sequence[ResultRow],
    columns: Sequence[str],
    metric: Metric,
    rules: Sequence[str] = ("raw",),
    marked: bool = True,
) -> Body:
    """Labels and cells of result rows on benchmarks, with averages at the end.

    Args:
        rules: an average column for each: of the cells ("raw"), or of the cells as printed ("rounded").
        marked: whether the best rows are marked.
    """
    marking = [[title] for title in columns] + ([list(columns)] if len(columns) > 1 else [])
    best = marks(rows, marking) if marked else [{}] * len(marking)
    overall = best[-1]
    return tuple(
        (
            row.label,
            (
                *(
                    value(row.cells.get(title), metric, own.get(i, ""))
                    for title, own in zip(columns, best, strict=False)
                ),
                *(average(row, columns, metric, rule == "rounded", overall.get(i, "")) for rule in rules),
            ),
        )
        for i, row in enumerate(rows)
    )


def value(cell: Cell | None, metric: Metric = AVERAGE, mark: str = "") -> Value | None:
    """A cell as shown."""
    if cell is None:
        return None
    return _shown(cell.estimate, metric, mark, n=cell.n, k=cell.k, seeds=span(cell.seeds))


def _shown(estimate: intervals.MeanEstimate, metric: Metric, mark: str, **details: Any) -> Value:
    low, high = bound(estimate.low, metric.unit), bound(estimate.high, metric.unit)
    return Value(metric.unit * estimate.value, low, high, estimate.kind, mark=mark, **details)


def average(
    row: ResultRow, columns: Sequence[str], metric: Metric = AVERAGE, rounded: bool = False, mark: str = ""
) -> Value | None:
    """The plain mean of all columns, or None where one is missing; of one column it has the cell's interval.

    Args:
        rounded: average the cells as printed, to one decimal, and round halves up: the paper's rule.
    """
    if any(title not in row.cells for title in columns):
        return None
    cells = [row.cells[title] for title in columns]
    values, bounded = [cell.value for cell in cells], cells[0].bounded
    if len(cells) == 1:
        estimate = cells[0].estimate
    elif all(cell.run_values for cell in cells):
        per_run = [sum(run) / len(cells) for run in zip(*(cell.run_values for cell in cells), strict=True)]
        estimate = recipes.estimate([cell.column for cell in cells], per_run, bounded)
    else:
        estimate = intervals.of_average(values, [cell.estimate.error for cell in cells], bounded)
    mean = metric.unit * sum(values) / len(values)
    if rounded:
        mean = sum(printed(metric.unit * number) for number in values) / len(values)
    return replace(_shown(estimate, metric, mark), mean=mean)


def printed(number: float) -> float:
    """A number as a table prints it: one decimal, halves up."""
    exact = Decimal(repr(round(number, 9)))
    return float(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))


def span(seeds: tuple[int, ...]) -> str:
    """Sampling seeds in words; those below 0 were not stated."""
    if any(seed < 0 for seed in seeds):
        return NOT_STATED if len(seeds) == 1 else f"{NOT_STATED} ({len(seeds)} distinct outputs)"
    if len(seeds) > 2 and seeds != tuple(range(seeds[0], seeds[0] + len(seeds))):
        return ", ".join(map(str, seeds))
    return f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
