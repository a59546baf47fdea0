"""A watched process: its output goes into a log, its last lines into errors, and openrs ends it.

Nothing that it starts outlives it, or openrs: `keeper.py` stands between the two.
"""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from openrs.errors import Crashed
from openrs.processes import keeper

LAST_LINES = 30
"""Lines of output that an error shows."""
GRACE_SECONDS = 20.0
"""Time between asking a process to end and killing it."""


class WatchedProcess:
    """A running command in a session of its own.

    It ends with this process, however that comes: it must be gone before the next start has the run, and
    its memory free. What it leaves behind when it ends is killed.

    Args:
        log: file to which the output is appended.
        show: gets each line of output too.
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
        self._keeper = subprocess.Popen(
            # -I: else the folder of this file, with a module named subprocess, would be searched first
            [sys.executable, "-I", "-S", keeper.__file__, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | (environment or {}),
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._keeper.stderr is not None
        with self._keeper.stderr as started:
            line = started.readline().strip()
            if not line.isdigit():
                raise Crashed(
                    f"{command[0]}: the system starts no more processes ({started.read().strip()})."
                )
        self.pid = int(line)
        """Process id of the command, which is its group's too."""
        self._reader = threading.Thread(target=self._read, args=(show,), daemon=True)
        self._reader.start()

    def _read(self, show: Callable[[str], None] | None) -> None:
        assert self._keeper.stdout is not None
        with self.log.open("ab", buffering=0) as log:
            for line in self._keeper.stdout:
                with suppress(OSError):  # a full disk; a process that nobody reads would wait for ever
                    log.write(line.encode())
                self.last.append(line.rstrip())
                if show is not None:
                    show(line.rstrip())

    def wait(self, seconds: float | None = None) -> int | None:
        """Exit status (negative: the signal that ended the process); None where it still runs after that."""
        try:
            status = self._keeper.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout=2)
        return status

    def ask(self, number: int) -> None:
        """Sends a signal to the process alone, unless it has ended."""
        self._send(os.kill, number)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Asks the process and its group to end, and kills all after a while, at once without grace."""
        if grace:
            self._send(os.killpg, signal.SIGTERM)
            self.wait(grace)
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()  # the keeper kills what is left
        if self.wait(5.0) is None:
            self._keeper.kill()
        with suppress(ProcessLookupError):  # what a keeper that was killed has left
            os.killpg(self.pid, signal.SIGKILL)

    def _send(self, send: Callable[[int, int], None], number: int) -> None:
        if self._keeper.poll() is None:
            with suppress(ProcessLookupError):
                send(self.pid, number)

    @property
    def log_tail(self) -> str:
        """Where the log is, and the last lines of output, for an error."""
        lines = "\n".join(f"  | {line}" for line in self.last) or "  | (no output)"
        return f"The log is {self.log}, its last lines:\n{lines}"


def in_words(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
