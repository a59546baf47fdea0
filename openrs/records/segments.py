"""Segments: the stretches of a run's training, each in one set of processes on one machine.

A run goes on under another world size or other package versions as a new segment of it, and is refused
where the checkpoint's optimizer state could not be read: that would silently be another training.
"""

import json
from pathlib import Path
from typing import Any

from openrs.config.schema import Hardware
from openrs.errors import Mistake
from openrs.records.checkpoints import logged, whole_checkpoints


def read(folder: Path) -> list[dict[str, Any]]:
    """The segments begun so far, of a run's train/ folder; a line that a kill has torn began nothing."""
    return logged(folder / "segments.jsonl")


def begin(folder: Path, segment: dict[str, Any]) -> None:
    """Adds a segment. `first_step` is required."""
    path = folder / "segments.jsonl"
    lines = [json.dumps(item) for item in (*read(folder), segment)]
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def finished(segments: list[dict[str, Any]], last: int, seconds: dict[int, float]) -> list[dict[str, Any]]:
    """The segments with their last step, their time and their device-hours.

    A segment that was killed before its first checkpoint left nothing and is left out.

    Args:
        last: the last whole checkpoint.
        seconds: step -> its wall time.
    """
    ends = [segment["first_step"] - 1 for segment in segments[1:]] + [last]
    made = []
    for segment, end in zip(segments, ends, strict=True):
        if end >= segment["first_step"]:
            spent = sum(seconds.get(step, 0.0) for step in range(segment["first_step"], end + 1))
            hours = spent * segment.get("devices", 1) / 3600
            made.append(segment | {"last_step": end, "seconds": round(spent, 3), "device_hours": hours})
    return made


def refuse_another_training(folder: Path, hardware: Hardware) -> None:
    """Refuses to resume where the optimizer state of the newest checkpoint does not fit this hardware.

    transformers looks for the optimizer state of its own kind of sharding and, finding none, goes on
    with an empty one; DeepSpeed's shards belong to one number of processes.

    Raises:
        Mistake: with what the run was trained on.
    """
    reached = max(whole_checkpoints(folder), default=0)
    written_by = [segment for segment in read(folder) if segment["first_step"] <= reached]
    if not written_by:
        return
    last = written_by[-1]
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
