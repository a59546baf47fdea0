"""Checks of a config beyond the types of its fields. One file per idea, called in order."""

from openrs.config import curation
from openrs.config.checks import (
    algorithm,
    batch,
    data,
    devices,
    evaluation,
    lengths,
    numbers,
    paths,
    rewards,
    run,
    steps,
)
from openrs.config.schema import Config


def check(config: Config) -> None:
    """Checks what the types of the fields do not.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    numbers.check(config)
    for part in (batch, lengths, rewards, algorithm, data, steps, evaluation, run, devices, paths):
        part.check(config)
    if config.curation is not None:
        curation.check(config.curation)
