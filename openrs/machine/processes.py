"""Processes of this machine: whether one runs, and one that ends with its parent."""

import ctypes
import os
import sys


def die_with_parent(number: int, parent: int | None = None) -> None:
    """Asks Linux to send this process a signal when its parent dies, `kill -9` included.

    Else the process would go on writing into a run while the same command runs again.

    Args:
        parent: the parent's process id. Where the parent has died before it could be asked for, this process
            ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # 1 is PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(128 + number)


def runs(process: int) -> bool:
    """Whether a process is there and has not ended; a dead one stays listed until its parent has heard."""
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
