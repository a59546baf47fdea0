"""The smallest difference that a benchmark of n problems could have shown, under the test that is used."""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics.intervals import student

Array = NDArray[np.float64]
POWER = 0.8
SIZE = 0.05
LEAST_CHANGED = math.ceil(math.log2(2 / SIZE))
"""Problems that must change, all one way, before an exact test of signs can tell: p is then 2 / 2^c."""
SUMMED = 1000
"""Up to so many problems the two-row z test's power is summed over all outcomes; beyond, it is normal."""

_MIDDLES = (np.arange(4000) + 0.5) / 4000
"""Levels over which a mean over an estimated variance is taken."""
_quantile = NormalDist().inv_cdf


def from_error(error: float, freedom: float = math.inf) -> float:
    """Smallest effect that a two-sided t test finds with power 0.8, given the effect's standard error.

    Args:
        freedom: the test's degrees of freedom; infinite for a normal test.
    """
    return noncentrality(freedom) * error


def over_runs(problems: float, runs: float, n: int, freedom: float, level: float = POWER) -> float:
    """Smallest effect that the test between recipes finds (see `recipes`).

    Args:
        problems, runs: standard errors that problems and training seeds make of the effect.
        n: problems.
        freedom: degrees of freedom of the variance between runs.
        level: the power.
    """
    highest = 4 * student(1 - SIZE / 2, min(freedom, n - 1)) * math.hypot(problems, runs)
    return _smallest(lambda effect: between_recipes(effect, problems, runs, n, freedom), highest, level)


def between_recipes(effect: float, problems: float, runs: float, n: int, freedom: float) -> float:
    """Power of the test between recipes.

    The mean over what the estimated variance between runs may be, chi-square distributed about the one given:
    with few runs it decides how far the test's interval reaches.
    """
    from scipy.special import ndtr

    estimated = runs**2 * _variances(freedom)
    quantiles = student(1 - SIZE / 2, n - 1), student(1 - SIZE / 2, freedom)
    needed = np.sqrt((quantiles[0] * problems) ** 2 + quantiles[1] ** 2 * estimated)
    error = math.hypot(problems, runs)
    return float((ndtr((effect - needed) / error) + ndtr((-effect - needed) / error)).mean())


@lru_cache(maxsize=64)  # a search for the smallest effect asks for one many times
def _variances(freedom: float) -> Array:
    """What an estimate of the variance 1 may be: chi-square over its degrees of freedom, at `_MIDDLES`."""
    from scipy.special import gammaincinv

    return 2 * gammaincinv(freedom / 2, _MIDDLES) / freedom


@lru_cache(maxsize=1024)
def noncentrality(freedom: float) -> float:
    """Standard errors that an effect must measure for a two-sided t test to have power 0.8.

    The power of the noncentral t test (Cohen 1988, chapter 2), as the mean over what the estimated error may
    be, chi distributed: scipy's own distribution function is far off at one or two degrees of freedom. For
    a normal statistic z(0.975) + z(0.8).
    """
    if math.isinf(freedom):
        return _quantile(1 - SIZE / 2) + _quantile(POWER)
    from scipy.special import ndtr

    critical = student(1 - SIZE / 2, freedom) * np.sqrt(_variances(freedom))
    return _smallest(
        lambda effect: float((ndtr(effect - critical) + ndtr(-effect - critical)).mean()),
        4 * student(1 - SIZE / 2, freedom),
    )


@lru_cache(maxsize=4096)  # a report of many rows asks for few different shares
def paired_once(n: int, churn: float) -> float:
    """Smallest difference that McNemar's exact test finds, one answer a problem.

    Args:
        n: problems.
        churn: share of the problems that change back and forth between such rows, half of them either way;
            the difference comes on top.

    Returns:
        The difference of the shares; infinite where none could be found.
    """
    return _smallest(lambda gain: mcnemar(n, churn + gain, gain), 1 - churn)


def mcnemar(n: int, changed: float, gain: float) -> float:
    """Power of McNemar's exact test at 5 %, two-sided, summed over all outcomes.

    The number of problems that differ is binomial, and given it so is the number of gains (Duffy 1984,
    Biometrics 40:1005).

    Args:
        n: problems.
        changed: chance that a problem differs.
        gain: expected difference, at most `changed`.
    """
    from scipy.special import bdtr

    if changed == 0:
        return 0.0
    limits, up = _limits(n), min(1.0, (1 + gain / changed) / 2)
    possible = limits >= 0
    m, c = np.arange(n + 1)[possible], limits[possible].astype(float)
    rejected = np.zeros(n + 1)
    rejected[possible] = bdtr(c, m, up) + bdtr(c, m, 1 - up)
    return float(binomial(n, changed) @ rejected)


