"""Completions as they finish, a line each, so that a killed evaluation goes on where it stopped.

    <run>/eval/step-00010/aime24-<settings id>/seed-1234.partial.jsonl

The file is only appended to, and removed once the text record of its score is written.
"""

import json
from dataclasses import asdict
from pathlib import Path

from openrs.engines import Completion
from openrs.records import faults
from openrs.records.files import read_lines


class UnfinishedCompletions:
    """The finished completions of one score that is not finished.

    Args:
        path: the file; it need not exist.
        weights: names the weights that generate, as a score's record does.
    """

    def __init__(self, path: Path, weights: str = "") -> None:
        self.path, self.weights = path, weights
        self.seconds = 0.0
        """Generation time of the completions that `read` has read."""
        self.devices: set[str | None] = set()
        """Kinds of device that generated what was read or appended: "" is of a line older than the field."""

    def read(self) -> dict[str, Completion]:
        """Completions by problem id; a line that is torn or damaged is left out, and generated again."""
        lines = [line for line in read_lines(self.path) if faults.of_completion(line) is None]
        self.seconds = sum(line.pop("seconds") for line in lines)
        self.devices = {line.pop("device", "") for line in lines}
        for line in lines:
            line.pop("weights", None)
        return {line.pop("id"): Completion(**line) for line in lines}

    def append(self, problem: str, completion: Completion, seconds: float, device: str | None = None) -> None:
        """Stores one completion.

        Args:
            seconds: wall time since the one before, so that they add up to the time of generation.
            device: the kind of device that generated it; None where it is not stated.
        """
        self.devices.add(device)
        fields = {name: value for name, value in asdict(completion).items() if value is not None}
        origin = {"seconds": round(seconds, 4), "device": device, "weights": self.weights}
        line = json.dumps({"id": problem, **fields, **origin}, ensure_ascii=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            if file.tell() and file.seek(-1, 2) >= 0 and file.read(1) != b"\n":
                file.write(b"\n")  # the line before was torn
            file.write(line.encode() + b"\n")

    def remove(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)
