"""The English-only reward: the paper's future work, against the drift into other languages."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, texts
from openrs.rewards.scripts import LATIN, foreign_words

_MATHS = re.compile(
    # no part runs past a second opening, so that a text full of unclosed ones costs linear time
    r"\$\$[^$]*\$\$|\$[^$\n]*\$"
    r"|\\\([^\\]*(?:\\[^()][^\\]*)*\\\)|\\\[[^\\]*(?:\\[^\[\]][^\\]*)*\\\]"
    r"|\\(?:begin|end)\{[^{}\n]*\}|\\[A-Za-z]+"
)
_ENGLISH = re.compile(f"[{LATIN}]+(?:['’][{LATIN}]+)*")


@dataclass(kw_only=True)
class EnglishOnlyReward:
    """The share of words in Latin script: 1.0 for English, lower the more words are in foreign scripts.

    The proportion of target-language words is DeepSeek-R1's language-consistency reward (arXiv
    2501.12948, section 2.3.2). Script stands for language here: a script is read without a model, and a
    base like R1-Distill drifts into Chinese. Latin words count outside mathematics (`\\frac` is no
    English); foreign words (`openrs.rewards.scripts`) count everywhere, so that `$\\text{...}$` hides
    none; Greek and mathematical letters count as neither. A text without foreign words gets 1.0.

    Limits: other languages in Latin script (Spanish, Vietnamese, pinyin) pass as English, and a long
    English text dilutes a foreign sentence. The released code has an English reward too, commented
    out and never run: all or nothing, and Greek letters count as foreign.
    """

    __name__ = "english_only"
    version: ClassVar[int] = 1
    weight: float = 1.0

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion, from 0 to 1."""
        return [_share(text) for text in texts(completions)]


def _share(text: str) -> float:
    foreign = len(foreign_words(text))
    if foreign == 0:
        return 1.0
    english = len(_ENGLISH.findall(_MATHS.sub(" ", text)))
    return english / (english + foreign)
