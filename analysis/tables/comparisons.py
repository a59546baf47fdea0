"""Differences between rows: marks in a table, and a table of differences below it."""

from collections import defaultdict
from collections.abc import Sequence

from openrs.analysis.cells import AVERAGE, Metric, difference
from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics import differences
from openrs.analysis.statistics.differences import Difference, holm
from openrs.analysis.tables.table import BEST, NOISE, REAL, TIED, Table, Value, bound

LEVEL = 0.05


def marks(rows: Sequence[ResultRow], titles: Sequence[str], means: bool = False) -> dict[int, str]:
    """Index of a row -> BEST or TIED, for one benchmark or the average of several.

    The best row is compared with every other. As it was found by looking, the family is all pairs of
    rows (Holm): with equal rows, one is called worse than the best in at most 5 % of columns. Means
    over training runs stand aside where their runs are in the column already.

    Args:
        means: the rows are means over runs, whose runs are not in the column.
    """
    whole = [
        i
        for i, row in enumerate(rows)
        if (means or not row.mean_of_runs) and all(title in row.cells for title in titles)
    ]
    if len(whole) < 2:
        return {}
    sign = 1 if rows[whole[0]].cells[titles[0]].higher_is_better else -1
    best = max(whole, key=lambda i: sign * sum(rows[i].cells[title].value for title in titles))
    others = [i for i in whole if i != best]
    ps = [overall(rows[i], rows[best], against(rows[i], rows[best], titles)).p for i in others]
    adjusted = holm(ps, len(whole) * (len(whole) - 1) // 2)
    tied = {i: TIED for i, p in zip(others, adjusted, strict=True) if p >= LEVEL}
    return {best: TIED if tied else BEST} | tied


def overall(baseline: ResultRow, row: ResultRow, parts: dict[str, Difference]) -> Difference:
    """The plain mean of the differences of two rows over benchmarks, or the only one."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    if all(part.kind == differences.RUNS for part in parts.values()):
        first, second = ([side.cells[title].vectors for title in parts] for side in (baseline, row))
        return differences.average_between_runs(first, second, baseline.trained)
    return differences.average(list(parts.values()))


def against(baseline: ResultRow, row: ResultRow, titles: Sequence[str]) -> dict[str, Difference]:
    """Benchmark -> row minus baseline, where both have the benchmark."""
    return {
        title: difference(baseline.cells[title], row.cells[title], baseline.trained)
        for title in titles
        if title in baseline.cells and title in row.cells
    }


def shown(item: Difference, p: float, metric: Metric) -> Value:
    """A difference as a cell."""
    return Value(
        mean=metric.unit * item.effect,
        low=bound(item.low, metric.unit),
        high=bound(item.high, metric.unit),
        kind=item.kind,
        p=p,
        mark=REAL if p < LEVEL else NOISE,
        paired=item.paired,
    )


def table(
    baseline: ResultRow,
    others: Sequence[ResultRow],
    titles: Sequence[str],
    metric: Metric = AVERAGE,
    name: str = "differences",
) -> Table:
    """Differences to a baseline: effect, interval and p, Holm over the benchmarks of a row.

    The averages' p is Holm's over the rows: with many rows some average is far off by chance.
    """
    body: list[tuple[str, tuple[Value | None, ...]]] = []
    parts = [against(baseline, row, titles) for row in others]
    verdicts: dict[str, list[str]] = defaultdict(list)
    averages = _averages(baseline, others, parts, len(titles), metric)
    for row, items, average in zip(others, parts, averages, strict=True):
        ps = dict(zip(items, holm([item.p for item in items.values()]), strict=True))
        values = {title: shown(item, ps[title], metric) for title, item in items.items()}
        body.append((row.label, (*map(values.get, titles), average)))
        verdicts[_verdict(values)].append(row.label)
    cells = [cell for _, values in body for cell in values if cell is not None]
    kinds = sorted({cell.kind for cell in cells if cell.paired})
    tests = f" ({', '.join(kinds)})" if kinds else ""
    count = sum(average is not None for average in averages)
    of_average = f", that of an average over the {count} rows" if count > 1 else ""
    caption = [
        f"{'Points' if metric.bounded else 'Tokens'}, with the 95 % interval of each comparison and its "
        f"p{tests}. A benchmark's p is corrected over the benchmarks of its row{of_average} (Holm)."
    ]
    if not all(cell.paired for cell in cells):
        caption.append(
            "† marks an unpaired difference: outcomes on the same problems are not known for both rows, so "
            "how hard the problems are counts as noise."
        )
    return Table(
        title=f"Differences to {baseline.label}",
        columns=(*titles, "Avg."),
        rows=tuple(body),
        caption=(*caption, *(f"{verdict}: {'; '.join(labels)}." for verdict, labels in verdicts.items())),
        name=name,
        origins=tuple(row.origin for row in others),
    )


def _averages(
    baseline: ResultRow,
    others: Sequence[ResultRow],
    parts: Sequence[dict[str, Difference]],
    columns: int,
    metric: Metric,
) -> list[Value | None]:
    """The mean difference over several benchmarks of each row that has all of them, Holm over the rows."""
    whole = [i for i, items in enumerate(parts) if len(items) == columns > 1]
    averages = [overall(baseline, others[i], parts[i]) for i in whole]
    ps = holm([item.p for item in averages])
    values = {i: shown(item, p, metric) for i, item, p in zip(whole, averages, ps, strict=True)}
    return [values.get(i) for i in range(len(parts))]


def _verdict(values: dict[str, Value]) -> str:
    texts = []
    for mark in (REAL, NOISE):
        titles = [title for title, value in values.items() if value.mark == mark]
        if titles:
            where = "every benchmark" if len(titles) == len(values) > 1 else ", ".join(titles)
            texts.append(f"{mark} on {where}")
    text = ", ".join(texts) or "nothing to compare"
    return text[0].upper() + text[1:]
