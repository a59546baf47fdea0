"""Which process runs a trial, and whether it lives."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

WORKER = "worker"
"""User attribute of a trial: the process that runs it."""


def me() -> dict[str, Any]:
    """This process, so that others on the machine can see whether it lives."""
    process = psutil.Process()
    return {"host": host(), "pid": process.pid, "began": process.create_time()}


def host() -> str:
    """The machine as it was booted, and the space in which its process numbers count.

    A name alone is not enough: machines of one image share it, and so do containers of one machine.
    """
    told = [socket.gethostname()]
    with suppress(OSError):
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        told.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(told)


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
    """Whether the process is on this machine and there, be it that it stands still."""
    return worker is not None and worker["host"] == host() and not dead(worker)
