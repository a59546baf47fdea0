"""The accuracy reward, sound and as run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, verify


@dataclass(kw_only=True)
class AccuracyReward:
    """1.0 if the answer equals the gold answer by math-verify, else 0.0.

    The answer must be LaTeX without malformed operators (`\\frac12` is one). The last box counts; in a
    text without a box, an anchored answer counts (`the answer is $3$`). reward=accuracy is sound and is
    huggingface/open-r1's since #566; the paper trained with reward=accuracy_as_run.
    """

    __name__ = "accuracy"
    version: ClassVar[int] = 1
    weight: float = 2.0
    unparsable_gold: float | None = None
    """The reward where the gold answer cannot be parsed. All completions of a prompt share this value, so
    it moves no advantage; null also keeps the row out of the logged mean. (TRL counts a null as 0 beside
    other terms, and leaves the row out if every term is null.) As run: 1.0."""
    gold_first: bool = True
    """Whether math-verify gets its arguments in order. As run: false."""

    def __call__(
        self, completions: Completions, solution: Sequence[str], **extras: Any
    ) -> list[float | None]:
        """Returns one reward per completion; `solution` holds the gold answer of each."""
        return [
            float(verdict.correct) if verdict.gold_parsed else self.unparsable_gold
            for verdict in verify(completions, solution, self.gold_first, extras)
        ]
