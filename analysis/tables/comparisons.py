"""Which differences between lines are real: marks in a table, and a table of differences below it."""

import math
from collections import defaultdict
from collections.abc import Sequence

from openrs.analysis import cells
from openrs.analysis.cells import Array, Measured
from openrs.analysis.lines import Line
from openrs.analysis.statistics import differences, power
from openrs.analysis.statistics.differences import Difference, holm
from openrs.analysis.tables.table import BEST, NOISE, REAL, TIED, Table, Value, bound

LEVEL = 0.05


def marks(made: Sequence[Line], titles: Sequence[str], means: bool = False) -> dict[int, str]:
    """Index of a line -> BEST or TIED, for one benchmark or the average of several.

    The best line is compared with every other. As it was found by looking, the family is all pairs of
    lines (Holm): with equal lines, one is called worse than the best in at most 5 % of columns. Means
    over training runs stand aside where their runs are in the column already.

    Args:
        means: the lines are means over runs, whose runs are not in the column.
    """
    known = [
        i
        for i, line in enumerate(made)
        if (means or not line.mean_of_runs) and all(title in line.cells for title in titles)
    ]
    if len(known) < 2:
        return {}
    sign = 1 if made[known[0]].cells[titles[0]].higher_is_better else -1
    best = max(known, key=lambda i: sign * sum(made[i].cells[title].value for title in titles))
    others = [i for i in known if i != best]
    ps = [overall(made[i], made[best], against(made[i], made[best], titles)).p for i in others]
    adjusted = holm(ps, len(known) * (len(known) - 1) // 2)
    tied = {i: TIED for i, p in zip(others, adjusted, strict=True) if p >= LEVEL}
    return {best: TIED if tied else BEST} | tied


def overall(baseline: Line, line: Line, found: dict[str, Difference]) -> Difference:
    """The plain mean of the differences of two lines over benchmarks, or the only one."""
    if len(found) == 1:
        return next(iter(found.values()))
    if all(item.kind == differences.RUNS for item in found.values()):
        first, second = ([side.cells[title].vectors for title in found] for side in (baseline, line))
        return differences.average_between_runs(first, second, baseline.trained)
    return differences.average(list(found.values()))


def against(baseline: Line, line: Line, titles: Sequence[str]) -> dict[str, Difference]:
    """Benchmark -> line minus baseline, where both have the benchmark."""
    trained = baseline.trained
    return {
        title: cells.difference(baseline.cells[title], line.cells[title], trained)
        for title in titles
        if title in baseline.cells and title in line.cells
    }


def shown(found: Difference, p: float, unit: float) -> Value:
    """A difference as a cell."""
    return Value(
        mean=unit * found.effect,
        low=bound(found.low, unit),
        high=bound(found.high, unit),
        kind=found.kind,
        p=p,
        mark=REAL if p < LEVEL else NOISE,
        paired=found.paired,
    )


def table(
    baseline: Line, others: Sequence[Line], titles: Sequence[str], unit: float = 100.0, name: str = ""
) -> Table:
    """Differences to a baseline: effect, interval and p, Holm over the benchmarks of a line.

    The averages' p is Holm's over the lines: with many lines some average is far off by chance.

    Args:
        unit: what a stored number is multiplied with to be shown.
    """
    body = []
    made = [against(baseline, line, titles) for line in others]
    averages = _averages(baseline, others, made, len(titles), unit)
    verdicts: dict[str, list[str]] = defaultdict(list)
    for line, found, average in zip(others, made, averages, strict=True):
        ps = dict(zip(found, holm([item.p for item in found.values()]), strict=True))
        row = {title: shown(item, ps[title], unit) for title, item in found.items()}
        body.append((line.label, (*(row.get(title) for title in titles), average)))
        verdicts[_verdict(row)].append(line.label)
    kinds = sorted({cell.kind for _, row_cells in body for cell in row_cells if cell and cell.paired})
    tests = f" ({', '.join(kinds)})" if kinds else ""
    count = sum(average is not None for average in averages)
    of_average = f", that of an average over the {count} rows" if count > 1 else ""
    points = "Points" if unit == 100 else "Tokens"
    caption = [
        f"{points}, with the 95 % interval of each comparison and its p{tests}. A benchmark's p is corrected "
        f"over the benchmarks of its row{of_average} (Holm)."
    ]
    if any(cell is not None and cell.paired is False for _, row_cells in body for cell in row_cells):
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
        origins=tuple(line.origin for line in others),
    )


