"""Notices training that hangs: TRL's requests to the vLLM server have no timeout.

A server that hangs, or a process that waits for another for ever, would hold devices until somebody looks.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from openrs.records.training import logged_steps

ASK_EVERY = 30.0
"""Seconds between two questions whether the server answers."""


class HangWatchdog:
    """Two clocks, for new steps and for the server's answers.

    Args:
        limit: seconds without a step, or without an answer, that count as a hang.
        folder: the run's train/, where each step leaves a line and each save a folder.
        last: the step after which no other is expected.
        answers: whether the server answers; None without a server.
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
        self.last_change = self.last_answer = self.last_question = clock()
        self.state = self._state()

    def look(self) -> str | None:
        """What has not happened for longer than the limit, in words; None while all is well."""
        now, state = self.clock(), self._state()
        if state != self.state:
            self.state, self.last_change = state, now
        if self.answers is not None and now - self.last_question >= min(ASK_EVERY, self.limit / 4):
            self.last_question = now
            if self.answers():
                self.last_answer = now
        if self.answers is not None and now - self.last_answer > self.limit:
            return "the vLLM server has not answered"
        if now - self.last_change > self.limit and self._step() < self.last:
            return f"no step was finished after step {self._step()}"
        return None

    def _state(self) -> tuple[int, ...]:
        """Changes with each step and each save."""
        state: list[int] = []
        for path in (self.folder, self.folder / "metrics.jsonl"):
            with suppress(FileNotFoundError):
                status = path.stat()
                state += [status.st_mtime_ns, status.st_size]
        return tuple(state)

    def _step(self) -> int:
        lines = logged_steps(self.folder)
        return int(lines[-1]["step"]) if lines else 0
