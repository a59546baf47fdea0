"""Notices training that goes on and gets nowhere: TRL's requests to the vLLM server have no timeout.

A server that dies is seen at once; one that hangs, or a process that waits for another for ever, would hold
its devices until somebody looks.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from openrs.records.files import read_lines

ASK_EVERY = 30.0
"""Seconds between two questions whether the server answers."""


class Watchdog:
    """Two clocks, for new steps and for the server's answers.

    Args:
        limit: seconds that either may stand still.
        folder: the run's train/, where each step leaves a line and each save a folder.
        last: the step after which nothing is waited for but the end.
        answers: asks the server; None where there is none.
        clock: gives seconds.
    """

    def __init__(
        self,
        limit: float,
        folder: Path,
        last: int,
        answers: Callable[[], bool] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit, self.folder, self.last = limit, folder, last
        self.answers, self.clock = answers, clock
        self.stepped = self.answered = self.asked = clock()
        self.seen = self._state()

    def look(self) -> str | None:
        """What stood still for longer than the limit, in words; None while all is well."""
        now, state = self.clock(), self._state()
        if state != self.seen:
            self.seen, self.stepped = state, now
        if self.answers is not None and now - self.asked >= min(ASK_EVERY, self.limit / 4):
            self.asked = now
            if self.answers():
                self.answered = now
        if self.answers is not None and now - self.answered > self.limit:
            return "the vLLM server has not answered"
        if now - self.stepped > self.limit and self._step() < self.last:
            return f"no step was finished after step {self._step()}"
        return None

    def _state(self) -> tuple[int, ...]:
        """Changes with each step and each save."""
        found = []
        for path in (self.folder, self.folder / "metrics.jsonl"):
            try:
                told = os.stat(path)
            except FileNotFoundError:
                continue
            found += [told.st_mtime_ns, told.st_size]
        return tuple(found)

    def _step(self) -> int:
        lines = read_lines(self.folder / "metrics.jsonl")
        return int(lines[-1]["step"]) if lines else 0
