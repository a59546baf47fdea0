"""Tracebacks in the output of a process: they are for its log, and its user gets a line."""

import re
from collections.abc import Callable
from typing import Literal

BEGIN = "Traceback (most recent call last):"
RANK = re.compile(r"(?:\[rank\d+\]: ?)?")
"""What torch puts before each line of a traceback."""
OF_LAUNCHER = re.compile(r"[IWE]\d{4} \S+ \d+ \S*torch/distributed/elastic/")
"""Its file is stated from the working directory, where that has the environment in it."""
LINKS = ("During handling of", "The above exception was")
"""How the line between two tracebacks begins."""


class WithoutTracebacks:
    """Shows lines but for tracebacks and what torch's launcher reports of the processes that it started.

    Args:
        show: gets each other line.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self.show = show
        self.inside: dict[str, Literal["traceback", "end", "report"]] = {}
        """Rank -> what of a traceback was last: a line of its frames, its error, or the launcher's report."""

    def __call__(self, line: str) -> None:
        """Shows the line, unless it belongs to a traceback."""
        match = RANK.match(line)
        rank = match[0].strip() if match else ""
        text = line[match.end() if match else 0 :]
        if not self._belongs(rank, text) and not OF_LAUNCHER.match(line):
            self.show(line)

    def _belongs(self, rank: str, text: str) -> bool:
        at = self.inside.get(rank)
        if text == BEGIN:
            self.inside[rank] = "traceback"
        elif at == "traceback":
            if text[:1].strip():  # neither empty nor indented
                self.inside[rank] = "end"
        elif at == "end" and text.startswith("===="):
            self.inside[rank] = "report"
        elif at == "report":
            if text.startswith("===="):
                del self.inside[rank]
        elif at == "end" and (not text or text.startswith(LINKS)):
            pass
        else:
            self.inside.pop(rank, None)
            return False
        return True
