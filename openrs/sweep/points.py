"""The points of a sweep as configs and runs, all checked before the first is trained."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution

from openrs.config.compose import refusal, to_config
from openrs.config.overrides import prepared
from openrs.errors import Mistake
from openrs.plan import Plan, preview, resolve
from openrs.studies.replicates import SEED
from openrs.sweep.space import Space, choices, spelled

COMPOSED = 50
"""Points that are composed for a check, at about an eighth of a second each."""


@dataclass(frozen=True)
class Points:
    """The points of a sweep."""

    loader: ConfigLoader
    config: DictConfig
    """The sweep's, with what all of its jobs have in common."""
    space: Space
    grid: list[dict[str, Any]] | None
    """The params of every point; None where a sampler proposes them."""
    total: int
    """Slots of the study."""
    folders: tuple[Path, ...] | None = None
    """Of options beside conf/; None where the jobs are those of another Hydra application."""
    seeds: tuple[Any, ...] = ()
    """Of a sampler's search: the training seeds with which each of its proposals is run."""

    def overrides(self, params: dict[str, Any]) -> tuple[str, ...]:
        """One job's overrides, as Hydra composes them.

        Raises:
            Mistake: a value is of another type than its field.
        """
        lines = self.space.overrides(params)
        return lines if self.folders is None else tuple(prepared(lines, self.folders))

    def params(self, slot: int) -> dict[str, Any]:
        """The params of a slot; of a sampler's only the seed, as it proposes the others."""
        if self.grid is not None:
            return self.grid[slot]
        return {SEED: self.seeds[slot % len(self.seeds)]} if self.seeds else {}

    @cached_property
    def members(self) -> list[list[int]]:
        """The slots of each point, in the order of its training seeds."""
        if self.grid is None:
            runs = max(1, len(self.seeds))
            return [list(range(at, min(at + runs, self.total))) for at in range(0, self.total, runs)]
        members: dict[str, list[int]] = defaultdict(list)
        for slot, params in enumerate(self.grid[: self.total]):
            rest = {key: value for key, value in params.items() if self.folders is None or key != SEED}
            members[repr(rest)].append(slot)
        return list(members.values())

    def compose(self, params: dict[str, Any]) -> DictConfig:
        """The job config of one point, as Hydra composes it.

        Raises:
            Mistake: an option or a value that there is not.
        """
        try:
            composed = self.loader.load_sweep_config(self.config, list(self.overrides(params)))
        except (HydraException, OmegaConfBaseException) as error:
            raise Mistake(refusal(error)) from error
        with read_write(composed), open_dict(composed):
            del composed["hydra"]
        return composed

    def plans(self, slots: Iterable[int]) -> dict[int, Plan | Mistake]:
        """The runs of slots of a grid; of a sampler's space the run of the common settings stands for all. A
        dry run goes on without data that cannot be fetched here."""
        resolved = preview if self.config.get("dry_run") else resolve
        plans: dict[int, Plan | Mistake] = {}
        for slot in slots:
            try:
                plans[slot] = resolved(to_config(self.compose(self.params(slot))))
            except Mistake as error:
                plans[slot] = error
            if self.grid is None:
                break
        return plans


def check(points: Points, typed: bool) -> None:
    """Composes every point of a small grid, else each level of every dimension once with the first of the
    others; of more levels than `COMPOSED`, some.

    What a sampler will draw is not known, so of its space only names and types are refused: two values that
    do not go together are a trial that fails.

    Args:
        typed: whether the configs are of openrs' schema, and not of another Hydra application.

    Raises:
        Mistake: a point has an option or a value that there is not, or values that do not go together.
    """
    for params in _checked(points):
        try:
            composed = points.compose(params)
            if typed and points.grid is not None:
                to_config(composed)
        except Mistake as error:
            point = " ".join(f"{key}={spelled(value)}" for key, value in params.items())
            raise Mistake(
                f"{error} This is the point {point}. Nothing was run: mend the point, or leave it out."
            ) from error


def _checked(points: Points) -> Iterator[dict[str, Any]]:
    grid = None if points.grid is None else points.grid[: points.total]
    if grid is not None and len(grid) <= COMPOSED:
        yield from grid
        return
    levels = {
        key: _levels(distribution) if grid is None else list(dict.fromkeys(point[key] for point in grid))
        for key, distribution in points.space.distributions.items()
    }
    first = {key: values[0] for key, values in levels.items()}
    for key, values in levels.items():
        for place in spaced(range(len(values)), max(1, COMPOSED // len(levels))):
            yield first | {key: values[place]}


def _levels(distribution: BaseDistribution) -> list[Any]:
    """The values of a list or of whole numbers; of an interval one that lies in it."""
    listed = choices(distribution)
    return listed or [(vars(distribution)["low"] + vars(distribution)["high"]) / 2]


def spaced(slots: Sequence[int], at_most: int) -> list[int]:
    """About so many of them, evenly spaced."""
    return list(slots[:: -(-len(slots) // at_most)]) if len(slots) > at_most else list(slots)
