"""Estimates and intervals, as pure functions of outcomes."""

import math

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(correct: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927, JASA 22:209): one sample a problem.

    Args:
        correct: number of right answers (a mean over samples may be between two numbers).
        n: number of problems, at least 1.
    """
    share = correct / n
    spread = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    middle, whole = share + Z95**2 / (2 * n), 1 + Z95**2 / n
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def clustered(outcomes: NDArray[np.float64], resamples: int = 4000, seed: int = 0) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean where every problem was sampled several times.

    Problems are resampled, not answers, as the answers to one problem go together.

    Args:
        outcomes: 1 for right, shape (problems, samples).
    """
    shares = outcomes.mean(axis=1)
    n = len(shares)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    low, high = np.quantile(counts @ shares / n, [0.025, 0.975])
    return float(low), float(high)


def mean_interval(values: list[float], errors: list[float]) -> tuple[float, float]:
    """Normal 95 % interval of the plain mean of independent shares, within 0 and 1.

    Args:
        values: the estimates.
        errors: their standard errors.
    """
    middle = sum(values) / len(values)
    spread = Z95 * math.sqrt(sum(error**2 for error in errors)) / len(values)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def error(outcomes: NDArray[np.float64]) -> float:
    """Standard error of a cell's mean; Wilson's where all problems went alike, as it is never 0.

    Args:
        outcomes: 1 for right, shape (problems, samples).
    """
    found = clustered_error(outcomes)
    if 0 < found < math.inf:
        return found
    low, high = wilson(float(outcomes.mean()) * len(outcomes), len(outcomes))
    return (high - low) / (2 * Z95)


def clustered_error(outcomes: NDArray[np.float64]) -> float:
    """Standard error of the mean over problems (ddof 1), shape (problems, samples)."""
    shares = outcomes.mean(axis=1)
    return float(shares.std(ddof=1) / math.sqrt(len(shares))) if len(shares) > 1 else math.inf
