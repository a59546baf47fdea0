"""Which results are stored already: the same file, the same outputs, or without a hash the same numbers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.analysis.importing.reading import Found
from openrs.analysis.records import RunRecords
from openrs.records.recipe import canonical, digest
from openrs.records.scores import Score


@dataclass(frozen=True)
class Stored:
    """A score record and the run that holds it."""

    name: str
    folder: Path
    score: Score
    earlier: bool
    """Whether an import before this one stored it."""

    @property
    def file(self) -> str:
        """The file that it was read from."""
        return str(_origin(self.score)["file"])

    def is_file(self, item: Found) -> bool:
        """Whether a result is from the very file."""
        return (self.file, _origin(self.score)["sha256"]) == (item.file, item.sha256)

    def where(self, outputs: Path) -> str:
        """Where it is stored, for who wants it under another name."""
        at = f"step {self.score.step}" if self.score.step else "without a step"
        return f", stored as {self.name} {at} (remove {self.folder.relative_to(outputs)} to store it anew)"


def _origin(score: Score) -> dict[str, Any]:
    assert score.imported is not None  # what is under imported/ says where it came from
    return score.imported


Key = tuple[str, ...]


class Known:
    """The stored scores, found by what they hold and not by the folder or name that they came with."""

    def __init__(self, runs: Sequence[RunRecords]) -> None:
        self._files: dict[Key, Stored] = {}
        self._outputs: dict[Key, list[Stored]] = defaultdict(list)
        self._cells: dict[tuple[Path, int, Key], list[Stored]] = defaultdict(list)
        self._revisions: dict[tuple[Path, int], set[str | None]] = defaultdict(set)
        for run in runs:
            for score in run.scores:
                self.add(Stored(run.name, run.folder, score, True))

    def add(self, stored: Stored) -> None:
        """Takes in a score."""
        score, origin = stored.score, _origin(stored.score)
        problems = problem_set(origin["examples"], score.ids)
        cell = _cell(score.benchmark, origin["metric"], score.n, problems, score.settings)
        self._files.setdefault((origin["sha256"], *cell, str(origin["outputs"])), stored)
        if origin["outputs"] is not None:
            self._outputs[(origin["outputs"], *cell)].append(stored)
        self._cells[stored.folder, score.step, cell].append(stored)
        self._revisions[stored.folder, score.step].add(origin.get("revision"))

    def revisions(self, folder: Path, step: int) -> set[str | None]:
        """The revisions of the weights that a step of a run was measured with."""
        return self._revisions[folder, step]

    def seeds(self, item: Found, folder: Path) -> list[int]:
        """The sampling seeds of the cell that a result belongs to."""
        return [stored.score.seed for stored in self._cells[folder, item.step or 0, _of(item)]]

    def same(self, item: Found, folder: Path) -> Stored | None:
        """The stored score that a result repeats.

        Equal outputs of two steps of one run are no repeat: training may have changed no answer.
        """
        cell, outputs = _of(item), item.result.outputs
        if stored := self._files.get((item.sha256, *cell, str(outputs))):
            return stored
        if outputs is not None:
            for stored in self._outputs[(outputs, *cell)]:
                if stored.folder != folder or stored.score.step == (item.step or 0):
                    return stored
        for stored in self._cells[folder, item.step or 0, cell]:
            if _same_numbers(stored, item):
                return stored
        return None


def problem_set(examples: str | None, ids: Sequence[str]) -> str | None:
    """What tells sets of problems apart, beside their size: the source's hash, else the problems' ids."""
    return examples or (digest(sorted(ids))[:16] if ids else None)


def _of(item: Found) -> Key:
    result = item.result
    ids = result.outcomes.ids if result.outcomes else []
    return _cell(
        result.benchmark, result.metric, result.n, problem_set(result.examples, ids), result.settings
    )


def _cell(benchmark: str, metric: str, n: int, problems: str | None, settings: dict[str, Any]) -> Key:
    return benchmark, metric, str(n), str(problems), canonical(settings)


def _same_numbers(stored: Stored, item: Found) -> bool:
    """Whether nothing tells two results apart, where one of them has no hash of its outputs."""
    score, origin, result = stored.score, _origin(stored.score), item.result
    if origin["outputs"] is not None and result.outputs is not None:
        return False
    same = abs(score.value - result.value) < 1e-9
    return same and (result.seed is None or result.seed == origin["seed"])
