"""The file of outcomes beside a result file: where it is damaged, the score is there without outcomes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from openrs.analysis.importing.result import FOREIGN, Outcomes, Unreadable, reason

POINTER = b"version https://git-lfs.github.com/spec/"
"""The beginning of the text that Git-LFS leaves in place of a large file."""


@dataclass(frozen=True)
class Beside:
    """The content of the file."""

    outcomes: Outcomes | None = None
    """None where there is no such file, or where it holds none of right and wrong."""
    outputs: str | None = None
    """A hash of the answers."""
    note: str = ""
    """A remark on a file that is not used."""


NOTHING = Beside()


def guarded(file: Path | None, value: float, read: Callable[[Path], Beside]) -> Beside:
    """The content of a file, or a note that names it where it is damaged or of another result.

    Args:
        file: None where there is none.
        value: the score, which outcomes must agree with.
        read: reads the file; any error of FOREIGN says that it is damaged.
    """
    if file is None:
        return NOTHING
    try:
        check_pointer(file)
        content = read(file)
        if content.outcomes is not None:
            _check_agreement(content.outcomes, value)
    except OSError as error:
        why = f"cannot be opened ({error.strerror or error})"
    except (*FOREIGN, RecursionError) as error:
        why = reason(error)
    else:
        return content
    return replace(NOTHING, note=f"without outcomes: {file.name} {why}")


def check_pointer(file: Path) -> None:
    """Checks that Git-LFS has brought the file.

    Raises:
        Unreadable: it has not.
    """
    with file.open("rb") as stream:
        refuse_pointer(stream.read(len(POINTER)))


def refuse_pointer(content: bytes) -> None:
    """The same check of a content.

    Raises:
        Unreadable: it is a pointer.
    """
    if content.startswith(POINTER):
        raise Unreadable("is a Git-LFS pointer, not the file itself (`git lfs pull` brings that)")


def _check_agreement(outcomes: Outcomes, value: float) -> None:
    right, n = sum(outcomes.correct), len(outcomes.correct)
    if abs(right / n - value) * n > 0.01:
        raise Unreadable(f"has {right} right answers of {n}, which is no score of {value:.4f}")
