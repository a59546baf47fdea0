"""Scripts: which letters are foreign, and which scripts write no spaces between words."""

import re
from collections.abc import Sequence

LATIN = "A-Za-zÀ-ÖØ-öø-ʯḀ-ỿﬀ-ﬆＡ-Ｚａ-ｚ"
"""The Latin script, as ranges of a regular expression's character class; so are the next two."""

MATHEMATICAL = (
    "\u00aa-\u00be\u02b0-\u02ff"  # micro, ordinals, powers, fractions; modifiers
    "\u0370-\u03ff\u1f00-\u1fff"  # Greek, which mathematics uses in any language
    "\u2070-\u218f\u2460-\u24ff"  # powers and indices, letterlike symbols, numerals; circled numbers
    "\U0001d400-\U0001d7ff"  # mathematical letters
)

UNSPACED = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u0e01-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
)
"""Written without spaces between words."""

_FOREIGN_WORD = re.compile(f"[{UNSPACED}]|[^\\W\\d_{LATIN}{MATHEMATICAL}{UNSPACED}]+")
_LATIN_LETTER = re.compile(f"[{LATIN}]")


def foreign_words(text: str) -> list[str]:
    """The words in foreign scripts: runs of letters that are neither Latin nor symbols of mathematics; a
    character of a script without spaces is a word of its own."""
    return _FOREIGN_WORD.findall(text)


def foreign_share(texts: Sequence[str]) -> float:
    """The share of foreign letters among these and the Latin ones of all texts; 0 where there are none."""
    foreign = sum(len(word) for text in texts for word in foreign_words(text))
    latin = sum(len(_LATIN_LETTER.findall(text)) for text in texts)
    return foreign / (foreign + latin) if foreign else 0.0
