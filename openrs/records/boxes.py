"""The one reader of boxed answers in texts that math-verify does not judge."""

import re

_BOX = re.compile(r"\\f?box(?:ed)?\s*(?=\{)")
"""Commands that set an answer in a box: \\boxed, \\fbox, \\box."""


def boxes(text: str) -> list[str]:
    """The contents of every whole box in a text, in order, nested ones left out."""
    contents, end = [], 0
    for match in _BOX.finditer(text):
        if match.start() < end:
            continue
        depth = 0
        for place in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                end = place + 1
                contents.append(text[match.end() + 1 : place])
                break
    return contents
