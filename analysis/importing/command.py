"""What `python -m analysis import` says, and its exit status."""

from collections.abc import Sequence
from pathlib import Path

from openrs.analysis.importing import address
from openrs.analysis.importing.reading import Found, Skipped
from openrs.analysis.importing.store import Report
from openrs.errors import Mistake

INCOMPLETE = 3
"""Exit status where something was left out, or the user's pattern did not fit every file."""


def check(found: Sequence[Found | Skipped], path: Path, pattern: str | None) -> None:
    """Checks that there is something to store, before anything is written.

    Raises:
        Mistake: no file holds a score, or the user's pattern fits none.
    """
    results = [item for item in found if isinstance(item, Found)]
    if not results:
        _tell_skipped([item for item in found if isinstance(item, Skipped)])
        files = len({item.file for item in found})
        raise Mistake(f"{path}: none of its {files} files holds a score that can be read.")
    if pattern is not None and not any(item.matched for item in results):
        example = path if path.is_file() else path / results[0].file
        raise Mistake(
            f"pattern={pattern}: fits none of the {len({item.file for item in results})} files. A path is "
            f"matched in this form: {address.place(example, path)}. Change the pattern, or leave it out."
        )


def tell(report: Report, where: Path, pattern: str | None) -> int:
    """Prints what an import did.

    Returns:
        The exit status.
    """
    _tell_skipped(report.skipped)
    for repeat in report.repeats:
        print(f"repeat, not counted again: {repeat}")
    for note in report.notes:
        print(f"note: {note}")
    print(
        f"{report.imported} scores imported into {where} ({len(report.runs)} runs), {report.known} stored "
        f"before, {len(report.repeats)} repeats, {_skipped(report.skipped)}."
    )
    print(f"Experiment and step come from a file's path: {pattern or address.TOLD}.")
    if report.unmatched:
        print(
            f"{len(report.unmatched)} files have no experiment in their path: their runs have the model's "
            "name and no step."
        )
    unfit = pattern is not None and report.unmatched
    return INCOMPLETE if report.skipped or unfit else 0


def _tell_skipped(skipped: Sequence[Skipped]) -> None:
    for item in skipped:
        print(f"skipped {item.file}: {f'{item.task}: ' if item.task else ''}{item.reason}")


def _skipped(skipped: Sequence[Skipped]) -> str:
    tasks = sum(bool(item.task) for item in skipped)
    more = f" and {tasks} tasks of other files" if tasks else ""
    return f"{len(skipped) - tasks} files{more} skipped"
