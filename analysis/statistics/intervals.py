"""95 % intervals of a mean over problems, of an aggregate, and of a mean over training runs.

With one answer a problem, resampling problems is resampling a binomial count: the outcomes say no more
than their sum, and Wilson's interval covers better than the bootstrap's quantiles (tests/benchmarks
prints both). With several answers the problems are the clusters, and they are resampled.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""
RESAMPLES = 10_000
SPARSE = 5.0
"""Below this many right (or wrong) problems' worth of answers the bootstrap covers too little."""

WILSON = "Wilson"
BOOTSTRAP = "bootstrap over problems"
UNKNOWN = "none, from one problem"
STATED = "normal, from the stated standard error"
RUNS = "Student's t over training runs"
NORMAL = "normal over problems"


@dataclass(frozen=True)
class Interval:
    """Bounds and how they were found."""

    low: float
    high: float
    kind: str


def wilson(correct: float, n: int) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927, JASA 22:209).

    Args:
        correct: number of right answers (a mean over samples may be between two numbers).
        n: number of problems, at least 1.
    """
    share = correct / n
    spread = Z95 * math.sqrt(max(0.0, share * (1 - share)) / n + Z95**2 / (4 * n**2))
    middle, whole = share + Z95**2 / (2 * n), 1 + Z95**2 / n
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def student(quantile: float, freedom: float) -> float:
    """Quantile of Student's t; scipy.special is loaded only here."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, quantile))


@lru_cache(maxsize=16)
def draws(n: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float32]:
    """How often each problem is drawn in each resample, shape (resamples, n).

    The same for every cell of n problems: rows on the same problems are resampled together, which is
    what makes a difference between them paired.
    """
    picked = np.random.default_rng(seed).integers(0, n, size=(resamples, n), dtype=np.int32)
    picked += np.arange(resamples, dtype=np.int32)[:, None] * n
    counts = np.bincount(picked.ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).astype(np.float32)


def resampled(values: Array, resamples: int = RESAMPLES) -> Array:
    """Means over resampled problems.

    Args:
        values: one number a problem, shape (problems,) or (problems, rows).

    Returns:
        Shape (resamples,) or (resamples, rows).
    """
    n = len(values)
    return np.asarray(draws(n, resamples) @ values.astype(np.float32) / n, float)


def expanded(n: int) -> tuple[float, float]:
    """Quantiles to read off a bootstrap of n problems: the 2.5 and 97.5 % ones, widened for small n.

    Hesterberg 2015, The American Statistician 69:371, section 4.2 (expanded percentile interval).
    """
    tail = 0.5 * math.erfc(math.sqrt(n / (n - 1)) * student(0.975, n - 1) / math.sqrt(2))
    return tail, 1 - tail


def bootstrap(values: Array) -> tuple[float, float]:
    """Expanded percentile interval of the mean, problems being the clusters.

    Args:
        values: one number a problem, shape (problems,), at least 2.
    """
    low, high = np.quantile(resampled(values), expanded(len(values)))
    return float(low), float(high)


def sparse(values: Array) -> bool:
    """Whether so few problems speak for one side that resampling them says too little."""
    total = float(values.sum())
    return min(total, len(values) - total) < SPARSE


def of_shares(shares: Array) -> Interval:
    """Interval of a cell whose outcomes are known.

    Wilson's where every problem went all right or all wrong (so with one answer a problem), or where too
    few problems speak for one side; else the bootstrap.

    Args:
        shares: one share a problem, shape (problems,).
    """
    if np.isin(shares, (0.0, 1.0)).all() or sparse(shares):
        return Interval(*wilson(float(shares.sum()), len(shares)), WILSON)
    return Interval(*bootstrap(shares), BOOTSTRAP)


def of_numbers(values: Array) -> Interval:
    """Interval of a mean of numbers without bounds, such as lengths; one problem tells no bounds.

    Args:
        values: one number a problem, shape (problems,).
    """
    if len(values) == 1:
        return Interval(-math.inf, math.inf, UNKNOWN)
    return Interval(*bootstrap(values), BOOTSTRAP)


def error_of_numbers(values: Array) -> float:
    """Standard error of a mean of numbers without bounds (ddof 1); infinite from one problem."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def of_aggregate(value: float, n: int, samples: int = 1, stderr: float | None = None) -> Interval:
    """Interval of a cell of which only the share is known.

    Args:
        n: problems.
        samples: answers a problem; above 1, a stated standard error says more than n does.
        stderr: standard error over problems as the source states it.
    """
    if samples > 1 and stderr is not None and 0 < stderr < math.inf and min(value, 1 - value) * n >= SPARSE:
        spread = Z95 * stderr
        return Interval(max(0.0, value - spread), min(1.0, value + spread), STATED)
    return Interval(*wilson(value * n, n), WILSON)


def of_runs(values: list[float], bounded: bool = True, step: float = 0.0) -> Interval:
    """Student's t interval of the mean over training runs.

    Args:
        values: one mean a run, at least 2 (each already a mean over its sampling seeds).
        bounded: whether they are shares, which keeps the interval within 0 and 1.
        step: the smallest change of a mean, one answer; the spread is at least what rounding to it
            makes (step / sqrt(12)), so that a few equal runs are not taken for certainty.
    """
    m = len(values)
    spread = max(float(np.std(values, ddof=1)), step / math.sqrt(12))
    middle, reach = float(np.mean(values)), student(0.975, m - 1) * spread / math.sqrt(m)
    return _within(middle - reach, middle + reach, RUNS, bounded)


def of_average(values: list[float], errors: list[float], bounded: bool = True) -> Interval:
    """Normal interval of the plain mean of independent estimates.

    Args:
        errors: their standard errors.
        bounded: whether they are shares, which keeps the interval within 0 and 1.
    """
    middle = sum(values) / len(values)
    spread = Z95 * math.sqrt(sum(error**2 for error in errors)) / len(values)
    return _within(middle - spread, middle + spread, NORMAL, bounded)


def _within(low: float, high: float, kind: str, bounded: bool) -> Interval:
    return Interval(max(0.0, low), min(1.0, high), kind) if bounded else Interval(low, high, kind)


def error_of_shares(shares: Array) -> float:
    """Standard error of a mean over problems (ddof 1); Wilson's where all went alike, so never 0."""
    n = len(shares)
    if n > 1 and (found := float(shares.std(ddof=1)) / math.sqrt(n)) > 0:
        return found
    return error_of_aggregate(float(shares.mean()), n)


def error_of_aggregate(value: float, n: int) -> float:
    """Standard error of a share of n problems; half of Wilson's width at 0 and 1, so never 0."""
    if 0 < value < 1 and n > 1:
        return math.sqrt(value * (1 - value) / (n - 1))
    low, high = wilson(value * n, n)
    return (high - low) / (2 * Z95)
