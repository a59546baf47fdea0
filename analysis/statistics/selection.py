"""The effect on a checkpoint's score of selecting it as the best of m."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DRAWS = 10_000
TOTALS = "chi-square"
"""The test where outcomes are not known."""


@dataclass(frozen=True)
class Best:
    """The best of m checkpoints, and what noise alone would have made of the choice."""

    count: int
    mean: float
    """Over the checkpoints."""
    best: float
    expected: float
    """The best checkpoint's expected score if all m were equal."""
    p_best: float
    """Chance of a best score at least as high, if all were equal."""
    shrunken: float | None
    """The best checkpoint's score, drawn to the mean; None of three or fewer, which tell too little of their
    spread.

    Efron and Morris 1975 (JASA 70:311, equation 1.4): the part that stays is 1 - (m - 3) / (m - 1) of the
    noise's share in the variance between the m checkpoints, at least 0.
    """
    p_equal: float
    """Homogeneity of the checkpoints."""
    test: str


def of_shares(shares: Array, binary: bool, seed: int = 0) -> Best:
    """From outcomes: checkpoints are exchanged within each problem.

    The homogeneity test is Cochran's Q (Cochran 1950, Biometrika 37:256) for one answer a problem, and
    the permutation test of the variance between checkpoints for several.

    Args:
        shares: a share per problem and checkpoint, shape (problems, checkpoints), at least 2 of each.
        binary: whether every problem had one answer.
    """
    means = shares.mean(axis=0)
    nulls = _exchanged(shares, seed)
    spreads = nulls.var(axis=1)
    p_equal, test = float((1 + (spreads >= means.var() - 1e-12).sum()) / (1 + DRAWS)), "permutation"
    if binary:
        p_equal, test = _cochran(shares), "Cochran's Q"
    residual = shares - means - shares.mean(axis=1, keepdims=True) + shares.mean()
    n, m = shares.shape
    noise = float((residual**2).sum() / ((n - 1) * (m - 1)) / n)
    highest = nulls.max(axis=1)
    p_best = float((1 + (highest >= means.max() - 1e-9).sum()) / (1 + DRAWS))
    return _best(means, float(highest.mean()), p_best, noise, p_equal, test)


def of_aggregates(values: list[float], n: int) -> Best:
    """From aggregates alone: independent draws of n problems, an upper bound on the noise.

    The largest of m independent binomial counts is at most x with chance F(x)^m, which gives its mean and
    its tail exactly. Homogeneity is Pearson's chi-square over the m x 2 table of counts.

    Args:
        values: share right of each checkpoint, at least 2.
        n: problems.
    """
    from scipy.special import bdtr

    means, m = np.array(values), len(values)
    share, best = float(means.mean()), float(means.max())
    below = bdtr(np.arange(n), n, share) ** m  # chance that the largest count is at most 0, 1, ..., n - 1
    expected = float((1 - below).sum()) / n
    at_least = round(best * n)  # a source may state shares rounded
    p_best = float(1 - below[at_least - 1]) if at_least > 0 else 1.0
    noise = share * (1 - share) / n
    return _best(means, expected, p_best, noise, _chi_square(means * n, n), TOTALS)


def _exchanged(shares: Array, seed: int) -> Array:
    """Means of the checkpoints after shuffling them within every problem, shape (DRAWS, checkpoints)."""
    rng, n, m = np.random.default_rng(seed), *shares.shape
    means, batch = [], max(1, 2_000_000 // shares.size)
    for start in range(0, DRAWS, batch):
        count = min(batch, DRAWS - start)
        means.append(rng.permuted(np.broadcast_to(shares, (count, n, m)), axis=2).mean(axis=1))
    return np.concatenate(means)


def _best(means: Array, expected: float, p_best: float, noise: float, p_equal: float, test: str) -> Best:
    m, mean, best = len(means), float(means.mean()), float(means.max())
    spread = float(means.var(ddof=1))
    real = max(0.0, 1 - (m - 3) / (m - 1) * noise / spread) if spread > 0 else 0.0
    shrunken = mean + real * (best - mean) if m > 3 else None
    return Best(m, mean, best, expected, p_best, shrunken, p_equal, test)


def _cochran(outcomes: Array) -> float:
    """p of Cochran's Q over the columns of outcomes."""
    m, rights, totals = outcomes.shape[1], outcomes.sum(axis=0), outcomes.sum(axis=1)
    apart = float(m * totals.sum() - (totals**2).sum())
    if apart == 0:
        return 1.0  # no problem tells the checkpoints apart
    return _tail((m - 1) * float(m * (rights**2).sum() - rights.sum() ** 2) / apart, m - 1)


def _chi_square(right: Array, n: int) -> float:
    """p of Pearson's chi-square over counts of right answers among n problems each."""
    mean = float(right.mean())
    if mean in (0, n):
        return 1.0
    return _tail(float(((right - mean) ** 2).sum()) / (mean * (1 - mean / n)), len(right) - 1)


def _tail(statistic: float, freedom: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))
