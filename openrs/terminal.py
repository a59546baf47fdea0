"""What is printed while openrs works; standard output is for results."""

import io
import sys
import time


def replace_characters() -> None:
    """Lets the output replace characters that its encoding lacks, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no test's
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """Prints a line on standard error."""
    print(text, file=sys.stderr, flush=True)


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
        text = f"{self.title}: {self.done}/{self.total}  {left:.0f} s left"
        if finished:
            text = f"{self.title}: {self.total} in {now - self.began:.0f} s"
        end = "\n" if finished or not live else ""
        print(f"\r{text}   " if live else text, end=end, file=sys.stderr, flush=True)
