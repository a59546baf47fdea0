"""Runs a command of which no process outlives openrs: `python -I -S keeper.py COMMAND...`.

It is a small parent of the command. Linux gives it every process under it whose own parent died, also one in
a session of its own, such as vLLM's engine. It kills them all once the command has ended, its input has
(openrs died, or wants that), or another process has become its parent. The command's process id is the first
line on its stderr.

No package is imported, of openrs neither: keepers are many, and must fit where memory is short.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress

LOOK_EVERY = 1.0
"""Seconds between two looks at the parent's id: forks of openrs may hold the input open."""
ROUND = 0.02
"""Seconds between two rounds of killing."""
PDEATHSIG, SUBREAPER = 1, 36
"""Options of Linux's prctl."""


def run(command: list[str]) -> int:
    """Runs the command; returns its wait status when none of its processes is left."""
    parent = os.getppid()
    _linux(SUBREAPER, 1)
    # openrs and the command decide; SLURM's two go to every process of a job, and openrs hears them for all
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    wakes, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    child = _start(command)
    os.write(2, f"{child}\n".encode())
    status = _reaped(child)
    while status is None and os.getppid() == parent:
        ready, _, _ = select.select([wakes, 0], [], [], LOOK_EVERY)
        if 0 in ready:  # the end of the input: nothing is ever written there
            break
        if wakes in ready:
            os.read(wakes, 4096)
            status = _reaped(child)
    return _kill_all(child, status)


def _start(command: list[str]) -> int:
    keeper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _linux(PDEATHSIG, signal.SIGKILL)  # should the keeper itself be killed
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(1, 2)
        if os.getppid() == keeper:
            os.execvp(command[0], command)
    except OSError as error:
        os.write(1, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _linux(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _reaped(child: int) -> int | None:
    """Takes leave of every process that has ended; returns the child's wait status if it is among them."""
    child_status = None
    with suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            if process == child:
                child_status = status
    return child_status


def _kill_all(child: int, status: int | None) -> int:
    """Kills until no process is left below this one; returns the child's wait status."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # all that can be done without /proc
    while True:
        for process in _below(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        ended = _reaped(child)
        status = ended if status is None else status
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return signal.SIGKILL if status is None else status
        time.sleep(ROUND)


def _below(top: int) -> list[int]:
    """The processes under this one, by /proc."""
    children: dict[int, list[int]] = {}
    if not os.path.isdir("/proc/self"):
        return []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    below, unseen = [], [top]
    while unseen:
        direct = children.get(unseen.pop(), [])
        below += direct
        unseen += direct
    return below


def main() -> None:
    """Ends as the command did."""
    status = run(sys.argv[1:])
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    with suppress(OSError):  # SIGKILL has no other handler
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), os.WTERMSIG(status))


if __name__ == "__main__":
    main()
