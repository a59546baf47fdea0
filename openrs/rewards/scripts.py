"""Which letters are Latin, mathematical or foreign: ranges of a regular expression's character class."""

import re
from collections.abc import Sequence

LATIN = "A-Za-zÀ-ÖØ-öø-ʯḀ-ỿﬀ-ﬆＡ-Ｚａ-ｚ"

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

_LATIN = re.compile(f"[{LATIN}]")
_FOREIGN = re.compile(f"[^\\W\\d_{LATIN}{MATHEMATICAL}]")


def foreign_share(texts: Sequence[str]) -> float:
    """The share of letters in other scripts than Latin, from 0 to 1; mathematical letters are left out."""
    latin, foreign = (sum(len(script.findall(text)) for text in texts) for script in (_LATIN, _FOREIGN))
    return foreign / (latin + foreign) if foreign else 0.0
