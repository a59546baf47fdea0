"""The paper's format reward."""

from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, texts


@dataclass(kw_only=True)
class FormatReward:
    """1.0 if the line `</think>` ends the reasoning exactly once, else 0.0.

    The opening tag is not asked for, as the chat template writes it; `<answer>` tags, which the
    system prompt demands, are not looked at (both as the paper's code had it).
    """

    __name__ = "format"
    version: ClassVar[int] = 1
    weight: float = 1.0

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion."""
        return [float(text.count("\n</think>\n") == 1) for text in texts(completions)]
