"""What a field of the config states beside its type: what it decides, and the numbers that it takes.

    learning_rate: float = option(above=0)
    seed: int = option(42, identity="recipe", at_least=0, below=2**32)

Both are metadata of the dataclass field, which OmegaConf ignores.
"""

import operator
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, is_dataclass
from typing import Any, Literal

Identity = Literal["recipe", "evaluation", "neither"]
"""What a field decides: the trained weights, the completions of given weights, or neither."""

LARGEST = 10**15
"""The largest number that any field takes; where a field states no smaller one, this keeps out what no float
and no library counts with."""

BOUNDS = {
    "above": (operator.gt, "greater than"),
    "at_least": (operator.ge, "at least"),
    "below": (operator.lt, "below"),
    "at_most": (operator.le, "at most"),
}


@dataclass(frozen=True)
class Limits:
    """The interval of the numbers that a field takes."""

    bounds: dict[str, float]
    reason: str
    usual: float | None = None
    """A number that people give."""

    def hold(self, number: float) -> bool:
        """Whether a number lies in the interval."""
        return all(BOUNDS[kind][0](number, bound) for kind, bound in self.bounds.items())

    def __str__(self) -> str:
        rule = " and ".join(f"{BOUNDS[kind][1]} {bound}" for kind, bound in self.bounds.items())
        return rule + (f" ({self.reason})" if self.reason else "")

    @property
    def example(self) -> float:
        """A number of the interval: the usual one, or a small one."""
        if self.usual is not None:
            return self.usual
        return self.bounds.get("at_least", self.bounds.get("above", 0) + 1)


def option(
    default: Any = MISSING,
    *,
    factory: Callable[[], Any] | None = None,
    identity: Identity | None = None,
    reason: str = "",
    usual: float | None = None,
    **bounds: float,
) -> Any:
    """A field of a config's dataclass.

    Args:
        default: its value unless conf/ or the command line gives one; without it they must.
        factory: makes the default where that is a list, a dict or a dataclass.
        identity: what the field and all below it decide. None: the group that the field is in states it, or,
            where the field is a group, its own fields do.
        reason: why the bounds are as they are, for the error message.
        usual: a number that people give, for the error message; without it a small one of the interval.
        bounds: of the number, or of each number of a list: `above`, `at_least`, `below`, `at_most`. Null is
            always within them.
    """
    metadata = {"identity": identity, "limits": Limits(bounds, reason, usual) if bounds else None}
    if factory is not None:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def bearing(node: Any, identity: Identity) -> dict[str, Any]:
    """The fields of a config that bear on an identity, nested as they are in the config."""
    borne: dict[str, Any] = {}
    for name, value in asdict(node).items():
        stated, held = node.__dataclass_fields__[name].metadata.get("identity"), getattr(node, name)
        if stated == identity:
            borne[name] = value
        elif stated is None:
            parts = held.items() if isinstance(held, dict) else [("", held)]
            inner = {key: bearing(part, identity) for key, part in parts if is_dataclass(part)}
            group = inner if isinstance(held, dict) else inner.get("", {})
            borne |= {name: group} if any(group.values()) else {}
    return borne
