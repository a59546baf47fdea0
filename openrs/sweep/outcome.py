"""The outcome of a trial. The job returns it, as an exception that passes through Hydra loses its type."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, with what the study keeps of it."""

    state: Literal["complete", "pruned", "stopped", "unfit", "failed"]
    """Two ends ask to be continued: `stopped`, as the budget was reached, and `unfit`, as this machine cannot
    do it."""
    values: tuple[float, ...] = ()
    """One per objective, in the study's order; empty unless complete."""
    reason: str = ""
    """Why it was pruned, stopped or failed."""
    again: bool = True
    """Whether trying again can help; not after a mistake in the config."""
    repeated: bool = False
    """Answered from the records of an earlier run of the same recipe."""
    step: int | None = None
    """The training step that was reached."""
    signal: float | None = None
    """The last value that the pruner saw, larger is better."""
    record: dict[str, Any] = field(default_factory=dict)
    """What tables and reports ask for: run id, folder, name, device hours, money."""


def read(returned: Any, objectives: int) -> Outcome:
    """The outcome of a job: as it says itself, or as the number or numbers that it returned.

    Args:
        returned: Hydra's JobReturn.
        objectives: how many values are wanted.
    """
    try:
        value = returned.return_value
    except Exception as error:
        return Outcome("failed", reason=f"{type(error).__name__}: {error}")
    if isinstance(value, Outcome):
        if all(map(math.isfinite, value.values)):
            return value
        reason = f"the objectives are {', '.join(map(str, value.values))}"
        return replace(value, state="failed", values=(), reason=reason, again=False)
    several = isinstance(value, Sequence) and not isinstance(value, str)
    try:
        numbers = tuple(float(item) for item in (value if several else [value]))
    except (TypeError, ValueError):
        return Outcome("failed", reason=f"the job returned {value!r}, which is no number", again=False)
    if len(numbers) != objectives:
        return Outcome(
            "failed",
            reason=f"the job returned {len(numbers)} values for {objectives} objectives",
            again=False,
        )
    if not all(math.isfinite(number) for number in numbers):
        return Outcome("failed", reason=f"the job returned {value!r}", again=False)
    return Outcome("complete", values=numbers)
