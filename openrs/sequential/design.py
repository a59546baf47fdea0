"""A comparison that is looked at several times: its boundaries, its power, and what it takes.

The boundaries are those of O'Brien and Fleming by the spending function of Lan and DeMets 1983 (Biometrika
70:659): how much of the level a look may spend follows from the information alone, so looks need not be
evenly spaced. Probabilities are integrals over the paths that no look has ended (Armitage, McPherson and
Rowe 1969).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NODES = 80
"""Points at which a stretch of values is integrated over; 160 change no boundary in its sixth digit."""
POWER_OF_ALL = 0.8
"""Power of the planned whole at the difference for which a plan states what it expects."""


@dataclass(frozen=True)
class Design:
    """Looks and what ends a comparison at them."""

    information: tuple[float, ...]
    """Of each look, as a share of that of all: rising, and 1 at the last."""
    alpha: float = 0.05
    """Two-sided level over all looks."""
    futility: float | None = None
    """Conditional power below which a comparison ends without a verdict; None never does. The boundaries are
    not lowered for it, so the level holds whether or not it is heeded."""

    @cached_property
    def boundaries(self) -> tuple[float, ...]:
        """The standard score at each look from which on the comparison is decided."""
        return boundaries(self.information, self.alpha)

    @cached_property
    def inner(self) -> tuple[float, ...]:
        """The standard score at each look below which it ends as futile; 0 where none does.

        Futile is a look after which the rest would decide with less than the probability `futility`, were the
        difference one that the whole shows with power 0.8.
        """
        if self.futility is None:
            return (0.0,) * len(self.information)
        from scipy.special import ndtri

        quantile, scores = float(ndtri(self.futility)), []
        for share, outer in zip(self.information, self.boundaries, strict=True):
            needed = self.boundaries[-1] + quantile * math.sqrt(1 - share) - self.drift * (1 - share)
            scores.append(min(max(0.0, needed / math.sqrt(share)), outer) if share < 1 else 0.0)
        return tuple(scores)

    @property
    def drift(self) -> float:
        """Standard errors of the whole that a difference measures which the whole shows with power 0.8."""
        from scipy.special import ndtri

        return float(ndtri(1 - self.alpha / 2) + ndtri(POWER_OF_ALL))

    def outcome(self, drift: float) -> tuple[float, float]:
        """Power, and the expected share of the answers.

        Args:
            drift: the true difference in standard errors of the whole.
        """
        power, share, going = 0.0, 0.0, 1.0
        walk = _walk(self.information, self.boundaries, self.inner, drift)
        for (decided, futile), last, information in zip(walk, (0.0, *self.information), self.information):  # noqa: B905
            share += going * (information - last)
            power += decided
            going -= decided + futile
        return power, share

    def repeated_p(self, score: float, look: int) -> float:
        """The smallest level at which the comparison would be decided at the look: a p that stays valid
        however often one looks (Jennison and Turnbull 2000, section 9.2)."""
        from scipy.optimize import brentq

        def beyond(log_level: float) -> float:
            return boundaries(self.information[: look + 1], math.exp(log_level))[look] - abs(score)

        if beyond(0.0) >= 0:
            return 1.0
        least = math.log(LEAST)
        return LEAST if beyond(least) <= 0 else math.exp(brentq(beyond, least, 0.0, xtol=1e-6))


HIGHEST = 40.0
"""A score beyond which there is no probability that a float can hold."""
LEAST = 1e-12
"""The smallest p that is distinguished from 0."""


def spent(share: float, alpha: float) -> float:
    """The part of a two-sided level that may be spent up to a share of the information."""
    from scipy.special import ndtr, ndtri

    return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(share)))


@lru_cache(maxsize=4096)
def boundaries(information: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Standard scores beyond which each look spends what it may, in both directions alike."""
    bounds: list[float] = []
    for look, share in enumerate(information):
        allowed = spent(share, alpha) - (spent(information[look - 1], alpha) if look else 0.0)
        paths = _paths(information[: look + 1], bounds, (0.0,) * look, 0.0)
        bounds.append(_score(paths, share, allowed))
    return tuple(bounds)


@dataclass(frozen=True)
class _Paths:
    """Where the undecided paths stand before a look, each value with its probability, and the step to it."""

    values: Array
    masses: Array
    mean: float
    deviation: float


@cache
def _nodes() -> tuple[Array, Array]:
    """Those of Gauss and Legendre from -1 to 1, with their weights."""
    return np.polynomial.legendre.leggauss(NODES)


def _paths(
    information: Sequence[float], outer: Sequence[float], inner: Sequence[float], drift: float
) -> _Paths:
    """The paths that go into the last of these looks: those that each before it left between its bounds."""
    nodes, weights = _nodes()
    values, masses, before = np.zeros(1), np.ones(1), 0.0
    for share, high, low in zip(information, outer, inner, strict=False):
        step, root = share - before, math.sqrt(share)
        middle, half = (high + low) / 2 * root, (high - low) / 2 * root
        stretch = middle + half * nodes
        reached = np.concatenate([-stretch[::-1], stretch])
        moved = (reached[:, None] - values - drift * step) / math.sqrt(step)
        density = np.exp(-(moved**2) / 2) / math.sqrt(2 * math.pi * step) @ masses
        values, masses, before = reached, density * half * np.concatenate([weights[::-1], weights]), share
    step = information[len(outer)] - before
    return _Paths(values, masses, drift * step, math.sqrt(step))


def _score(paths: _Paths, share: float, allowed: float) -> float:
    """The score that so much probability is beyond."""
    from scipy.optimize import brentq

    def excess(score: float) -> float:
        return _beyond(paths, share, score) - allowed

    return 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, HIGHEST))


def _beyond(paths: _Paths, share: float, score: float) -> float:
    """The probability of a look's score beyond one in either direction."""
    from scipy.special import ndtr

    bound, reached = score * math.sqrt(share), paths.values + paths.mean
    tails = ndtr((reached - bound) / paths.deviation) + ndtr((-bound - reached) / paths.deviation)
    return float(paths.masses @ tails)


def _walk(
    information: Sequence[float], outer: Sequence[float], inner: Sequence[float], drift: float
) -> Iterator[tuple[float, float]]:
    """The probabilities of a verdict and of futility at each look."""
    for look, share in enumerate(information):
        paths = _paths(information[: look + 1], outer[:look], inner[:look], drift)
        futile = float(paths.masses.sum()) - _beyond(paths, share, inner[look]) if inner[look] else 0.0
        yield _beyond(paths, share, outer[look]), futile
