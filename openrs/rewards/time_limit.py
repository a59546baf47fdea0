"""A user's code in limited time: what hangs is interrupted where it hangs.

A thread sends the signal to code that waits. Code that computes with Python's lock (a regular expression
without end) leaves no thread a turn, and is interrupted by a timer of processor time. No alarm is set, as
math-verify, which rewards of users call, sets and clears the process's only one.
"""

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

SIGNAL = signal.SIGVTALRM
"""The timer's; the usual ones belong to launchers (SIGUSR2) and to math-verify (SIGALRM)."""
AGAIN = 1.0
"""Seconds until the next signal, as a bare `except:` may have taken the first."""
GRACE = 30.0
"""Seconds more for code that sees no signal. Then the process ends, with the place on standard error."""


class Expired(BaseException):
    """The time is up. No `Exception`, so that a user's own `except Exception` does not take it."""


def limited(seconds: float, call: Callable[[], Value]) -> Value:
    """Calls in limited time.

    Raises:
        Expired: the time is up; from the main thread its traceback ends where the code hung.
    """
    main = threading.main_thread()
    if threading.current_thread() is not main:
        return _in_a_thread(seconds, call)
    done, deadline = threading.Event(), time.monotonic() + seconds

    def expire(*_: object) -> None:
        nonlocal deadline
        if not done.is_set() and time.monotonic() >= deadline:
            deadline = time.monotonic() + AGAIN / 2  # thread and timer may signal together: raised once
            raise Expired

    def watch() -> None:
        left = seconds
        while not done.wait(left):
            signal.pthread_kill(main.ident or 0, SIGNAL)
            left = AGAIN

    before = signal.signal(SIGNAL, expire)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN)
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=sys.__stderr__ or 2)
    try:
        try:
            return call()
        finally:
            done.set()
    finally:
        done.set()  # again, as the time may have been up just before the line above
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        watcher.join()  # no signal comes once the handler is gone
        signal.signal(SIGNAL, before)


def _in_a_thread(seconds: float, call: Callable[[], Value]) -> Value:
    """Calls beside this thread, which no signal reaches; what hangs is left behind."""
    values: list[Value] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            values.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not values:
        raise Expired
    return values[0]
