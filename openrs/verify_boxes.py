"""math-verify's search for boxed answers, begun where one can begin.

The pattern for a box within dollar signs or brackets walks through every formula of a long text. No match
of it ends before the text's first box, so a match either begins behind that box, or in front of it with
nothing between that would end its formula. Written for math-verify 0.5.2; the tests hold its matches
against the library's own.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

BOX = "\\boxed{"


class Boxes:
    """A pattern all of whose matches hold a box, with the part of a pattern's interface that is used."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """The matches of the whole text."""
        box = text.find(BOX)
        return self.pattern.finditer(text, _begin(text, box)) if box >= 0 else iter(())


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
