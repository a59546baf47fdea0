"""Results that are stored already: the same file, the same outputs, or without a hash the same numbers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from openrs.analysis.importing.reading import origin
from openrs.analysis.importing.result import problem_set
from openrs.analysis.run_records import RunRecords
from openrs.records.recipe import canonical
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
        return str(origin(self.score)["file"])

    def is_at(self, folder: Path, step: int) -> bool:
        """Whether the score is of this step of a run."""
        return self.folder == folder and self.score.step == step

    def is_from_file_of(self, score: Score) -> bool:
        """Whether another score is from the very file."""
        return all(origin(self.score)[key] == origin(score)[key] for key in ("file", "sha256"))

    def where(self, outputs: Path) -> str:
        """Its place, for a user who wants the score under another name."""
        at = f"step {self.score.step}" if self.score.step else "without a step"
        return f", stored as {self.name} {at} (remove {self.folder.relative_to(outputs)} to store it anew)"


Key = tuple[str, ...]


class StoredScores:
    """The stored scores, looked up by content, not by the folder or name that they came with."""

    def __init__(self, runs: Sequence[RunRecords]) -> None:
        self._cells: dict[Key, list[Stored]] = defaultdict(list)
        self._files: dict[Key, list[Stored]] = defaultdict(list)
        self._revisions: dict[tuple[Path, int], set[str | None]] = defaultdict(set)
        for run in runs:
            for score in run.scores:
                self.add(Stored(run.name, run.folder, score, True))

    def add(self, stored: Stored) -> None:
        """Takes in a score."""
        self._cells[_cell(stored.score)].append(stored)
        self._files[_source(stored.score)].append(stored)
        self._revisions[stored.folder, stored.score.step].add(origin(stored.score).get("revision"))

    def revisions(self, folder: Path, step: int) -> set[str | None]:
        """The revisions of the weights that a step of a run was measured with."""
        return self._revisions[folder, step]

    def seeds(self, score: Score, folder: Path) -> list[int]:
        """The sampling seeds of the cell that a score belongs to."""
        return [s.score.seed for s in self._cells[_cell(score)] if s.is_at(folder, score.step)]

    def same(self, score: Score, folder: Path) -> Stored | None:
        """The stored score that a score repeats.

        Equal outputs of two steps of one run are no repeat: training may have changed no answer.
        """
        members, source = self._cells[_cell(score)], origin(score)
        alike = [s for s in members if origin(s.score)["outputs"] == source["outputs"]]
        of_file = (s for s in self._files[_source(score)] if _same_result(s.score, score))
        of_outputs = (s for s in alike if s.folder != folder or s.score.step == score.step)
        of_numbers = (s for s in members if s.is_at(folder, score.step) and _same_numbers(s.score, score))
        hashed = source["outputs"] is not None
        return next(chain(of_file, of_outputs if hashed else (), of_numbers), None)


def _cell(score: Score) -> Key:
    """The common ground of samples of one cell."""
    source = origin(score)
    problems = str(problem_set(source["examples"], score.ids))
    return score.benchmark, source["metric"], str(score.n), problems, canonical(score.settings)


def _source(score: Score) -> Key:
    """The place of a score in the file that it was read from, in whatever settings were read with it."""
    source = origin(score)
    return tuple(str(source.get(key)) for key in ("sha256", "task", "metric", "epoch", "outputs"))


def _same_result(stored: Score, score: Score) -> bool:
    """Whether two scores from one place of a file are one; older imports did not read few-shots."""
    shots = [origin(item).get("few_shots") for item in (stored, score)]
    return abs(stored.value - score.value) < 1e-9 and (None in shots or shots[0] == shots[1])


def _same_numbers(stored: Score, score: Score) -> bool:
    """Whether nothing tells two scores apart, where one of them has no hash of its outputs."""
    first, second = origin(stored), origin(score)
    if first["outputs"] is not None and second["outputs"] is not None:
        return False
    same = abs(stored.value - score.value) < 1e-9
    return same and (second["seed"] is None or second["seed"] == first["seed"])
