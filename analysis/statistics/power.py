"""The smallest difference that a benchmark of n problems could have shown."""

import math
from statistics import NormalDist

POWER = 0.8
SIZE = 0.05
LEAST_CHANGED = math.ceil(math.log2(2 / SIZE))
"""Problems that must change, all one way, before McNemar's exact test can tell: p is then 2 / 2^c."""

_quantile = NormalDist().inv_cdf


def from_error(error: float, power: float = POWER, size: float = SIZE) -> float:
    """Smallest effect that a two-sided test finds with this power, given the effect's standard error.

    (z(1 - size/2) + z(power)) standard errors, the textbook formula for a normal statistic.
    """
    return (_quantile(1 - size / 2) + _quantile(power)) * error


def unpaired(share: float, n: int, power: float = POWER, size: float = SIZE) -> float:
    """Smallest gain over `share` that two rows of n problems, one answer each, would show unpaired.

    The d that solves z(1 - size/2) sqrt(2 m (1-m) / n) + z(power) sqrt((p(1-p) + q(1-q)) / n) = d with
    q = p + d, m = p + d/2 (Fleiss, Levin and Paik 2003, section 4.2). Above one half
    a loss of that size is meant, which is the harder one to show.

    Returns:
        The difference, or 1 where no difference could have been shown.
    """
    share = min(share, 1 - share)
    low, high = 0.0, 1 - share
    if _short(share, high, n, power, size) > 0:
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _short(share, middle, n, power, size) > 0:
            low = middle
        else:
            high = middle
    return high


def _short(share: float, gain: float, n: int, power: float, size: float) -> float:
    """How far the gain falls short of what is needed."""
    other, mean = share + gain, share + gain / 2
    at_null = math.sqrt(2 * mean * (1 - mean) / n)
    at_gain = math.sqrt(max(0.0, share * (1 - share) + other * (1 - other)) / n)
    return _quantile(1 - size / 2) * at_null + _quantile(power) * at_gain - gain
