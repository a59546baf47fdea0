"""Bad records: named on standard error and left out, so that one does not hide all others."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.records.files import numbered_lines, read_record
from openrs.terminal import say

REMEDY = "Put it back from a copy, or remove it to have its part done again"


@cache  # a view that looks again says it once
def leave_out(reason: str) -> None:
    """Says once that something is left out.

    Args:
        reason: file, what is wrong and the remedy, as one line.
    """
    say(f"left out: {reason}")


Fault = Callable[[dict[str, Any]], str | None]
"""Says what is wrong with a record, as `faults` does."""


def checked_record(path: Path, fault: Fault) -> dict[str, Any] | None:
    """The record of a file, or None where it is missing.

    Raises:
        Mistake: it is damaged.
    """
    record = read_record(path)
    problem = None if record is None else fault(record)
    if problem is not None:
        raise Mistake(f"{path}: {problem}. {REMEDY}.")
    return record


def sound_lines(path: Path, fault: Fault, grows: bool = True) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; a damaged line is named and left out.

    Args:
        grows: as for `numbered_lines`.
    """
    lines = []
    for number, line in numbered_lines(path, grows):
        problem = "is no JSON object" if line is None else fault(line)
        if line is not None and problem is None:
            lines.append(line)
        else:
            leave_out(f"{path}, line {number}: {problem}. Mend or remove the line.")
    return lines


def sound_record(path: Path, fault: Fault) -> dict[str, Any] | None:
    """The record of a file, or None where it is missing, or damaged and thus named and left out."""
    try:
        return checked_record(path, fault)
    except Mistake as error:
        leave_out(str(error))
        return None
