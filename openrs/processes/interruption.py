"""What SIGINT (Ctrl-C), SIGTERM and the signals of SLURM do to a command.

The first ends it at once, unless work is under way that ends itself soon and well: training, which saves a
checkpoint at the end of its step. The second ends it at once in any case, and so does the end of the time
that such work has.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType

OF_LAUNCHERS = (signal.SIGUSR1, signal.SIGUSR2)
"""What SLURM and submitit send to a job whose time is nearly up."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, *OF_LAUNCHERS)


class Interrupted(KeyboardInterrupt):
    """The command is to end.

    Args:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that shells give to an end by this signal: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.number


_process: int | None = None
"""The process that hears signals."""
_first: int | None = None
"""The first signal, which work under way was asked to end by."""
_notice: str | None = None
"""What a first signal is answered with while work is under way that ends itself."""
_seconds: float | None = None
"""The time that such work has."""
_timer: Timer | None = None
"""Ends the work once the time is over."""


def _hear(number: int, _: FrameType | None) -> None:
    global _first, _timer
    if os.getpid() != _process:  # a fork, which ends as it would have without this module
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    if _first is not None or _notice is None:
        raise Interrupted(number)
    _first = number
    os.write(2, f"{_notice}\n".encode())  # print may be under way in the code that the signal interrupts
    if _seconds is not None:
        _timer = Timer(_seconds, os.kill, (os.getpid(), number))
        _timer.daemon = True
        _timer.start()


@contextmanager
def heard() -> Iterator[None]:
    """Hears the signals while the block runs; for the main thread of a command.

    Raises:
        Interrupted: a signal ends the block.
    """
    global _first, _process
    _process = os.getpid()
    before = {number: signal.signal(number, _hear) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _first = None


def stop_requested() -> int | None:
    """The signal by which work under way is asked to end itself; None where nobody asks."""
    return _first


@contextmanager
def ends_itself(notice: str, seconds: float | None) -> Iterator[None]:
    """Around work that looks at `stop_requested` and ends soon where it must.

    Args:
        notice: tells the user what happens now.
        seconds: the time that the work has; None: it keeps to a time itself.

    Raises:
        Interrupted: the work has ended because it was asked to, or its time is over.
    """
    global _notice, _seconds
    if _first is not None:  # the work that was asked failed, and a sweep would begin its next trial
        raise Interrupted(_first)
    _notice, _seconds = notice, seconds
    with _heard_before_submitit():
        try:
            yield
        finally:
            _notice = None
            if _timer is not None:
                _timer.cancel()
        if _first is not None:
            raise Interrupted(_first)


@contextmanager
def _heard_before_submitit() -> Iterator[None]:
    """Hears the signals of launchers while the block runs where the job hears them itself, as one of submitit
    does: it queues itself again, and ends. It hears such a signal once the block has ended."""
    global _first, _process
    handlers = ((int(number), signal.getsignal(number)) for number in OF_LAUNCHERS)
    theirs = {number: handler for number, handler in handlers if callable(handler)}
    if _process == os.getpid() or not theirs:
        yield
        return
    _process = os.getpid()
    for number in theirs:
        signal.signal(number, _hear)
    ended = None
    try:
        yield
    except Interrupted as interrupted:
        ended = interrupted
        raise
    finally:
        _first = _process = None
        for number, handler in theirs.items():
            signal.signal(number, handler)
        if ended is not None:
            theirs[ended.number](ended.number, None)


def training_ends(seconds: float) -> str:
    """The notice of training."""
    return (
        "ending: training saves a checkpoint at the end of its step, for which it has "
        f"hardware.stop_timeout={seconds:g} seconds (a second signal ends at once)"
    )
