"""Checks of the reward: there is something to learn from, and the user's own functions can be called."""

import re

from openrs.config.schema import Config
from openrs.config.training import Reward
from openrs.errors import refuse
from openrs.rewards import LengthReward

TERM = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TAKEN = ("step", "prompt", "completion", "advantage", *Reward.__dataclass_fields__)
"""Names of columns beside those of the terms in TRL's tables, and the built-in terms."""


def check(config: Config) -> None:
    """Checks the terms that are on; a training's own functions are imported for it.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    if not config.untrained and not any(term.weight for term in config.reward.terms.values()):
        refuse(
            "reward",
            "{}",
            "every term is off or has no weight, so there is nothing to learn",
            "Turn one on, as reward=accuracy or 'reward.accuracy={}'",
        )
    _custom(config)
    if config.reward.length is not None:
        _length(config, config.reward.length)


def _length(config: Config, length: LengthReward) -> None:
    algorithm = config.algorithm
    size = algorithm.group_size if length.list_size is None else length.list_size
    processes = config.hardware.training_processes
    each = algorithm.prompts_per_step * algorithm.group_size // processes
    if size < 1 or each % size:
        refuse(
            "reward.length.list_size",
            length.list_size,
            f"the length reward compares {size} completions with each other, but each of "
            f"{processes} processes (hardware={config.hardware.name}) gets {each}",
            "Change hardware, algorithm.prompts_per_step or reward.length.list_size so that they divide",
        )


def _custom(config: Config) -> None:
    for name, term in config.reward.custom.items():
        field = f"reward.custom.{name}"
        if not TERM.fullmatch(name) or name in TAKEN:
            refuse(
                field,
                term.function,
                "names the term in metrics and tables, so it takes letters, digits and `_`, and none of "
                f"{', '.join(TAKEN)}",
                f"Give another name, as reward.custom.my_{re.sub(r'[^A-Za-z0-9_]', '_', name)}",
            )
        if term.time_limit <= 0:
            refuse(f"{field}.time_limit", term.time_limit, "must be greater than 0", "Give seconds, as 300")
        if not config.untrained:
            term.term(name)