def _averages(
    baseline: Line, others: Sequence[Line], made: Sequence[dict[str, Difference]], columns: int, unit: float
) -> list[Value | None]:
    """The mean difference over several benchmarks of each line that has all of them, Holm over the lines."""
    known = [i for i, found in enumerate(made) if len(found) == columns > 1]
    averages = [overall(baseline, others[i], made[i]) for i in known]
    ps = holm([item.p for item in averages])
    values = {i: shown(item, p, unit) for i, item, p in zip(known, averages, ps, strict=True)}
    return [values.get(i) for i in range(len(made))]


def _verdict(row: dict[str, Value]) -> str:
    parts = []
    for mark in (REAL, NOISE):
        found = [title for title, cell in row.items() if cell.mark == mark]
        if found:
            parts.append(f"{mark} on {'every benchmark' if len(found) == len(row) > 1 else ', '.join(found)}")
    text = ", ".join(parts) or "nothing to compare"
    return text[0].upper() + text[1:]


def detectable(made: Sequence[Line], titles: Sequence[str], unit: float = 100.0) -> str:
    """What each benchmark could have shown: the smallest difference found with power 0.8.

    Under the test that the first line and another would be compared with, at the share of problems that
    change back and forth, or the error, of their comparison (the median over the other lines; variances
    of means over training runs are averaged); where no outcomes are known, unpaired at the lines' mean.
    Rounded up.
    """
    parts = []
    for title in titles:
        known = [line for line in made if title in line.cells]
        if not known:
            continue
        measured = [line.cells[title] for line in known]
        size = f"n {measured[0].n}, k {'/'.join(map(str, sorted({cell.k for cell in measured})))}"
        for how, least in _smallest(measured, known[0].trained).items():
            told = f"{math.ceil(10 * unit * least - 1e-9) / 10:.1f}" if math.isfinite(least) else "none"
            parts.append(f"{title} {told} ({size}, {how})")
    return (
        "Smallest difference between two rows that the test would show (two-sided 5 %, power 0.8, at the "
        f"noise seen here): {', '.join(parts)}."
    )


def _smallest(measured: Sequence[Measured], first_trained: bool) -> dict[str, float]:
    """How cells are compared with the first -> the smallest difference found; infinite where none is."""
    first = measured[0]
    singles: list[float] = []
    of_runs: dict[int, list[Difference]] = defaultdict(list)
    for other in measured[1:]:
        if not first.ids or first.shares is None or other.shares is None or other.ids != first.ids:
            continue
        found = cells.difference(first, other, first_trained)
        if found.kind == differences.RUNS:
            of_runs[max(len(first.runs), len(other.runs))].append(found)
        elif found.kind == differences.MCNEMAR:
            singles.append(power.paired_once(first.n, _churn(first.shares, other.shares, found.p)))
        else:  # a test of signs needs some problems to change, by an answer each
            floor = power.LEAST_CHANGED / (first.n * max(first.k, other.k)) if first.bounded else 0.0
            known = first.bounded and found.freedom >= 1 and math.isfinite(found.error)
            least = (
                power.paired_several(first.shares, max(first.k, other.k), found.error, found.freedom)
                if known
                else power.from_error(found.error, found.freedom)
            )
            singles.append(max(floor, least))
    made = {"paired": sorted(singles)[len(singles) // 2]} if singles else {}
    for count, members in sorted(of_runs.items()):
        made[f"means of {count} runs"] = _smallest_over_runs(members, first.n)
    if not made:
        made["unpaired"] = _smallest_unpaired(measured)
    return {how: least if least <= 1 or not first.bounded else math.inf for how, least in made.items()}


def _churn(first: Array, second: Array, p: float) -> float:
    """Share of problems that change without making a difference: all, where the rows cannot be told apart."""
    gained, lost = float((second > first).mean()), float((second < first).mean())
    return gained + lost if p >= LEVEL else 2 * min(gained, lost)


def _smallest_over_runs(found: Sequence[Difference], n: int) -> float:
    """From the mean variances of comparisons of as many runs."""
    between = math.fsum(item.error_between_runs**2 for item in found) / len(found)
    whole = math.fsum(item.error**2 for item in found) / len(found)
    if between == 0 or math.isinf(whole):
        return power.from_error(math.sqrt(whole))
    freedom = min(item.freedom for item in found)
    return power.over_runs(math.sqrt(max(0.0, whole - between)), math.sqrt(between), n, freedom)


def _smallest_unpaired(measured: Sequence[Measured]) -> float:
    first = measured[0]
    if first.once:
        return power.unpaired(sum(cell.value for cell in measured) / len(measured), first.n)
    return power.from_error(math.sqrt(2) * first.error)
