"""The cosine reward, as the paper's text has it and as its code ran."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.errors import Mistake
from openrs.rewards.completions import Completions, LengthUnit, lengths, verify


@dataclass(kw_only=True)
class CosineReward:
    """A right answer earns, and a wrong answer loses, by its length along a half cosine.

    reward = long + (short - long) / 2 * (1 + cos(pi * length / max_length)), from `*_short` at length
    0 to `*_long` at max_length. reward=cosine_as_run is the paper's code (characters against a token
    cap, unclamped, so periodic; long wrong answers lose more). reward=cosine_as_written is the paper's
    text (tokens, clamped; long wrong answers lose less), which is sound. Source: arXiv 2502.03373,
    section 4, by way of huggingface/open-r1.
    """

    __name__ = "cosine"
    version: ClassVar[int] = 1
    weight: float = 2.0
    length_unit: LengthUnit
    clamped: bool
    max_length: int
    """Length of the half period; conf/ sets it to length.completion."""
    correct_short: float
    correct_long: float
    wrong_short: float
    wrong_long: float
    unparsable_gold: float | None = None
    """As in `AccuracyReward`. As run: 1.0."""
    gold_first: bool = True
    """As in `AccuracyReward`. As run: false."""

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise Mistake(
                f"reward.cosine.max_length={self.max_length}: must be greater than 0. Give "
                "length.completion=1 or more, as it is that unless you give another."
            )

    def value(self, correct: bool, length: int) -> float:
        """The reward of one answer of this length (in `length_unit`)."""
        progress = length / self.max_length
        if self.clamped:
            progress = min(progress, 1.0)
        short, long = (
            (self.correct_short, self.correct_long) if correct else (self.wrong_short, self.wrong_long)
        )
        return long + 0.5 * (short - long) * (1.0 + math.cos(math.pi * progress))

    def __call__(
        self,
        completions: Completions,
        solution: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        **extras: Any,
    ) -> list[float | None]:
        """Returns one reward per completion; token lengths come from `completion_ids`."""
        sizes = lengths(self.length_unit, completions, completion_ids)
        verdicts = verify(completions, solution, self.gold_first, extras)
        return [
            self.value(verdict.correct, length) if verdict.gold_parsed else self.unparsable_gold
            for verdict, length in zip(verdicts, sizes, strict=True)
        ]
