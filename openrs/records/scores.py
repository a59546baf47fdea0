"""Score records: a measured share, its outcomes as columns, and the text that was scored.

    <run>/eval/step-00010/aime24-<settings id>/seed-1234.partial.jsonl      completions as they finish
    <run>/eval/step-00010/aime24-<settings id>/seed-1234.text.json          the completions
    <run>/eval/step-00010/aime24-<settings id>/seed-1234-<scoring id>.json  the Score

The text is a record of its own, so that scoring can be repeated without generating.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.records import faults
from openrs.records.checkpoints import checkpoint_folder
from openrs.records.files import read_lines, read_record, write_record
from openrs.records.left_out import checked_record, leave_out, sound_record
from openrs.records.weights import weights_hash


@dataclass(frozen=True)
class ScoreAddress:
    """The address of a score inside a run."""

    step: int
    benchmark: str
    settings_id: str
    """What the completions depend on."""
    scoring_id: str
    """What the verdicts on them depend on: gold answers, their kind, the scoring rule."""
    seed: int

    def path(self, folder: Path) -> Path:
        """The score's file in a run's folder."""
        name = f"seed-{self.seed}-{self.scoring_id[:8]}.json"
        return self._folder(folder) / name

    def text_path(self, folder: Path) -> Path:
        """The file of the completions that were scored."""
        return self._folder(folder) / f"seed-{self.seed}.text.json"

    def partial_path(self, folder: Path) -> Path:
        """The file that gets each completion as it finishes."""
        return self._folder(folder) / f"seed-{self.seed}.partial.jsonl"

    def _folder(self, folder: Path) -> Path:
        name = f"{self.benchmark}-{self.settings_id[:8]}"
        return folder / "eval" / f"step-{self.step:05d}" / name


@dataclass(frozen=True)
class Score:
    """What a checkpoint did on a benchmark under one sampling seed."""

    step: int
    benchmark: str
    title: str
    seed: int
    settings_id: str
    scoring_id: str
    value: float
    """Share of problems answered right, 0 to 1, or the mean of graded scores."""
    n: int
    stderr: float | None
    """Standard error of `value`: sample deviation (ddof 1) over sqrt(n); None for one problem, which has
    none (older records: Infinity)."""
    ids: list[str]
    """Problem ids; the columns below follow their order."""
    correct: list[int]
    tokens: list[int]
    truncated: list[int]
    timed_out: list[int]
    seconds: float
    """Share of the generation's wall time, by tokens."""
    settings: dict[str, Any]
    versions: dict[str, str]
    left_out: dict[str, int] = field(default_factory=dict)
    """Rows of the benchmark without a problem or a gold answer: reason -> rows. They are missing, not 0."""
    device: str | None = ""
    """Kind of the device that generated, as `NVIDIA A40` or `CPU`; None where it is not stated, "" in a
    record that is older than the field."""
    weights: str = ""
    """Names the weights that were measured, as `weights_hash` does a checkpoint's and a recipe the base
    model's; "" in a record that is older than the field, and where it came from elsewhere."""
    graded: list[float] = field(default_factory=list)
    """The score of each problem, a share from 0 to 1, where not all are right or wrong; `correct` is then
    empty, and no count of right answers is known."""
    task: dict[str, Any] = field(default_factory=dict)
    """Of a task of lighteval's: its name, metric, and the settings that it has in the place of `settings`."""
    imported: dict[str, Any] | None = None
    """Where it came from, if it was not measured here: file, its hash, format, metric, samples a
    problem, hash of the outputs. The columns are then empty unless the source has outcomes, and a
    `seed` below 0 stands for one that the source does not state (-1, -2: its distinct outputs)."""

    @property
    def outcomes(self) -> Sequence[float]:
        """The score of each problem, graded or right and wrong; empty where none is known."""
        return self.graded or self.correct

    @property
    def address(self) -> ScoreAddress:
        """Where the score belongs in its run."""
        return ScoreAddress(self.step, self.benchmark, self.settings_id, self.scoring_id, self.seed)


def score(
    address: ScoreAddress,
    *,
    title: str,
    columns: dict[str, list[Any]],
    seconds: float,
    settings: dict[str, Any],
    versions: dict[str, str],
    left_out: dict[str, int] | None = None,
    task: dict[str, Any] | None = None,
    device: str | None = "",
    weights: str = "",
) -> Score:
    """Makes the record from outcome columns (ids, correct, tokens, truncated, timed_out); `correct` may hold
    graded scores."""
    n, values = len(columns["ids"]), columns["correct"]
    whole = all(value in (0, 1) for value in values)
    value = sum(values) / n
    squares = sum((one - value) ** 2 for one in values)
    variance = value * (1 - value) / (n - 1) if whole and n > 1 else squares / (n - 1) / n if n > 1 else None
    return Score(
        **asdict(address),
        title=title,
        value=value,
        n=n,
        stderr=None if variance is None else math.sqrt(variance),
        seconds=round(seconds, 3),
        settings=settings,
        versions=versions,
        ids=columns["ids"],
        correct=[int(value) for value in values] if whole else [],
        graded=[] if whole else values,
        tokens=columns["tokens"],
        truncated=columns["truncated"],
        timed_out=columns["timed_out"],
        left_out=left_out or {},
        task=task or {},
        device=device,
        weights=weights,
    )


def write(folder: Path, record: Score) -> None:
    """Stores a score in its run's folder."""
    write_record(record.address.path(folder), asdict(record))


def read(path: Path) -> Score | None:
    """Reads a score, or None where it is missing.

    Raises:
        Mistake: the record is damaged.
    """
    record = checked_record(path, _fault)
    return None if record is None else Score(**record)


def read_all(folder: Path) -> list[Score]:
    """Every score of a run, in a fixed order; a damaged one, and those of weights that are there no more, are
    named on standard error and left out."""
    paths = sorted(folder.glob("eval/step-*/*/seed-*.json"))
    records = [sound_record(path, _fault) for path in paths if not path.name.endswith(".text.json")]
    read = [Score(**record) for record in records if record is not None]
    former = Counter(score.step for score in read if are_former(folder, score.step, score.weights))
    for step, number in former.items():
        leave_out(
            f"{folder}: the scores of step {step} ({number}) are of other weights than its checkpoint holds. "
            "Start the command of the run again, which measures these."
        )
    return [score for score in read if not are_former(folder, score.step, score.weights)]


def are_former(folder: Path, step: int, weights: str) -> bool:
    """Whether a checkpoint of a run holds other weights now than those that a record names.

    Nothing says so where the record names none, or where the checkpoint is gone.
    """
    if not step or not weights:
        return False
    return weights_hash(checkpoint_folder(folder, step)) not in ("", weights)


def measured(folder: Path, address: ScoreAddress) -> bool:
    """Whether a run has the score, of the weights that its checkpoint holds now."""
    path = address.path(folder)
    return path.exists() and not are_former(folder, address.step, weights_in(path))


def weights_in(path: Path) -> str:
    """The weights that a file of scores, texts or completions names; "" where it names none."""
    if not path.exists():
        return ""
    state = path.stat()
    return _weights_in(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)  # a plan asks again at every stage
def _weights_in(path: Path, size: int, changed: int) -> str:
    try:
        records = read_lines(path) if path.suffix == ".jsonl" else [read_record(path) or {}]
    except Mistake:
        return ""  # whoever needs the record names its damage
    return next((str(record["weights"]) for record in records if record.get("weights")), "")


def _fault(record: dict[str, Any]) -> str | None:
    strange = record.keys() - {item.name for item in fields(Score)}
    return f"has no such field as {min(strange)!r}" if strange else faults.of_score(record)
