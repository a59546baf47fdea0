"""Recipes: means over training runs, and differences between them, with both parts of their error.

Problems are drawn, and training seeds are drawn. The variance between runs' means holds the spread between
training seeds and the noise of single answers; that between problems' means over runs holds the spread of
problems, and again the noise, which is taken off here as far as several runs tell it (the two-way clustered
variance of Cameron, Gelbach and Miller 2011, J. Bus. Econ. Stat. 29:238: problems, plus runs, minus both).

An interval reaches sqrt(sum of t^2 * variance) to either side, each part with the quantile of its own degrees
of freedom (Howe 1974, JASA 69:789; the modified large-sample method of Graybill and Wang 1980, JASA 75:869).
Satterthwaite's one t for all parts rejects too often where few runs tell the spread between runs: at 5 %,
up to 12.8, 7.8, 6.4 and 5.9 % with 1 to 4 degrees of freedom, by integration over what they may tell. Howe's
rejects in at most 5 %, however the variance is split.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics.differences import ALIKE, BORROWED, RUNS, Difference, least_error
from openrs.analysis.statistics.intervals import EQUAL, UNKNOWN, Z95, MeanEstimate, wilson

Array = NDArray[np.float64]
Part = tuple[float, float]
"""A variance and its degrees of freedom."""
LEAST = 1e-12
"""The smallest p that is computed."""
NOTHING = 1e-9
"""An error below which nothing varies: what rounding leaves of equal numbers."""


@dataclass(frozen=True)
class Spread:
    """The variance between the training runs of a recipe, of one run's mean."""

    variance: float
    freedom: int
    recipes: int = 1
    """Recipes with several runs that it is pooled over."""

    @property
    def seen(self) -> bool:
        """Whether any runs differ: a few that agree do not show that runs always do."""
        return self.variance > NOTHING**2


def pooled(recipes: Sequence[Sequence[float]]) -> Spread | None:
    """The variance within recipes, over those that were trained several times; None where none was.

    Args:
        recipes: of each the means of its runs.
    """
    several = [runs for runs in recipes if len(runs) > 1]
    if not several:
        return None
    freedoms = [len(runs) - 1 for runs in several]
    variance = float(np.average([np.var(runs, ddof=1) for runs in several], weights=freedoms))
    return Spread(variance, sum(freedoms), len(several))


def reach(parts: Sequence[Part], level: float = 0.05) -> float:
    """Half the width of an interval that misses with this chance at most."""
    from scipy.special import stdtrit

    variances, freedoms = np.array(parts).T
    return float(np.sqrt((variances * stdtrit(freedoms, level / 2) ** 2).sum()))


def tail(effect: float, parts: Sequence[Part]) -> float:
    """Two-sided p of an effect: the level at which the interval around it touches 0."""
    low, high = math.log(LEAST), 0.0
    if reach(parts, LEAST) < abs(effect):
        return LEAST
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reach(parts, math.exp(middle)) < abs(effect) else (middle, high)
    return math.exp(high)


def over_problems(values: Array) -> Part:
    """The variance of a mean over problems."""
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def over_gaps(gaps: Array) -> Part:
    """As `over_problems`, of differences: where all are alike, Bonett and Price's error, as so few problems
    do not show that others are."""
    variance, freedom = over_problems(gaps)
    return (max(variance, least_error(len(gaps)) ** 2) if np.ptp(gaps) < ALIKE else variance), freedom


def within(runs: Sequence[Array]) -> float:
    """The variance that single answers make of the mean of several runs; 0 of one, which tells nothing."""
    if len(runs) < 2:
        return 0.0
    shares = np.array(runs)
    return float(shares.var(axis=0, ddof=1).mean()) / shares.size


def estimate(
    columns: Sequence[Sequence[Array] | tuple[float, int]], runs: Sequence[float], bounded: bool = True
) -> MeanEstimate:
    """The mean over a recipe's runs, on one benchmark or on the plain average of several.

    The interval of one benchmark's share is Wilson's on the number of problems that the error is worth (Korn
    and Graubard 1998, Survey Methodology 24:193), so that it stays within 0 and 1.

    Args:
        columns: for each benchmark a vector (problems,) a run, or where outcomes are not known the mean and
            the number of problems (which is then taken as of one answer a problem).
        runs: the mean of each run over all of these.
        bounded: whether they are shares.
    """
    value, count = float(np.mean(runs)), len(columns)
    between = Spread(float(np.var(runs, ddof=1)), len(runs) - 1)
    parts = [_part(column, between.seen) for column in columns]
    if any(freedom == 0 for _, freedom in parts):
        low, high = (0.0, 1.0) if bounded else (-math.inf, math.inf)
        return MeanEstimate(value, low, high, math.inf, UNKNOWN)
    parts = [(variance / count**2, freedom) for variance, freedom in parts]
    parts.append((between.variance / len(runs), between.freedom))
    error, half = math.sqrt(sum(variance for variance, _ in parts)), reach(parts)
    if not bounded:
        if half < NOTHING:
            return MeanEstimate(value, -math.inf, math.inf, math.inf, EQUAL)
        return MeanEstimate(value, value - half, value + half, error, RUNS)
    if count > 1:
        if not between.seen:  # runs that agree by chance are no certainty
            error = math.hypot(*map(_binomial, columns)) / count
            half = Z95 * error
        return MeanEstimate(value, max(0.0, value - half), min(1.0, value + half), error, RUNS)
    n = int(parts[0][1]) + 1
    room = value * (1 - value)
    if room <= 0 or half < NOTHING:
        low, high = wilson(value * n, n)
        return MeanEstimate(value, low, high, (high - low) / (2 * Z95), RUNS)
    ratio = half**2 / room  # of a count of m it is z^2 / m
    middle, side = value + ratio / 2, math.sqrt(ratio * room + ratio**2 / 4)
    low, high = (middle - side) / (1 + ratio), (middle + side) / (1 + ratio)
    return MeanEstimate(value, max(0.0, low), min(1.0, high), error, RUNS)


