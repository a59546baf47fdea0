"""A batch of completions as TRL hands it to a reward: texts and lengths."""

from collections.abc import Sequence
from typing import Literal

Completions = Sequence[Sequence[dict[str, str]]]
"""TRL's conversational form: one assistant message each."""

LengthUnit = Literal["characters", "tokens"]


def texts(completions: Completions) -> list[str]:
    """The text of each completion."""
    return [completion[0]["content"] for completion in completions]


def lengths(unit: LengthUnit, completions: Completions, completion_ids: Sequence[Sequence[int]]) -> list[int]:
    """The length of each completion; its tokens are those of `completion_ids`."""
    return [len(item) for item in (texts(completions) if unit == "characters" else completion_ids)]
