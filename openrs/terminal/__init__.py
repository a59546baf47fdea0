"""What is printed while openrs works; standard output is for results."""

import io
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys, or that turn the order of a line; line ends and tabs are none of them."""


def plain(text: str) -> str:
    """A text whose control characters are spelled out, as \\u001b; names and titles come from anywhere."""
    return CONTROLS.sub(lambda at: f"\\u{ord(at[0]):04x}", text)


class _Plain:
    """A stream that spells control characters out."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(plain(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def plain_output() -> Iterator[None]:
    """Spells control characters out in all that is printed, for a command that prints names of anywhere."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Plain(sys.stdout), _Plain(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def replace_characters() -> None:
    """Lets the output replace characters that its encoding lacks, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no test's
            stream.reconfigure(errors="replace")


LENGTHS = (("h", 3600), ("min", 60), ("s", 1))
"""Units of time, and their seconds."""

OF_DEVICES = {"h": "device-hours", "min": "device-minutes", "s": "device-seconds"}


def duration(*seconds: float, of_devices: bool = False) -> str:
    """A time for a person, as `42 s` or `1.65 h`, or two ends of one, as `2 to 8 min`.

    Args:
        of_devices: the seconds are those of all devices together.
    """
    longest = max(seconds)
    unit, length = next((one for one in LENGTHS if longest >= one[1]), LENGTHS[-1])
    amounts = [one / length for one in seconds]
    figures = [f"{one:.0f}" if one >= 1000 else f"{one:.3g}" for one in amounts]
    return f"{' to '.join(figures)} {OF_DEVICES[unit] if of_devices else unit}"


def show(text: str) -> None:
    """Prints a result on standard output, with control characters spelled out."""
    print(plain(text))


def say(text: str) -> None:
    """Prints a line on standard error, with control characters spelled out."""
    print(plain(text), file=sys.stderr, flush=True)


class Progress:
    """Counts finished items and prints how far the work is and how long it has left.

    A terminal shows one live line, anything else a plain line every 20 seconds.
    """

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self.done = 0
        self.began = self.shown = time.perf_counter()

    def advance(self, number: int = 1) -> None:
        """Adds finished items."""
        self.done += number
        now = time.perf_counter()
        live = sys.stderr.isatty()
        finished = number and self.done >= self.total
        if not finished and now - self.shown < (0.2 if live else 20):
            return
        self.shown = now
        left = (now - self.began) / max(1, self.done) * (self.total - self.done)
        text = plain(f"{self.title}: {self.done}/{self.total}  {left:.0f} s left")
        if finished:
            text = plain(f"{self.title}: {self.total} in {now - self.began:.0f} s")
        end = "\n" if finished or not live else ""
        print(f"\r{text}   " if live else text, end=end, file=sys.stderr, flush=True)


def silence() -> None:
    """Leads what is printed from now on to nowhere: nobody reads it, and Python's own flush at the end would
    fail again."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
