"""The one reader of boxed answers in texts that math-verify does not judge."""

import re

_BRACES = re.compile(r"(?P<box>\\f?box(?:ed)?\s*\{)|[{}]")
"""The commands that set an answer in a box are \\boxed, \\fbox and \\box."""


def _closed(text: str) -> list[tuple[int, int]]:
    """Where the content of each closed box starts and ends; inner boxes come before the box around them."""
    openings: list[re.Match[str]] = []
    closed = []
    for brace in _BRACES.finditer(text):  # one pass, as a degenerate text may open thousands of boxes
        if brace[0] != "}":
            openings.append(brace)
        elif openings and (opening := openings.pop())["box"]:
            closed.append((opening.end(), brace.start()))
    return closed


def boxes(text: str) -> list[str]:
    """The contents of every closed box of a text, in order; a box within a box is part of its content."""
    outer: list[tuple[int, int]] = []
    for start, end in _closed(text):
        while outer and outer[-1][0] > start:
            outer.pop()
        outer.append((start, end))
    return [text[start:end] for start, end in outer]


def last_box(text: str) -> str | None:
    """The content of the closed box that opens last, the innermost of nested ones; None without one."""
    start, end = max(_closed(text), default=(0, -1))
    return text[start:end] if end >= 0 else None
