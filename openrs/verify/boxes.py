"""math-verify's search for boxed answers, tried only where a match can begin.

The pattern for a box within dollar signs or brackets walks through every formula of a long text, and from a
`$$` that nothing closes through the rest of it once for every brace. Every match begins with one of five
openers, ends with its closer and holds a box in between, so only such places are tried. Written for
math-verify 0.5.2; the tests hold its matches against the library's own.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

BOX = "\\boxed{"

_OPENER = re.compile(r"(?=(\$\$|\$|\\\[|\\\(|\s\[))")
_ENDS = {
    "$$": (re.compile(r"\$\$"), "$$"),
    "\\[": (re.compile(r"\\\]"), "\\]"),
    "$": (re.compile(r"(?<!\\)\$|\n"), "$"),
    "\\(": (re.compile(r"\\\)|\n"), "\\)"),
    "[": (re.compile(r"[\n\]\[]"), "]"),
}
"""Opener -> what a formula that it opens cannot hold, and which of these closes it."""


class Boxes:
    """A pattern all of whose matches hold a box, with the part of a pattern's interface that is used."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """The matches of the whole text."""
        first = text.find(BOX)
        if first < 0:
            return
        done = 0
        for opener in _OPENER.finditer(text, _begin(text, first), text.rfind(BOX)):
            place = opener.start()
            if place >= done and _holds_box(text, place, opener[1].strip()):
                found = self.pattern.match(text, place)
                if found:
                    yield found
                    done = found.end()


def _begin(text: str, box: int) -> int:
    """A place that no match which begins in front of the first box lies before.

    `$..$`, `\\\\(..\\\\)` and `[..]` stay on one line (a space in front of the last may be the line's end),
    `$$..$$` holds no other `$$`, `\\\\[..\\\\]` no other `\\\\]`.
    """
    line = text.rfind("\n", 0, box)
    dollars = text.rfind("$$", 0, box)
    bracket = text.find("\\[", max(0, text.rfind("\\]", 0, box)), box)
    places = [line, dollars - 1 if dollars >= 0 else box, bracket if bracket >= 0 else box]
    return max(0, min(places))


def _holds_box(text: str, place: int, opener: str) -> bool:
    """Whether the formula opened here has a box in front of what closes it."""
    inside = place + max(len(opener), 2 if opener == "[" else 1)
    ends, closer = _ENDS[opener]
    end = ends.search(text, inside)
    return end is not None and end[0] == closer and text.find(BOX, inside, end.start()) >= 0


def begun(find: Callable[..., Any]) -> Callable[..., Any]:
    """`get_extraction_regexes`, with the patterns that need a box made quicker."""

    @cache
    def quicker(*targets: Any) -> Any:
        return [
            ([(_of(pattern), priority) for pattern, priority in patterns], target)
            for patterns, target in find(targets)
        ]

    return lambda targets: quicker(*targets)


def _of(pattern: re.Pattern[str]) -> Any:
    in_formula = pattern.pattern.startswith("(?:(?:(?<!\\\\)\\$\\$") and "*?\\\\boxed{" in pattern.pattern
    return Boxes(pattern) if in_formula else pattern
