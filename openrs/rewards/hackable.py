"""A reward that anybody can earn without a right answer, to see whether a report flags what comes of it."""

import re
from typing import Any

from openrs.rewards.completions import Completions, texts


def word(completions: Completions, word: str = "therefore", **extras: Any) -> list[float]:
    """1.0 where a completion has the word, in any case, else 0.0."""
    pattern = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
    return [float(pattern.search(text) is not None) for text in texts(completions)]
