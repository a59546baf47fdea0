"""The accuracy reward, sound and as run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions
from openrs.rewards.correctness import verdicts


@dataclass(kw_only=True)
class Accuracy:
    """1.0 if the answer equals the gold answer by math-verify, else 0.0.

    The answer must be LaTeX without malformed operators (`\\frac12` is one); the last box counts, and
    where there is none an anchored one (`the answer is $3$`). reward=accuracy is sound: what
    huggingface/open-r1 has since #566. reward=accuracy_as_run is what the paper trained with.
    """

    __name__ = "accuracy"
    version: ClassVar[int] = 1
    weight: float = 2.0
    unparsable_gold: float | None = None
    """Reward where the gold answer cannot be parsed. All completions of a prompt share it, so no value
    moves an advantage there; null also keeps it out of the logged mean. (TRL counts a null as 0 beside
    other terms, and leaves the row out where every term is null.) As run: 1.0."""
    gold_first: bool = True
    """Whether math-verify gets its arguments in order. As run: false."""

    def __call__(self, completions: Completions, solution: Sequence[str], **more: Any) -> list[float | None]:
        """Returns one reward per completion; `solution` holds the gold answer of each."""
        return [
            float(verdict.correct) if verdict.gold_parsed else self.unparsable_gold
            for verdict in verdicts(completions, solution, self.gold_first, more)
        ]
