"""The record of a comparison that has ended: its looks, its verdict, and what both rest on.

<run>/eval/step-00010/sequential-<id8>.json
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from openrs.records import faults
from openrs.records.files import read_record, write_record
from openrs.records.left_out import leave_out, sound_record
from openrs.records.recipe import digest
from openrs.records.scores import Score, are_former
from openrs.sequential.design import Design
from openrs.sequential.progress import LooksTaken

OF_LOOKS = ("look", "looks")
"""Settings of a score that say which part of the problems it is of."""


@dataclass(frozen=True)
class SequentialRecord:
    """Candidate minus reference, as shares of 1, with its repeated interval."""

    step: int
    weights: str
    """Names the candidate's, as its scores do."""
    reference: dict[str, Any]
    """Folder of its run, `run`; `step` and `weights`."""
    tested: str
    """`average`, or the title of a benchmark."""
    look: int
    """The last one that was taken, from 1."""
    information: list[float]
    """Of each look that was planned."""
    boundaries: list[float]
    alpha: float
    futility: float | None
    problems: dict[str, list[int]]
    """Title of a benchmark -> problems looked at, and all."""
    seeds: dict[str, list[int]]
    effects: dict[str, float]
    """Title of a benchmark -> the difference."""
    effect: float
    """The difference that was tested."""
    error: float
    low: float
    high: float
    p: float
    """Repeated, two-sided."""
    verdict: str
    """better, worse, undecided or futile."""
    settings: dict[str, Any]
    devices: list[str]
    """Kinds of device that generated, on either side."""
    verifiers: list[str]
    """Versions of math-verify that judged, on either side."""


def record(
    progress: LooksTaken,
    design: Design,
    tested: str,
    sizes: dict[str, int],
    reference: Path,
) -> SequentialRecord:
    """The record of a comparison that has ended.

    Args:
        tested: `average`, or a benchmark.
        sizes: benchmark -> all of its problems.
        reference: folder of the reference's run.
    """
    comparison, first, other = progress.comparison, progress.candidate[0], progress.reference[0]
    both = (*progress.reference, *progress.candidate)
    assert comparison is not None
    assert comparison.verdict is not None
    titles = {score.benchmark: score.title for score in progress.candidate}
    settings = {name: value for name, value in first.settings.items() if name not in OF_LOOKS}
    return SequentialRecord(
        step=first.step,
        weights=first.weights,
        reference={"run": reference.name, "step": other.step, "weights": other.weights},
        tested=titles.get(tested, tested),
        look=comparison.look,
        information=list(design.information),
        boundaries=list(design.boundaries),
        alpha=design.alpha,
        futility=design.futility,
        problems={titles[name]: [len(gaps), sizes[name]] for name, gaps in progress.gaps.items()},
        seeds={title: _seeds(progress.candidate, name) for name, title in titles.items()},
        effects={titles[name]: float(gaps.mean()) for name, gaps in progress.gaps.items()},
        effect=comparison.effect,
        error=comparison.error,
        low=comparison.low,
        high=comparison.high,
        p=design.repeated_p(comparison.effect / comparison.error, comparison.look - 1),
        verdict=comparison.verdict,
        settings=settings,
        devices=sorted({str(score.device) for score in both}),
        verifiers=sorted({score.versions.get("math-verify", "not stated") for score in both}),
    )


def _seeds(scores: Sequence[Score], benchmark: str) -> list[int]:
    return sorted({score.seed for score in scores if score.benchmark == benchmark})


def write(folder: Path, item: SequentialRecord) -> None:
    """Stores a record in its run's folder, in the place of one of the same comparison."""
    design = [item.tested, item.information, item.alpha, item.futility]
    unique = digest([item.reference["run"], item.reference["step"], *design, item.seeds, item.settings])[:8]
    path = folder / "eval" / f"step-{item.step:05d}" / f"sequential-{unique}.json"
    if read_record(path) != asdict(item):  # outputs that cannot be written to still show what is there
        write_record(path, asdict(item))


def read_all(folder: Path) -> list[SequentialRecord]:
    """The records of a run, in a fixed order; a damaged one, and one of weights that are there no more, are
    named on standard error and left out."""
    paths = sorted(folder.glob("eval/step-*/sequential-*.json"))
    read = {path: sound_record(path, _fault) for path in paths}
    items = {path: SequentialRecord(**record) for path, record in read.items() if record is not None}
    former = [path for path, item in items.items() if _is_former(folder, item)]
    for path in former:
        leave_out(
            f"{path}: is of other weights than the checkpoints hold now. Start the command of the run again, "
            "which measures these."
        )
    return [item for path, item in items.items() if path not in former]


def _is_former(folder: Path, item: SequentialRecord) -> bool:
    reference = item.reference
    return are_former(folder, item.step, item.weights) or are_former(
        folder.parent / reference["run"], reference["step"], reference["weights"]
    )


def _fault(record: dict[str, Any]) -> str | None:
    names = {item.name for item in fields(SequentialRecord)}
    if wrong := sorted(names ^ record.keys()):
        return f"lacks {wrong[0]}" if wrong[0] in names else f"has no such field as {wrong[0]!r}"
    numbers = [record[name] for name in ("effect", "error", "low", "high", "p", "look", "step")]
    if not all(faults.is_number(number) for number in (*numbers, *record["effects"].values())):
        return "holds what is no number"
    if not record["low"] <= record["effect"] <= record["high"]:
        return "has an interval that does not hold its effect"
    return None
