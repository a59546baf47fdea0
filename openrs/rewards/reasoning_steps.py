"""The reasoning-steps reward: three marks of a step earn the point."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, texts

MARKS = r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,"
ENOUGH = 3


@dataclass(kw_only=True)
class ReasoningStepsReward:
    """min(1, marks / 3): `Step 1:`, `1.` at a line's start, bullets, and words as `First,`.

    The reward counts marks, not reasoning: a text can have all marks and prove nothing. Source:
    huggingface/open-r1.
    """

    __name__ = "reasoning_steps"
    version: ClassVar[int] = 1
    weight: float = 1.0
    every_line: bool = True
    """Whether `1.` counts at the start of every line. As upstream: false, as its `^` has no MULTILINE
    and matches at the start of the text alone."""

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion, from 0 to 1."""
        marks = re.compile(MARKS, re.MULTILINE if self.every_line else 0)
        return [min(1.0, len(marks.findall(text)) / ENOUGH) for text in texts(completions)]
