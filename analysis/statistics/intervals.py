"""95 % intervals of a mean over problems, and of an aggregate.

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
CAREFUL = "Wilson on the number of problems, which covers at least 95 % as there are several answers to each"
BOOTSTRAP = "bootstrap over problems"
UNKNOWN = "none, from one problem"
EQUAL = "none, from equal problems"
STATED = "normal, from the stated standard error"
GRADED = "Student's t over problems"
NORMAL = "normal over problems"


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float
    error: float
    """Standard error."""
    kind: str
    """The method of the interval."""


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


def of_shares(shares: Array) -> MeanEstimate:
    """Mean of shares: a cell whose outcomes are known.

    The interval is Wilson's where every problem went all right or all wrong (so with one answer a problem),
    or where too few problems speak for one side; else the bootstrap's.

    Args:
        shares: one share a problem, shape (problems,).
    """
    n, value = len(shares), float(shares.mean())
    error = float(shares.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    error = error or _error_of_share(value, n)
    if np.isin(shares, (0.0, 1.0)).all() or sparse(shares):
        return MeanEstimate(value, *wilson(float(shares.sum()), n), error, WILSON)
    return MeanEstimate(value, *bootstrap(shares), error, BOOTSTRAP)


def of_problems(values: Array, bounded: bool, graded: bool = False) -> MeanEstimate:
    """Mean of one number a problem.

    Args:
        bounded: whether they are shares.
        graded: whether a problem may have any share by a single answer: then no count of right answers is
            behind them, and the interval is Student's.
    """
    if not graded or len(values) == 1:
        return of_numbers(values) if graded or not bounded else of_shares(values)
    if not np.ptp(values):  # as in `of_shares`: no interval has no width
        return of_aggregate(float(values[0]), len(values))
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return _normal(float(values.mean()), error, GRADED, student(0.975, len(values) - 1))


def of_numbers(values: Array) -> MeanEstimate:
    """Mean of numbers without bounds, such as lengths; one problem tells no bounds, nor do equal ones.

    Args:
        values: one number a problem, shape (problems,).
    """
    n, value = len(values), float(values.mean())
    if n == 1:
        return MeanEstimate(value, -math.inf, math.inf, math.inf, UNKNOWN)
    if not np.ptp(values):
        return MeanEstimate(value, -math.inf, math.inf, math.inf, EQUAL)
    return MeanEstimate(value, *bootstrap(values), float(values.std(ddof=1)) / math.sqrt(n), BOOTSTRAP)


def of_aggregate(value: float, n: int, samples: int = 1, stderr: float | None = None) -> MeanEstimate:
    """A cell of which only the share is known.

    Args:
        n: problems.
        samples: answers a problem. Above 1, a stated standard error says more than n does; without one,
            Wilson's interval on n problems is too wide by what the answers to one problem differ (it covers
            99.9 % where they do not agree more than those to different problems), and says so.
        stderr: standard error over problems as the source states it.
    """
    if samples > 1 and stderr is not None and 0 < stderr < math.inf and min(value, 1 - value) * n >= SPARSE:
        return _normal(value, stderr, STATED, Z95)
    kind = CAREFUL if samples > 1 else WILSON
    return MeanEstimate(value, *wilson(value * n, n), _error_of_share(value, n), kind)


def of_average(values: list[float], errors: list[float], bounded: bool = True) -> MeanEstimate:
    """Plain mean of independent estimates, with a normal interval.

    Args:
        errors: their standard errors.
        bounded: whether they are shares, which keeps the interval within 0 and 1.
    """
    error = math.hypot(*errors) / len(values)
    return _normal(sum(values) / len(values), error, NORMAL, Z95, bounded)


def _normal(value: float, error: float, kind: str, quantile: float, bounded: bool = True) -> MeanEstimate:
    low, high = value - quantile * error, value + quantile * error
    if bounded and math.isfinite(error):
        low, high = max(0.0, low), min(1.0, high)
    return MeanEstimate(value, low, high, error, kind)


def _error_of_share(value: float, n: int) -> float:
    """Standard error of a share of n problems; half of Wilson's width at 0 and 1, so never 0."""
    if 0 < value < 1 and n > 1:
        return math.sqrt(value * (1 - value) / (n - 1))
    low, high = wilson(value * n, n)
    return (high - low) / (2 * Z95)
