"""The tag-count reward: half a point for each end of the reasoning."""

from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, texts


@dataclass(kw_only=True)
class TagCountReward:
    """0.5 for one opening `<think>` line and 0.5 for one closing `</think>` line.

    Source: knoveleng/open-rs at 2889c47 (the paper did not train with it).
    """

    __name__ = "tag_count"
    version: ClassVar[int] = 1
    weight: float = 1.0
    opened_by_template: bool = True
    """True: the chat template writes the opening tag (R1-Distill's and the nano model's do), so the
    completion must hold none. False, as upstream: the completion must hold one, which under such a
    template rewards a second opening."""

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion: 0.0, 0.5 or 1.0."""
        openings = 0 if self.opened_by_template else 1
        return [
            0.5 * (text.count("<think>\n") == openings) + 0.5 * (text.count("\n</think>\n") == 1)
            for text in texts(completions)
        ]
