"""Differences between two cells: effect, 95 % interval and p, paired where both saw the same problems."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics.intervals import Z95, MeanEstimate, expanded, resampled

Array = NDArray[np.float64]
FEW = 10
"""Up to so many differing problems all sign flips are counted; beyond the reach of as few resamples
the tail is Student's."""
ALIKE = 1e-9
"""Differences closer than this are one number: what summing shares in floating point leaves."""

MCNEMAR = "McNemar's exact test"
PAIRED = "paired bootstrap over problems"
FLIPS = "all sign flips"
UNPAIRED = "unpaired"
RUNS = "training runs and problems"
BORROWED = "training runs and problems, a recipe of one run with the spread of the others' runs"


@dataclass(frozen=True)
class Difference:
    """Second minus first."""

    effect: float
    low: float
    high: float
    p: float
    """Two-sided, before any correction for several tests."""
    kind: str
    error: float
    """Standard error of the effect; where the interval is Bonett and Price's, at least what their added
    problems make, as a difference that no problem shows is not known for certain."""
    freedom: float = math.inf
    """Degrees of freedom of the test, infinite for a normal or exact one; of runs, those of the error between
    them."""
    error_between_runs: float = 0.0
    """The part of `error` that training seeds make; the rest is from problems, at right angles to it."""

    @property
    def of_recipes(self) -> bool:
        """Whether it is between recipes, and not between the checkpoints of single runs."""
        return self.kind in (RUNS, BORROWED)

    @property
    def paired(self) -> bool:
        """False where the rows share no outcomes on the same problems."""
        return self.kind != UNPAIRED


def of_shares(difference: Difference) -> Difference:
    """The same with an interval that no two shares can leave, -1 to 1; one without bounds stays."""
    if math.isinf(difference.low):
        return difference
    return replace(difference, low=max(-1.0, difference.low), high=min(1.0, difference.high))


def normal_tail(z: float) -> float:
    """Two-sided p of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def student_tail(t: float, freedom: float) -> float:
    """Two-sided p of a Student statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def mcnemar_p(gained: int, lost: int) -> float:
    """Exact two-sided McNemar test: a fair coin decides each problem that the rows disagree on.

    McNemar 1947, Psychometrika 12:153. It is also the exact sign-flip permutation test of one answer a
    problem.
    """
    n = gained + lost
    return min(1.0, 2 * _tails(n)[min(gained, lost)] / 2**n)


