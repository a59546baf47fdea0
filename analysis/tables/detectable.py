"""The smallest differences that a table's tests find with power 0.8."""

import math
from collections import defaultdict
from collections.abc import Sequence

from openrs.analysis.cells import Array, Cell, Metric
from openrs.analysis.rows import ResultRow, beside_base
from openrs.analysis.statistics import differences, power
from openrs.analysis.statistics.differences import Difference
from openrs.analysis.tables.comparisons import LEVEL, Study

SHOWN = "that one test would show (two-sided 5 %, power 0.8, at the noise seen here)"


def detectable(rows: Sequence[ResultRow], titles: Sequence[str], metric: Metric) -> list[str]:
    """The smallest difference of each benchmark, as sentences: to the base model, and between other rows.

    Under the test that the first of the rows and another would be compared with, at the share of problems
    that change back and forth, or the error, of their comparison (the median over the other rows; variances
    of recipes are averaged); where no outcomes are known, unpaired at the rows' mean. Rounded up.
    """
    study = Study(rows)
    rows = [row for row in rows if not row.one_of_several]
    trained = [row for row in rows if row.trained]
    texts = [
        _sentence(f"Smallest difference to {base.label} {SHOWN}", [base, *own], titles, metric, study)
        for base, others in beside_base(rows)
        if (own := [row for row in others if row.trained])
    ]
    if not texts:
        return [_sentence(f"Smallest difference between two rows {SHOWN}", rows, titles, metric, study)]
    if len(trained) > 1:
        texts.append(_sentence("The same between two other rows", trained, titles, metric, study))
    return texts


def _sentence(
    text: str, rows: Sequence[ResultRow], titles: Sequence[str], metric: Metric, study: Study
) -> str:
    parts = []
    for title in titles:
        measured = [row for row in rows if title in row.cells]
        if not measured:
            continue
        cells = [row.cells[title] for row in measured]
        size = f"n {cells[0].n}, k {'/'.join(map(str, sorted({cell.k for cell in cells})))}"
        for how, least in _smallest(measured, title, study).items():
            number = (
                f"{math.ceil(10 * metric.unit * least - 1e-9) / 10:.1f}" if math.isfinite(least) else "none"
            )
            parts.append(f"{title} {number} ({size}, {how})")
    return f"{text}: {', '.join(parts)}."


def _smallest(rows: Sequence[ResultRow], title: str, study: Study) -> dict[str, float]:
    """Comparison with the first row -> the smallest difference; infinite where none could be found."""
    cells = [row.cells[title] for row in rows]
    first = cells[0]
    singles: list[float] = []
    of_runs: dict[int, list[Difference]] = defaultdict(list)
    for row, other in zip(rows[1:], cells[1:], strict=True):
        if not first.ids or first.shares is None or other.shares is None or other.ids != first.ids:
            continue
        item = study.pair(rows[0], row, [title]).parts[title]
        if item.of_recipes:
            of_runs[len(other.vectors)].append(item)
        elif item.kind == differences.MCNEMAR:
            singles.append(power.paired_once(first.n, _churn(first.shares, other.shares, item.p)))
        else:
            singles.append(_smallest_of_several(first.shares, max(first.k, other.k), item, first.bounded))
    smallest = {"paired": sorted(singles)[len(singles) // 2]} if singles else {}
    for count, members in sorted(of_runs.items()):
        how = f"means of {count} runs" if count > 1 else "recipes of one run"
        smallest[how] = _smallest_over_runs(members, first.n)
    if not smallest:
        smallest["unpaired"] = _smallest_unpaired(cells)
    return {how: least if least <= 1 or not first.bounded else math.inf for how, least in smallest.items()}


def _churn(first: Array, second: Array, p: float) -> float:
    """Share of problems that change without making a difference: all, where the rows cannot be told apart."""
    gained, lost = float((second > first).mean()), float((second < first).mean())
    return gained + lost if p >= LEVEL else 2 * min(gained, lost)


def _smallest_of_several(shares: Array, k: int, item: Difference, bounded: bool) -> float:
    """With several answers a problem; a test of signs needs some problems to change, by an answer each."""
    if not bounded:
        return power.from_error(item.error, item.freedom)
    floor = power.LEAST_CHANGED / (len(shares) * k)
    if item.freedom < 1 or math.isinf(item.error):
        return max(floor, power.from_error(item.error, item.freedom))
    return max(floor, power.paired_several(shares, k, item.error, item.freedom))


def _smallest_over_runs(items: Sequence[Difference], n: int) -> float:
    """From the mean variances of comparisons of as many runs."""
    between = math.fsum(item.error_between_runs**2 for item in items) / len(items)
    whole = math.fsum(item.error**2 for item in items) / len(items)
    if between == 0 or math.isinf(whole):
        return power.from_error(math.sqrt(whole))
    freedom = min(item.freedom for item in items)
    return power.over_runs(math.sqrt(max(0.0, whole - between)), math.sqrt(between), n, freedom)


def _smallest_unpaired(cells: Sequence[Cell]) -> float:
    first = cells[0]
    if first.once:
        return power.unpaired(sum(cell.value for cell in cells) / len(cells), first.n)
    return power.from_error(math.sqrt(2) * first.estimate.error)