@lru_cache(maxsize=64)
def _limits(n: int) -> NDArray[np.int_]:
    """For each number of differing problems, the most of them that may go the other way; -1 for none."""
    from scipy.special import bdtr

    limits, limit = [], -1
    for total in range(n + 1):
        while limit + 1 < total / 2 and 2 * bdtr(limit + 1.0, total, 0.5) < SIZE:
            limit += 1
        limits.append(limit)
    return np.array(limits)


def paired_several(shares: Array, k: int, error: float, freedom: float) -> float:
    """Smallest difference of two rows of k answers a problem that the paired test finds.

    No difference is the same on all problems: it is taken as a part of what each leaves room for, upwards,
    or downwards from above one half. That spreads the problems' differences and makes answers vary that
    were always wrong, so that the error grows with the difference.

    Args:
        shares: of the first row, shape (problems,).
        error, freedom: standard error of the difference as seen, and its degrees of freedom.
    """
    room = 1 - shares if shares.mean() <= 0.5 else shares
    n, width, square = len(room), float(room.mean()), float((room**2).mean())
    varying = float((room * (1 - room)).mean())

    def errors(gain: float) -> float:
        part = gain / width
        answers = (1 - part) * (varying + part * square) - varying
        return gain / math.sqrt(error**2 + (part**2 * float(room.var()) + max(0.0, answers) / k) / n)

    return _smallest(errors, width, noncentrality(freedom))


def unpaired(share: float, n: int) -> float:
    """Smallest gain over `share` that the pooled z test of two rows of n problems finds, one answer each.

    Above one half a loss of that size is meant, which is the harder one to show. Summed over all outcomes
    up to `SUMMED` problems; beyond, the normal formula of Fleiss, Levin and Paik 2003, section 4.2.

    Returns:
        The difference; infinite where none could be found.
    """
    share = min(share, 1 - share)
    if n > SUMMED:
        return _smallest(lambda gain: _normal_power(share, gain, n), 1 - share)
    rejected = binomial(n, share) @ _rejected(n)
    return _smallest(lambda gain: float(rejected @ binomial(n, share + gain)), 1 - share)


@lru_cache(maxsize=8)
def _rejected(n: int) -> Array:
    """1 where the pooled z test rejects, for each number of right answers of both rows: (n + 1, n + 1)."""
    counts = np.arange(n + 1)
    pooled = (counts[:, None] + counts) / (2 * n)
    error = np.sqrt(2 * pooled * (1 - pooled) / n)
    gaps = np.abs(counts[:, None] - counts) / n
    return (gaps > _quantile(1 - SIZE / 2) * error).astype(float)


def _normal_power(share: float, gain: float, n: int) -> float:
    other, mean = share + gain, share + gain / 2
    at_null = math.sqrt(2 * mean * (1 - mean) / n)
    at_gain = math.sqrt((share * (1 - share) + other * (1 - other)) / n)
    if at_gain == 0:
        return float(gain > 0)
    return NormalDist().cdf((gain - _quantile(1 - SIZE / 2) * at_null) / at_gain)


def binomial(n: int, share: float) -> Array:
    """Chance of each number of successes among n, shape (n + 1,)."""
    counts = np.arange(n + 1)
    if share <= 0 or share >= 1:
        return (counts == (n if share > 0 else 0)).astype(float)
    return np.exp(_log_choices(n) + counts * math.log(share) + (n - counts) * math.log1p(-share))


@lru_cache(maxsize=64)
def _log_choices(n: int) -> Array:
    """Logarithm of the number of ways to choose each number among n.

    scipy.special has it, and takes longer to import than all else that a table of imported scores does.
    """
    factorials = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    return factorials[n] - factorials - factorials[::-1]


def _smallest(reached: Callable[[float], float], highest: float, level: float = POWER) -> float:
    """The smallest effect that reaches the level, by bisection; infinite where the highest falls short."""
    low, high = 0.0, highest
    if reached(high) < level:
        return math.inf
    for _ in range(24):  # to a ten-millionth of the range
        middle = (low + high) / 2
        if reached(middle) < level:
            low = middle
        else:
            high = middle
    return high
