"""What training did: the record of a run's training, and the segments that it is made of.

A segment is a stretch of training in one set of processes on one machine. A run goes on under another
world size or other package versions as a new segment. It is refused where the checkpoint's optimizer state
could not be read: that would silently be another training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrs.errors import Mistake
from openrs.records import faults
from openrs.records.files import write_lines
from openrs.records.ledger import device_hours
from openrs.records.left_out import sound_lines

if TYPE_CHECKING:
    from openrs.config.schema import Hardware


@dataclass(frozen=True)
class Checkpoint:
    """Saved weights of a run."""

    step: int
    path: str
    """Relative to the run's folder."""


@dataclass(frozen=True)
class TrainRecord:
    """What training did; `train.json`."""

    checkpoints: tuple[Checkpoint, ...]
    last_step: int
    wall_seconds: float
    """Training time of all segments, start-up left out."""
    device_hours: float
    rows: dict[str, int]
    """Rows per draw."""
    dropped: dict[str, dict[str, int]]
    """Rows left out: draw -> reason -> rows."""
    metrics: dict[str, float]
    """The last logged step."""
    segments: tuple[dict[str, Any], ...]
    """One entry per process that trained: first and last step, seconds, versions, world size."""
    stopped: dict[str, Any] | None = None
    """Why training ended before its step, if it did: step, kind (collapse, pruned, budget), reason."""


def logged_steps(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl in a run's train/ folder; a damaged one is named on standard error and left
    out."""
    return sound_lines(folder / "metrics.jsonl", faults.of_step)


def segments(folder: Path) -> list[dict[str, Any]]:
    """The segments begun so far, of a run's train/ folder; a damaged line is named on standard error and left
    out. The file is written whole, so no kill tears a line."""
    return sound_lines(folder / "segments.jsonl", faults.of_segment, grows=False)


def begin_segment(folder: Path, segment: dict[str, Any]) -> None:
    """Adds a segment. `first_step` is required."""
    write_lines(folder / "segments.jsonl", (*segments(folder), segment))


def finished_segments(
    begun: list[dict[str, Any]], last: int, seconds: dict[int, float]
) -> list[dict[str, Any]]:
    """The segments with their last step, their time and their device-hours.

    A segment that was killed before its first checkpoint left nothing and is left out; of one whose last
    checkpoint was lost, what a later segment trained anew does not count.

    Args:
        begun: the segments as they began.
        last: the last whole checkpoint.
        seconds: step -> its wall time.
    """
    finished = []
    for index, segment in enumerate(begun):
        end = min([last, *(later["first_step"] - 1 for later in begun[index + 1 :])])
        if end >= segment["first_step"]:
            spent = sum(seconds.get(step, 0.0) for step in range(segment["first_step"], end + 1))
            hours = device_hours(spent, segment.get("devices", 1))
            finished.append(segment | {"last_step": end, "seconds": round(spent, 3), "device_hours": hours})
    return finished


def segment_of(folder: Path, step: int) -> dict[str, Any] | None:
    """The segment that trained a step; None where the run is older than segments."""
    return next((one for one in reversed(segments(folder)) if one["first_step"] <= step), None)


def refuse_another_training(folder: Path, hardware: "Hardware", reached: int) -> None:
    """Refuses to resume where the optimizer state of a checkpoint does not fit this hardware.

    transformers looks for the optimizer state of its own kind of sharding and, finding none, goes on
    with an empty one; DeepSpeed's shards belong to one number of processes.

    Args:
        reached: the checkpoint's step.

    Raises:
        Mistake: with what the run was trained on.
    """
    last = segment_of(folder, reached)
    if last is None:
        return
    processes, sharding = last["world_size"], last.get("sharding", "ddp")
    same_kind = sharding == hardware.sharding
    sharded = hardware.sharding in ("zero2", "zero3")
    if same_kind and (processes == hardware.training_processes or not sharded):
        return
    raise Mistake(
        f"hardware={hardware.name}: {folder.parent.name} was trained to step {reached} with "
        f"hardware.sharding={sharding} on {processes} processes (hardware={last['hardware']}), and its "
        f"optimizer state cannot be read with hardware.sharding={hardware.sharding} on "
        f"{hardware.training_processes}. Go on with hardware={last['hardware']}, or train anew with "
        "force=[train]."
    )
