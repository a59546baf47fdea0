"""The repetition penalty: the share of n-grams that repeat earlier ones."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.errors import Mistake
from openrs.rewards.completions import Completions, texts
from openrs.rewards.scripts import UNSPACED

_UNSPACED = re.compile(f"([{UNSPACED}])")


@dataclass(kw_only=True)
class RepetitionPenaltyReward:
    """(1 - distinct n-grams / n-grams) * max_penalty, over lower-cased words.

    A completion shorter than one n-gram gets 0. Source: arXiv 2502.03373, appendix C.2, by way of
    huggingface/open-r1.
    """

    __name__ = "repetition_penalty"
    version: ClassVar[int] = 1
    weight: float = 1.0
    ngram_size: int = 3
    max_penalty: float = -1.0
    """The limit of a text that repeats itself without end; not positive."""
    split_unspaced: bool = True
    """True: a character of a script without spaces (Chinese, Japanese, Thai) is a word. False, as
    upstream: words end at white space alone, so a Chinese loop is one word and goes unpunished."""

    def __post_init__(self) -> None:
        if self.max_penalty > 0:
            raise Mistake(
                f"reward.repetition_penalty.max_penalty={self.max_penalty}: must not be positive, or "
                "repetition would be rewarded. Give 0 or less, as -1.0."
            )
        if self.ngram_size < 1:
            raise Mistake(
                f"reward.repetition_penalty.ngram_size={self.ngram_size}: an n-gram has at least one "
                "word. Give 1 or more, as 3."
            )

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion, from max_penalty to 0."""
        return [self.value(text) for text in texts(completions)]

    def value(self, text: str) -> float:
        """The penalty of one text."""
        words = (_UNSPACED.sub(r" \1 ", text) if self.split_unspaced else text).lower().split()
        total = len(words) - self.ngram_size + 1
        if total < 1:
            return 0.0
        distinct = set(zip(*(words[start:] for start in range(self.ngram_size)), strict=False))
        return (1 - len(distinct) / total) * self.max_penalty
