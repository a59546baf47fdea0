"""Which process runs a trial, and whether it lives: its signs of life in the storage, or on its own machine
its entry in the table of processes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial

WORKER = "worker"
"""User attribute of a trial: the process that runs it."""

BEAT = "beat"
"""User attribute of a trial: when its worker last wrote, in seconds since 1970."""

GRACE = 4
"""Missed signs of life after which a process of another machine counts as dead."""


def me() -> dict[str, Any]:
    """This process, so that others on the machine can see whether it lives."""
    process = psutil.Process()
    return {"host": host(), "pid": process.pid, "began": process.create_time()}


def host() -> str:
    """The machine as it was booted, and the space in which its process numbers count.

    A name alone is not enough: machines of one image share it, and so do containers of one machine.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def dead(worker: dict[str, Any]) -> bool:
    """Whether the process is on this machine and gone."""
    if worker["host"] != host():
        return False
    try:
        process = psutil.Process(worker["pid"])
        return abs(process.create_time() - worker["began"]) > 1 or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def living(worker: dict[str, Any] | None) -> bool:
    """Whether the process is on this machine and there, even if suspended."""
    return worker is not None and worker["host"] == host() and not dead(worker)


def lost(trial: FrozenTrial, seconds: float) -> bool:
    """Whether a running trial has no worker any more.

    A trial without a worker lost it between being taken and being signed, as both happen under the study's
    lock.

    Args:
        seconds: between two signs of life. Clocks of machines that share a study must agree to within a few.
    """
    worker = trial.user_attrs.get(WORKER)
    if worker is None or dead(worker):
        return True
    started = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
    silent = time.time() - trial.user_attrs.get(BEAT, started)
    return silent > GRACE * seconds and not living(worker)


@contextmanager
def beating(trial: optuna.Trial, seconds: float) -> Iterator[None]:
    """Writes the time into the trial, now and every so many seconds."""
    ended = threading.Event()
    trial.set_user_attr(BEAT, time.time())

    def beat() -> None:
        while not ended.wait(seconds):
            try:
                trial.set_user_attr(BEAT, time.time())
            except UpdateFinishedTrialError:
                return  # another worker took this one for dead
            except Exception:  # a server that restarts, a shared folder that is away for a while
                continue

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