@lru_cache(maxsize=256)  # thousands of rows disagree on few numbers of problems
def _tails(n: int) -> list[int]:
    """Of n coins, the ways in which at most 0, 1, ..., n / 2 show heads."""
    return list(accumulate(math.comb(n, i) for i in range(n // 2 + 1)))


def bonett_price(gained: float, lost: float, n: int) -> tuple[float, float]:
    """Adjusted interval of a paired difference of shares: one problem added to either side.

    Bonett and Price 2012, J. Educ. Behav. Stat. 37:479. Unlike Wald's it has a width where no problem
    differs.

    Args:
        gained, lost: problems that only the second row, or only the first, got right.
        n: problems.
    """
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    middle = up - down
    spread = Z95 * math.sqrt((up + down - middle**2) / (n + 2))
    return max(-1.0, middle - spread), min(1.0, middle + spread)


def least_error(n: int) -> float:
    """Standard error by Bonett and Price's interval where none of n problems differs."""
    return math.sqrt(2) / (n + 2)


def paired_once(first: Array, second: Array) -> Difference:
    """Two rows with one answer a problem, shape (problems,), in the same order of problems."""
    gained, lost = int((second > first).sum()), int((second < first).sum())
    n = len(first)
    effect = (gained - lost) / n
    low, high = bonett_price(gained, lost, n)
    error = max(_error(second - first, True), least_error(n))
    return Difference(effect, low, high, mcnemar_p(gained, lost), MCNEMAR, error)


def paired(first: Array, second: Array, bounded: bool = True, graded: bool = False) -> Difference:
    """Two rows with several answers a problem: problems are resampled, both rows together.

    Where at most `FEW` problems differ, or all by the same amount (so that resampling shows no spread), p
    counts all sign flips of their differences (an exact permutation test) and the interval is Bonett and
    Price's.

    Args:
        first, second: one number a problem, shape (problems,), in the same order.
        bounded: whether the numbers are shares of 0 to 1 that stand for counts of right answers.
        graded: whether they are shares of 0 to 1 all the same. Of other numbers nothing is known of how far
            problems may differ where those at hand differ alike.
    """
    gaps = second - first
    n, effect, error = len(gaps), float(gaps.mean()), _error(gaps, bounded)
    changed = gaps[gaps != 0]
    alike = float(np.ptp(gaps)) < ALIKE
    if len(changed) <= FEW or alike:
        if alike and not bounded:
            error = max(error, least_error(n) if graded else math.inf)
        low, high = effect - Z95 * error, effect + Z95 * error
        if bounded:
            low, high = bonett_price(float(gaps[gaps > 0].sum()), float(-gaps[gaps < 0].sum()), n)
            error = max(error, least_error(n))
        p = 2.0 ** (1 - n) if alike and len(changed) else sign_flips_p(changed)
        return Difference(effect, min(low, effect), max(high, effect), p, FLIPS, error, n - 1)
    means = resampled(gaps)
    low, high = np.quantile(means, expanded(n))
    return Difference(
        effect, float(low), float(high), _bootstrap_p(means, effect, error, n), PAIRED, error, n - 1
    )


def sign_flips_p(gaps: Array) -> float:
    """Two-sided p of a sum of differences, over all assignments of their signs.

    Args:
        gaps: differences that are not 0, at most about 20 of them.
    """
    signs = np.array(list(product((1.0, -1.0), repeat=len(gaps)))) if len(gaps) else np.ones((1, 0))
    sums = np.abs(signs @ gaps)
    return float((sums >= abs(gaps.sum()) - 1e-12).mean())


def _bootstrap_p(means: Array, effect: float, error: float, n: int) -> float:
    """The level at which the expanded interval touches 0; beyond the resamples' reach, Student's tail."""
    beyond = min(int((means <= 0).sum()), int((means >= 0).sum()))
    if beyond < FEW:
        return student_tail(effect / error, n - 1)
    share = min(0.5, (beyond + 1) / (len(means) + 1))
    return student_tail(NormalDist().inv_cdf(share) * math.sqrt((n - 1) / n), n - 1)


def _error(gaps: Array, bounded: bool) -> float:
    """Standard error of a mean difference.

    One problem shows no spread: of shares it is then the largest that there can be, else unknown.
    """
    n = len(gaps)
    if n == 1:
        return 1.0 if bounded else math.inf
    return float(gaps.std(ddof=1)) / math.sqrt(n)


def unpaired(first: MeanEstimate, second: MeanEstimate, sizes: tuple[int, int] | None = None) -> Difference:
    """Two rows that share no outcomes: the interval is put together from theirs.

    Newcombe 1998, Statist. Med. 17:873, method 10 (with Wilson's intervals), which Zou and Donner 2008,
    Statist. Med. 27:1693, extend to any intervals. p is the pooled z test where both are shares of one
    answer a problem (`sizes`), else the normal test with the rows' own errors.

    Args:
        sizes: problems of each, where each had one answer.
    """
    effect = second.value - first.value
    low = effect - math.hypot(second.value - second.low, first.high - first.value)
    high = effect + math.hypot(second.high - second.value, first.value - first.low)
    error = math.hypot(first.error, second.error)
    if sizes is not None:
        pooled = (first.value * sizes[0] + second.value * sizes[1]) / sum(sizes)
        at_null = math.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    else:
        at_null = error
    p = normal_tail(effect / at_null) if at_null > 0 else 1.0
    return Difference(effect, low, high, p, UNPAIRED, error)


def average(parts: list[Difference]) -> Difference:
    """The plain mean of differences on separate benchmarks: their errors add as independent ones."""
    effect = sum(part.effect for part in parts) / len(parts)
    error = math.sqrt(sum(part.error**2 for part in parts)) / len(parts)
    p = normal_tail(effect / error) if error > 0 else 1.0
    kind = UNPAIRED if any(not part.paired for part in parts) else "paired, normal over problems"
    return Difference(effect, effect - Z95 * error, effect + Z95 * error, p, kind, error)
