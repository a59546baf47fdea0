"""Rewards of one's own.

A function gets the completions of a batch, and the columns of their rows by name (problem, solution, ...). It
returns a number for each completion, or None where it has no opinion.
"""

from typing import Any


def brevity(completions: Any, completion_ids: list[list[int]], cap: int, **columns: Any) -> list[float]:
    """1 for an answer of at most `cap` tokens, else 0."""
    return [float(len(ids) <= cap) for ids in completion_ids]
