"""A child process that is watched: its output kept in a log, its last lines at hand, its end ours."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from openrs.machine import die_with_parent

LAST_LINES = 30
"""Lines of output that an error shows."""
GRACE_SECONDS = 20.0
"""Time between asking a child to end and killing it."""


class WatchedProcess:
    """A running command in a process group of its own.

    Args:
        log: file that gets its output, after what is there.
        show: gets each line too; None shows nothing.
    """

    def __init__(
        self,
        command: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.log = log
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),
        )
        self._reader = threading.Thread(target=self._read, args=(show,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._process.pid

    def _read(self, show: Callable[[str], None] | None) -> None:
        assert self._process.stdout is not None
        with self.log.open("a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                self.last.append(line.rstrip())
                if show is not None:
                    show(line.rstrip())

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit status (negative: the signal that ended it), or None where it runs on after that."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout=2)  # a grandchild may still hold the pipe
        return status

    def stop(self) -> None:
        """Ends it and its group: asked first, killed after a while."""
        for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            if self.wait(seconds) is not None:
                break
        with suppress(ProcessLookupError):  # what it left behind in its group
            os.killpg(self.pid, signal.SIGKILL)

    def tail(self) -> str:
        """Its last lines, indented, for an error."""
        return "\n".join(f"  | {line}" for line in self.last) or "  | (it printed nothing)"
