"""Differences between rows, and a table of them.

All tests of a table are one family (Holm, 5 %): the average of a row weighs as much as its benchmarks
together, as it is what most readers ask for.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from openrs.analysis.cells import AVERAGE, Metric, difference
from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics import differences, power, recipes
from openrs.analysis.statistics.differences import BORROWED, Difference
from openrs.analysis.statistics.multiple_tests import holm
from openrs.analysis.statistics.recipes import Spread
from openrs.analysis.tables.table import NOISE, REAL, Table, Value, bound

LEVEL = 0.05
FEW = power.LEAST_CHANGED
"""Below so many problems no outcome is beyond noise: even if all change, p is above 5 %."""
TOO_FEW = "Too few problems to say anything"
ALL_PAIRS = 6
"""Arms up to which each is compared with each other one."""
CHECKPOINTS = (
    "These are differences between checkpoints, each from one training run: too few runs to say anything "
    "about the recipes."
)


@dataclass(frozen=True)
class Pair:
    """Two rows beside each other: the second minus the first, benchmark by benchmark and on average."""

    label: str
    parts: dict[str, Difference]
    """Benchmark -> the difference, where both rows have the benchmark."""
    average: Difference | None
    """Over several benchmarks, where both rows have all of them."""

    @property
    def tests(self) -> list[Difference]:
        """Those of the benchmarks, then that of the average."""
        return [*self.parts.values(), *([self.average] if self.average else [])]

    @property
    def weights(self) -> list[float]:
        """Of the tests."""
        return [1.0] * len(self.parts) + ([float(len(self.parts))] if self.average else [])


class Study:
    """The rows of a table, which tell how far training runs of one recipe are apart."""

    def __init__(self, rows: Sequence[ResultRow]) -> None:
        self._rows = [row for row in rows if row.mean_of_runs]

    def spread(self, titles: Sequence[str]) -> Spread | None:
        """Between the runs of the recipes that were trained several times, of a run's mean over benchmarks;
        of several checkpoints of the same runs the last tells it."""
        runs: dict[tuple[str, ...], list[float]] = {}
        for row in self._rows:
            columns = [row.cells[title].run_values for title in titles if title in row.cells]
            if len(columns) == len(titles):
                averages = [math.fsum(values) / len(values) for values in zip(*columns, strict=True)]
                runs[tuple(item.run.id for item in row.evaluations)] = averages
        return recipes.pooled(list(runs.values()))

    def pair(self, first: ResultRow, second: ResultRow, titles: Sequence[str], label: str = "") -> Pair:
        """Two rows compared.

        A row that stands for its recipe though it has one run takes the spread between the runs of the
        others; a run beside the mean of its recipe is compared as the checkpoint that it is.
        """
        shared = [title for title in titles if title in first.cells and title in second.cells]
        parts = {
            title: difference(
                first.cells[title], second.cells[title], first.trained, self._lent(first, second, [title])
            )
            for title in shared
        }
        whole = len(parts) == len(titles) > 1
        return Pair(label, parts, self.overall(first, second, parts) if whole else None)

    def overall(self, first: ResultRow, second: ResultRow, parts: dict[str, Difference]) -> Difference:
        """The plain mean of the differences of two rows over benchmarks, or the only one."""
        if len(parts) == 1:
            return next(iter(parts.values()))
        if all(part.of_recipes for part in parts.values()):
            one, other = ([row.cells[title].vectors for title in parts] for row in (first, second))
            lent = self._lent(first, second, list(parts))
            return recipes.average_between_runs(one, other, first.trained, lent)
        return differences.average(list(parts.values()))

    def _lent(self, first: ResultRow, second: ResultRow, titles: Sequence[str]) -> Spread | None:
        """The spread that a recipe of one run takes from others."""
        trained = [row for row in (first, second) if row.trained]
        means = any(row.mean_of_runs for row in trained)
        if any(row.one_of_several for row in trained) and not means:
            return None
        return self.spread(titles) if any(not row.mean_of_runs for row in trained) else None


def shown(item: Difference, p: float, metric: Metric, judged: bool = True) -> Value:
    """A difference as a cell.

    Args:
        judged: whether it is called noise or more than noise.
    """
    return Value(
        mean=metric.unit * item.effect,
        low=bound(item.low, metric.unit),
        high=bound(item.high, metric.unit),
        kind=item.kind,
        p=p,
        mark=(REAL if p < LEVEL else NOISE) if judged else "",
        paired=item.paired,
    )


def table(
    baseline: ResultRow,
    others: Sequence[ResultRow],
    titles: Sequence[str],
    metric: Metric = AVERAGE,
    name: str = "differences",
    unjudged: Collection[str] = (),
) -> Table:
    """Differences to a baseline: effect, interval and p.

    Args:
        unjudged: benchmarks on which the baseline is too doubtful for a verdict.
    """
    rows = [baseline, *others]
    pairs = [(row.label, baseline, row) for row in others]
    return of_pairs(f"Differences to {baseline.label}", pairs, rows, titles, metric, name, unjudged)


def each_other(
    rows: Sequence[ResultRow], titles: Sequence[str], metric: Metric = AVERAGE, name: str = "differences"
) -> Table:
    """All differences between rows, each against every row before it."""
    pairs = [
        (f"{second.label} - {first.label}", first, second)
        for place, second in enumerate(rows)
        for first in rows[:place]
    ]
    return of_pairs("Differences to each other", pairs, rows, titles, metric, name)


def of_arms(
    rows: Sequence[ResultRow],
    titles: Sequence[str],
    metric: Metric = AVERAGE,
    name: str = "differences",
    baseline: ResultRow | None = None,
) -> Table | None:
    """The differences that answer which arm is better: all of few arms to each other, of more to the first.

    Args:
        rows: of a table; the base model is no arm, and an only arm is compared with it.
        baseline: a row that was named, to which all others are compared.
    """
    arms = [row for row in rows if row.trained and not row.one_of_several]
    if baseline is None and 1 < len(arms) <= ALL_PAIRS:
        return each_other(arms, titles, metric, name)
    whole = [row for row in rows if not row.one_of_several]
    compared = whole if baseline is None and len(arms) < 2 else arms
    first = baseline or next(iter(compared), None)
    others = [row for row in compared if row is not first]
    return table(first, others, titles, metric, name) if first and others else None


def of_pairs(
    title: str,
    pairs: Sequence[tuple[str, ResultRow, ResultRow]],
    rows: Sequence[ResultRow],
    titles: Sequence[str],
    metric: Metric,
    name: str,
    unjudged: Collection[str] = (),
) -> Table:
    """A table of differences, whose tests are one family.

    Args:
        pairs: labels, and the rows of which the second minus the first is shown.
        rows: of the study, which tell how far training runs are apart.
    """
    study, body = Study(rows), []
    compared = [study.pair(first, second, titles, label) for label, first, second in pairs]
    tests = [test for pair in compared for test in pair.tests]
    adjusted = iter(holm([t.p for t in tests], None, [w for pair in compared for w in pair.weights]))
    verdicts: dict[str, list[str]] = defaultdict(list)
    for pair in compared:
        values = {
            column: shown(item, next(adjusted), metric, column not in unjudged)
            for column, item in pair.parts.items()
        }
        average = None
        if pair.average:
            average = shown(pair.average, next(adjusted), metric, not unjudged)
        body.append((pair.label, (*map(values.get, titles), average)))
        verdicts[_verdict(values, average)].append(pair.label)
    caption = _caption(tests, len(compared), metric)
    cells = [row.cells[column] for row in rows for column in titles if column in row.cells]
    if cells and max(cell.n for cell in cells) < FEW:
        caption, verdicts = [f"{TOO_FEW}."], {}
    elif any(
        row.trained and not row.mean_of_runs and not all(test.of_recipes for test in pair.tests)
        for pair, (_, *both) in zip(compared, pairs, strict=True)
        for row in both
    ):
        caption.append(CHECKPOINTS)
    if caption and any(test.kind == BORROWED for test in tests):
        caption += _lent(study, titles, metric)
    return Table(
        title=title,
        columns=(*titles, "Avg."),
        rows=tuple(body),
        caption=(*caption, *(f"{verdict}: {_listed(labels)}." for verdict, labels in verdicts.items())),
        name=name,
        origins=tuple(second.origin for _, _, second in pairs),
    )


def _listed(labels: Sequence[str]) -> str:
    """Labels of rows, or the number of rows where there are too many to read."""
    return "; ".join(labels) if len(labels) <= ALL_PAIRS else f"{len(labels)} rows"


def _caption(tests: Sequence[Difference], pairs: int, metric: Metric) -> list[str]:
    kinds = sorted({test.kind for test in tests if test.paired})
    names = f" ({', '.join(kinds)})" if kinds else ""
    of = f"the {len(tests)} differences of the table" if len(tests) > 1 else "nothing, as it is the only one"
    weight = "; an average weighs as much as the benchmarks of its row" if len(tests) > pairs else ""
    caption = [
        f"{'Points' if metric.bounded else 'Tokens'}, with the 95 % interval of each comparison and its "
        f"p{names}. p is corrected over {of} (Holm{weight})."
    ]
    if not all(test.paired for test in tests):
        caption.append(
            "† marks an unpaired difference: outcomes on the same problems are not known for both rows, so "
            "how hard the problems are counts as noise."
        )
    return caption


def _lent(study: Study, titles: Sequence[str], metric: Metric) -> list[str]:
    """How far apart runs are taken to be that were not repeated."""
    spread = study.spread(titles) or study.spread(titles[:1])
    if spread is None:
        return []
    several = f"{spread.recipes} recipe{'s' * (spread.recipes > 1)} with several runs"
    freedom = f"{spread.freedom} degree{'s' * (spread.freedom > 1)} of freedom"
    deviation = f"{metric.unit * math.sqrt(spread.variance):.1f}"
    return [
        f"A recipe of one run is taken to vary between training seeds as the {several} "
        f"(standard deviation of a run's average {deviation}, {freedom})."
    ]


def _verdict(values: dict[str, Value], average: Value | None) -> str:
    texts = []
    for mark in (REAL, NOISE, ""):
        titles = [title for title, value in values.items() if value.mark == mark]
        places = ["average"] if average is not None and average.mark == mark else []
        if titles:
            places.append("every benchmark" if len(titles) == len(values) > 1 else ", ".join(titles))
        if places:
            texts.append(f"{mark or 'no verdict'} on {' and on '.join(places)}")
    text = ", ".join(texts) or "nothing to compare"
    return text[0].upper() + text[1:]
