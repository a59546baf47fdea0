"""The share of one recipe's gain over the base model that another recipe reaches, with Fieller's interval.

A share r is in the interval where the data do not reject that `part - r * whole - (1 - r) * base` is 0
(Fieller 1954, J. R. Stat. Soc. B 16:175). Problems and training seeds make its error, as that of a difference
(`recipes`). Where the gain itself may be 0, any share may be true, and none is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics import recipes
from openrs.analysis.statistics.differences import least_error
from openrs.analysis.statistics.recipes import Spread

Array = NDArray[np.float64]
FARTHEST = 10.0
"""Beyond so many times the gain an end is not looked for: such an interval says nothing of the share."""


@dataclass(frozen=True)
class Share:
    """A share of a gain: 1 is all of it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ShareQuestion:
    """The base model, the recipe that gains, and the recipe whose share is asked."""

    base: Sequence[list[Array]]
    """For each benchmark a vector (problems,) a run, all over the same problems."""
    whole: Sequence[list[Array]]
    part: Sequence[list[Array]]
    spread: Spread | None
    """Between training runs, of one run's mean; None leaves it out where both recipes were trained once."""

    def contrast(self, part: float, whole: float) -> tuple[float, float]:
        """A weighted sum of the two gains, and half of its 95 % interval."""
        parts, effect = [], 0.0
        for base, gaining, other in zip(self.base, self.whole, self.part, strict=True):
            gains = [np.mean(columns, axis=0) - np.mean(base, axis=0) for columns in (other, gaining)]
            sums = part * gains[0] + whole * gains[1]
            variance, freedom = recipes.over_problems(sums)
            noise = part**2 * recipes.within(other) + whole**2 * recipes.within(gaining)
            if self.spread is not None and not self.spread.seen:  # runs that agree do not hold the noise
                noise = 0.0
            least = least_error(len(sums)) ** 2  # no problem that differs is no certainty
            parts.append((max(least, variance - noise) / len(self.base) ** 2, freedom))
            effect += float(sums.mean()) / len(self.base)
        if self.spread is not None:
            counts = part**2 / len(self.part[0]) + whole**2 / len(self.whole[0])
            parts.append((self.spread.variance * counts, self.spread.freedom))
        return effect, recipes.reach(parts)


def share_of_gain(arms: ShareQuestion) -> Share | None:
    """The share that `part` reaches of the gain of `whole`, or None where the gain may be noise."""
    if min(len(columns[0]) for columns in arms.base) < 2:  # one problem says nothing of others
        return None
    gain, half = arms.contrast(0.0, 1.0)
    if gain <= half:
        return None
    value = arms.contrast(1.0, 0.0)[0] / gain
    low, high = _end(arms, value, -1), _end(arms, value, 1)
    return None if low is None or high is None else Share(value, low, high)


def _end(arms: ShareQuestion, value: float, sign: int) -> float | None:
    """An end of the interval on this side of the estimate."""

    def rejected(distance: float) -> bool:
        effect, half = arms.contrast(1.0, -(value + sign * distance))
        return abs(effect) > half

    outside = 0.125
    while not rejected(outside):
        outside *= 2
        if outside > FARTHEST:
            return None
    inside = 0.0
    while outside - inside > 1e-4 * max(1.0, outside):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
    return value + sign * outside
