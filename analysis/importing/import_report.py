"""The messages of `openrs import`, and its exit status."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from openrs.analysis.importing import address
from openrs.analysis.importing.reading import ForeignScore, Skipped
from openrs.errors import Mistake

INCOMPLETE = 3
"""Exit status where something was left out, or the user's pattern did not fit every file."""


@dataclass
class ImportReport:
    """The results of an import."""

    imported: int = 0
    earlier: int = 0
    """Results that an earlier import had stored."""
    repeats: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unmatched: set[str] = field(default_factory=set)
    """Files whose path no pattern fits."""
    notes: list[str] = field(default_factory=list)
    runs: set[Path] = field(default_factory=set)

    def show(self, where: Path, pattern: str | None, as_json: bool = False) -> int:
        """Prints what was done; returns the exit status."""
        if as_json:
            texts = {"runs": sorted(map(str, self.runs)), "unmatched": sorted(self.unmatched)}
            print(json.dumps(asdict(self) | texts, indent=1))
        else:
            self._print(where, pattern)
        return INCOMPLETE if self.skipped or (pattern is not None and self.unmatched) else 0

    def _print(self, where: Path, pattern: str | None) -> None:
        _show_skipped(self.skipped)
        for repeat in self.repeats:
            print(f"repeat, not counted again: {repeat}")
        for note in self.notes:
            print(f"note: {note}")
        tasks = sum(bool(item.task) for item in self.skipped)
        of_tasks = f" and {tasks} tasks of other files" if tasks else ""
        print(
            f"{self.imported} scores imported into {where} ({len(self.runs)} runs), {self.earlier} stored "
            f"before, {len(self.repeats)} repeats, {len(self.skipped) - tasks} files{of_tasks} skipped."
        )
        print(f"Experiment and step come from a file's path: {pattern or address.FORMS}.")
        if self.unmatched:
            print(
                f"{len(self.unmatched)} files have no experiment in their path: their runs have the model's "
                "name and no step."
            )


def check(items: Sequence[ForeignScore | Skipped], path: Path, pattern: str | None) -> None:
    """Checks that there is something to store, before anything is written.

    Raises:
        Mistake: no file holds a score, or the user's pattern fits none.
    """
    results = [item for item in items if isinstance(item, ForeignScore)]
    if not results:
        skipped = [item for item in items if isinstance(item, Skipped)]
        _show_skipped(skipped)
        files = len({item.file for item in skipped})
        raise Mistake(f"{path}: none of its {files} files holds a score that can be read. Give other files.")
    if pattern is not None and not any(item.matched for item in results):
        files = len({item.origin["file"] for item in results})
        example = path if path.is_file() else path / results[0].origin["file"]
        raise Mistake(
            f"pattern={pattern}: fits none of the {files} files. A path is matched in this form: "
            f"{address.place(example, path)}. Change the pattern, or leave it out."
        )


def _show_skipped(skipped: Sequence[Skipped]) -> None:
    for item in skipped:
        print(f"skipped {item.file}: {f'{item.task}: ' if item.task else ''}{item.reason}")
