"""Where a run's training goes on: at the newest checkpoint whose files are what was saved, state included."""

from dataclasses import dataclass
from pathlib import Path

from openrs.records.checkpoints import (
    WHOLE,
    checkpoint_folder,
    damage,
    illegible,
    interrupted,
    missing_state,
    places,
)
from openrs.records.files import read_record, set_aside
from openrs.records.training import segment_of
from openrs.terminal import say

NAMED = 3
"""Missing files that a reason names."""


@dataclass(frozen=True)
class Resumption:
    """The step that training goes on from, 0 for the untrained weights."""

    step: int
    passed_over: dict[int, str]
    """Newer checkpoints that training does not go on from: step -> why."""

    @property
    def way_on(self) -> str:
        """What training does, in words."""
        return f"goes on from step {self.step}" if self.step else "starts at step 0"


def resumption(folder: Path, stop_at: int) -> Resumption:
    """Where training to a step goes on.

    Args:
        folder: the run's train/ folder.
        stop_at: the step. A checkpoint that has reached it needs no state.
    """
    passed_over: dict[int, str] = {}
    unread = illegible(folder)
    for step, path in sorted((places(folder) | unread).items(), reverse=True):
        reason = f"its {WHOLE} cannot be read" if step in unread else damage(path)
        if not reason and step > stop_at and interrupted(path):
            reason = f"it is past steps.stop_at={stop_at}"
        if not reason and step < stop_at:
            reason = _missing(folder, path, step)
        if not reason:
            return Resumption(step, passed_over)
        passed_over[step] = reason
    return Resumption(0, passed_over)


def _missing(folder: Path, checkpoint: Path, step: int) -> str:
    segment = segment_of(folder, step) or {}
    missing = missing_state(checkpoint, segment.get("world_size", 1), segment.get("sharding", "ddp"))
    names = [*missing[:NAMED], *(["others"] if len(missing) > NAMED else [])]
    return f"it has no {', '.join(names)}" if names else ""


def make_way(run: Path, resumed: Resumption, stop_at: int) -> None:
    """Sets the checkpoints aside that training will write anew, with a line each, and with them a record of
    steps that training will do again.

    Args:
        run: the run's folder.
        stop_at: the step to which training goes.
    """
    if resumed.step >= stop_at:
        return
    for step, reason in resumed.passed_over.items():
        aside = set_aside(checkpoint_folder(run, step), run)
        say(
            f"{run.name}: training cannot go on from step {step}: {reason}. The checkpoint is set aside as "
            f"{aside}; training {resumed.way_on}"
        )
    record = read_record(run / "train.json")
    if record is not None and record["last_step"] > resumed.step:
        aside = set_aside(run / "train.json", run)
        say(f"{run.name}: step {record['last_step']} is trained again; its record is set aside as {aside}")