def _part(column: Sequence[Array] | tuple[float, int], apart: bool) -> Part:
    """The variance of a benchmark's mean over problems, without the noise of answers that runs tell.

    Args:
        apart: whether the means of the runs differ; where they do not, their variance holds no noise.
    """
    if isinstance(column, tuple) and isinstance(column[1], int):
        value, n = float(column[0]), column[1]
        return value * (1 - value) / max(1, n - 1), n - 1
    runs = [np.asarray(run) for run in column]
    if len(runs[0]) == 1:
        return math.inf, 0
    variance, freedom = over_problems(np.mean(runs, axis=0))
    return max(0.0, variance - apart * within(runs)), freedom


def _binomial(column: Sequence[Array] | tuple[float, int]) -> float:
    """The standard error of a benchmark's mean where nothing tells it: that of Wilson's interval."""
    if isinstance(column, tuple) and isinstance(column[1], int):
        value, n = float(column[0]), column[1]
    else:
        runs = [np.asarray(run) for run in column]
        value, n = float(np.mean(runs)), len(runs[0])
    low, high = wilson(value * n, n)
    return (high - low) / (2 * Z95)


def between_runs(
    first: list[Array], second: list[Array], first_trained: bool = True, spread: Spread | None = None
) -> Difference:
    """Two recipes on one benchmark, each trained once or several times.

    Args:
        first, second: a vector of shares (problems,) a run, all over the same problems.
        first_trained: False where the first is the base model, which has no variance between runs.
        spread: between the runs of other recipes of the study, for a recipe that was trained once.
    """
    return average_between_runs([first], [second], first_trained, spread)


def average_between_runs(
    first: Sequence[list[Array]],
    second: Sequence[list[Array]],
    first_trained: bool = True,
    spread: Spread | None = None,
) -> Difference:
    """The plain mean over benchmarks of what `between_runs` compares.

    Over problems, each recipe's means are paired, and benchmarks add as independent ones. Between runs it is
    the runs' averages that vary, as a run that is good on one benchmark may be good on all.

    Args:
        first, second: for each benchmark what `between_runs` takes, runs in the same order in all.
        spread: of one run's average over the benchmarks.

    Raises:
        ValueError: a recipe was trained once, and no spread is given.
    """
    gaps = [np.mean(b, axis=0) - np.mean(a, axis=0) for a, b in zip(first, second, strict=True)]
    effect = float(np.mean([gap.mean() for gap in gaps]))
    between, once = spread_of([first, second] if first_trained else [second], spread)
    kind = BORROWED if once else RUNS
    if any(len(gap) == 1 for gap in gaps):  # one problem says nothing of others
        return Difference(effect, -math.inf, math.inf, 1.0, kind, math.inf)
    parts = parts_of_difference(first, second, between, first_trained)
    total, half = sum(variance for variance, _ in parts), reach(parts)
    return Difference(
        effect, effect - half, effect + half, tail(effect, parts), kind, math.sqrt(total), between.freedom,
        math.sqrt(parts[-1][0]),
    )  # fmt: skip


def spread_of(trained: Sequence[Sequence[list[Array]]], spread: Spread | None) -> tuple[Spread, bool]:
    """The spread between runs of these recipes, and whether one of them has a single run, so that it is the
    given spread.

    Raises:
        ValueError: a recipe was trained once, and no spread is given.
    """
    averages = [run_averages(columns) for columns in trained]
    once = any(len(runs) == 1 for runs in averages)
    between = spread if once else pooled(averages)
    if between is None:
        raise ValueError("a recipe was trained once, and no other tells the spread between runs")
    return between, once


def parts_of_difference(
    first: Sequence[list[Array]], second: Sequence[list[Array]], between: Spread, first_trained: bool = True
) -> list[Part]:
    """The variance of `average_between_runs`: over problems for each benchmark, then between runs.

    Where the runs' averages are all equal, their variance does not hold the noise of single answers, so that
    it stays in that over problems.

    Args:
        between: the spread of one run's average over the benchmarks.
    """
    trained = [first, second] if first_trained else [second]
    parts = []
    for place, (a, b) in enumerate(zip(first, second, strict=True)):
        gaps = np.mean(b, axis=0) - np.mean(a, axis=0)
        variance, freedom = over_problems(gaps) if between.seen else over_gaps(gaps)
        noise = sum(within(columns[place]) for columns in trained) if between.seen else 0.0
        parts.append((max(0.0, variance - noise) / len(first) ** 2, freedom))
    counts = [len(columns[0]) for columns in trained]
    return [*parts, (between.variance * sum(1 / count for count in counts), between.freedom)]


def run_averages(columns: Sequence[list[Array]]) -> list[float]:
    """The plain mean over benchmarks of each run.

    Args:
        columns: for each benchmark a vector a run, runs in the same order in all.
    """
    return [float(np.mean([run.mean() for run in runs])) for runs in zip(*columns, strict=True)]
