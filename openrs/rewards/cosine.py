"""The cosine reward, as the paper's text has it and as its code ran."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.errors import Mistake
from openrs.rewards.completions import Completions, LengthUnit, lengths
from openrs.rewards.correctness import verdicts


@dataclass(kw_only=True)
class Cosine:
    """A right answer earns by its length along a half cosine, a wrong one loses by it.

    reward = end + (start - end) / 2 * (1 + cos(pi * length / max_length)), from `*_short` at length
    0 to `*_long` at max_length. conf/reward/ has it as the paper's code ran it (characters against a
    token cap, unclamped, so periodic; long wrong answers lose more) and as its text meant it
    (tokens, clamped; long wrong answers lose less), which is the sound one. Source: arXiv 2502.03373,
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
    """As in `Accuracy`. As run: 1.0."""
    gold_first: bool = True
    """As in `Accuracy`. As run: false."""

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise Mistake(
                f"reward.cosine.max_length={self.max_length}: must be greater than 0. Give a length, as "
                "${length.completion}."
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
        **more: Any,
    ) -> list[float | None]:
        """Returns one reward per completion; token lengths come from `completion_ids`."""
        measured = lengths(self.length_unit, completions, completion_ids)
        judged = verdicts(completions, solution, self.gold_first, more)
        return [
            self.value(verdict.correct, length) if verdict.gold_parsed else self.unparsable_gold
            for verdict, length in zip(judged, measured, strict=True)
        ]
