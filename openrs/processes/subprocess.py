"""A watched process: its output goes into a log, its last lines into errors, and openrs ends it."""

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
"""Time between asking a process to end and killing it."""


class WatchedProcess:
    """A running command in a process group of its own.

    Args:
        log: file to which the output is appended.
        show: gets each line of output too.
        orphaned: the signal that the command gets when this process dies, however that comes. A command that
            writes into a run is killed: it must be gone before the next start has the run.
    """

    def __init__(
        self,
        command: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
        show: Callable[[str], None] | None = None,
        orphaned: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.log = log
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(orphaned, parent),
        )
        self._reader = threading.Thread(target=self._read, args=(show,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id, which is the group's too."""
        return self._process.pid

    def _read(self, show: Callable[[str], None] | None) -> None:
        assert self._process.stdout is not None
        with self.log.open("ab", buffering=0) as log:
            for line in self._process.stdout:
                with suppress(OSError):  # a full disk; a process that nobody reads would wait for ever
                    log.write(line.encode())
                self.last.append(line.rstrip())
                if show is not None:
                    show(line.rstrip())

    def wait(self, seconds: float | None = None) -> int | None:
        """Exit status (negative: the signal that ended the process); None where it still runs after that."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout=2)  # a grandchild may still hold the pipe
        return status

    def ask(self, number: int) -> None:
        """Sends a signal to the process alone, unless it has ended."""
        self._process.send_signal(number)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Asks the process and its group to end, and kills them after a while, at once without grace."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if seconds == 0:
                continue
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            if self.wait(seconds) is not None:
                break
        with suppress(ProcessLookupError):  # what is left of its group
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def log_tail(self) -> str:
        """Where the log is, and the last lines of output, for an error."""
        lines = "\n".join(f"  | {line}" for line in self.last) or "  | (no output)"
        return f"The log is {self.log}, its last lines:\n{lines}"


def in_words(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
