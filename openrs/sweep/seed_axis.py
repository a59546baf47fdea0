"""The training seeds of a sweep: runs that differ in them alone are replicates of one point."""

from dataclasses import replace
from typing import Any

from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution

from openrs.config.schema import Config
from openrs.errors import Mistake, refuse
from openrs.studies.replicates import SEED
from openrs.sweep import space
from openrs.sweep.space import Space

FIELD = "replicates"


def stated(swept: Space, config: DictConfig) -> int:
    """The runs that the command, or the sweep's file, asks of each point.

    Raises:
        Mistake: they are swept, or are no whole number from 1 on.
    """
    if FIELD in swept.distributions:
        listed = ",".join(map(str, space.choices(swept.distributions[FIELD]) or ["..."]))
        refuse(FIELD, listed, "a sweep has one number of replicates", f"Give one, as {FIELD}=3")
    value = swept.fixed.get(FIELD, config[FIELD])
    limits = Config.__dataclass_fields__[FIELD].metadata["limits"]
    if not str(value).isdigit() or not limits.hold(int(value)):
        refuse(FIELD, value, f"must be a whole number, {limits}", f"Give for example {FIELD}=3")
    return int(value)


def axis(swept: Space, config: DictConfig, runs: int) -> Space:
    """The space with `runs` training seeds as its last dimension, which is what seed=42,43,44 makes of it.

    Raises:
        Mistake: the seed is swept already.
    """
    if SEED in swept.distributions:
        refuse(
            FIELD,
            runs,
            "the sweep has training seeds of its own, which are replicates already",
            f"Leave {FIELD} out, or pin the first seed, as {SEED}=42",
        )
    fixed = dict(swept.fixed)
    first = int(fixed.pop(SEED, config[SEED]))
    seeds = CategoricalDistribution(range(first, first + runs))
    # a job is one run: a file that states replicates would state them for it too
    return replace(swept, distributions=swept.distributions | {SEED: seeds}, fixed=fixed | {FIELD: "1"})


def of_search(swept: Space, extended: bool) -> tuple[Any, ...]:
    """The seeds with which each proposal of a sampler is run: a list of them beside what is searched. An
    interval of seeds is searched as any other.

    Raises:
        Mistake: nothing but seeds is swept.
    """
    seeds = space.choices(swept.distributions[SEED]) if SEED in swept.distributions else None
    if seeds and len(swept.distributions) == 1 and not extended:
        raise Mistake(
            "hydra/sweeper/sampler: nothing but the training seed is swept, and seeds are replicates, which "
            "no sampler searches. Leave the sampler out, or sweep something else as well."
        )
    return tuple(seeds or ())
