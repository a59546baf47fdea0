"""Rewards of one's own.

A function gets the completions of a batch, and the columns of their rows by name (problem, solution, ...). It
returns a number for each completion, or None where it has no opinion.
"""

from typing import Any


def brevity(completions: list[list[dict[str, str]]], cap: int, **columns: Any) -> list[float]:
    """1 for an empty answer, 0 from `cap` characters on."""
    return [max(0.0, 1 - len(message["content"]) / cap) for (message,) in completions]
