"""Whether the points of a sweep are configs at all: asked before the first of them is trained."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution

from openrs.config.compose import to_config
from openrs.errors import Mistake
from openrs.sweep.estimate import compose, spaced
from openrs.sweep.space import choices, spelled

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

COMPOSED = 50
"""Points that are composed, at about an eighth of a second each."""


def check(sweep: "Sweep") -> None:
    """Composes every point of a small grid, else each level of every dimension once with the first of the
    others; of more levels than `COMPOSED`, some.

    What a sampler will draw is not known, so of its space only names and types are refused: two values that
    do not go together are a trial that fails.

    Raises:
        Mistake: a point has an option or a value that there is not, or values that do not go together.
    """
    if sweep.extend is not None:
        return  # it gives trials params that are in no space
    for params in _chosen(sweep):
        try:
            composed = compose(sweep, params)
            if sweep.ours and sweep.points is not None:
                to_config(composed)
        except Mistake as error:
            told = " ".join(f"{key}={spelled(value)}" for key, value in params.items())
            raise Mistake(
                f"{error} This is the point {told}. Nothing was run: mend it, or leave it out."
            ) from error


def _chosen(sweep: "Sweep") -> Iterator[dict[str, Any]]:
    points = None if sweep.points is None else sweep.points[: sweep.total]
    if points is not None and len(points) <= COMPOSED:
        yield from points
        return
    dimensions = sweep.space.distributions
    levels = {
        key: _levels(distribution) if points is None else list(dict.fromkeys(point[key] for point in points))
        for key, distribution in dimensions.items()
    }
    first = {key: found[0] for key, found in levels.items()}
    for key, found in levels.items():
        for place in spaced(range(len(found)), max(1, COMPOSED // len(levels))):
            yield first | {key: found[place]}


def _levels(distribution: BaseDistribution) -> list[Any]:
    """The values of a list or of whole numbers; of an interval one that lies in it."""
    listed = choices(distribution)
    if not isinstance(listed, Mistake):
        return listed
    return [(vars(distribution)["low"] + vars(distribution)["high"]) / 2]
