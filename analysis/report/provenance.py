"""The origin of every number: the score records behind it, once each, with shared parts stored apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openrs.analysis.run_records import RunRecords
from openrs.records import faults
from openrs.records.left_out import sound_record
from openrs.records.masking import masked_option
from openrs.records.scores import Score


class Provenance:
    """Score records as the page refers to them: a number's sources are places in `scores`.

    Ten thousand records share a few settings and versions; each of these is stored once.
    """

    def __init__(self, runs: Sequence[RunRecords]) -> None:
        self.runs = [_run(run) for run in runs]
        self.scores: list[list[Any]] = []
        self.settings: list[dict[str, Any]] = []
        self.versions: list[dict[str, str]] = []
        self._run_places = {run.id: place for place, run in enumerate(runs)}
        self._shared: dict[str, int] = {}
        self._places: dict[int, int] = {}

    def place(self, run: RunRecords, score: Score) -> int:
        """The place of a score record; its file is relative to its run's folder."""
        if id(score) not in self._places:
            self._places[id(score)] = len(self.scores)
            self.scores.append(
                [
                    self._run_places[run.id],
                    score.step,
                    score.title,
                    score.seed,
                    score.value,
                    score.n,
                    self._once(self.settings, score.settings | {"device": run.device(score)}),
                    self._once(self.versions, score.versions),
                    str(score.address.path(Path())),
                    sum(score.truncated),
                    sum(score.timed_out),
                    score.imported,
                ]
            )
        return self._places[id(score)]

    def _once(self, values: list[Any], value: dict[str, Any]) -> int:
        """The place of a value among those stored so far."""
        key = f"{values is self.settings}{sorted(value.items())}"
        if key not in self._shared:
            self._shared[key] = len(values)
            values.append(value)
        return self._shared[key]

    def data(self) -> dict[str, Any]:
        """For the page."""
        return {key: getattr(self, key) for key in ("runs", "scores", "settings", "versions")}


def _run(run: RunRecords) -> dict[str, Any]:
    record = sound_record(run.folder / "run.json", faults.of_run) or {}
    invocations = [
        {key: item.get(key) for key in ("time", "argv", "commit", "dirty", "host")}
        | {"argv": [masked_option(word) for word in item.get("argv") or []]}  # older records have secrets
        for item in record.get("invocations", [])
    ]
    return {
        "name": run.name,
        "id": run.id,
        "folder": str(run.folder),
        "imported": run.imported,
        "recipe": run.recipe,
        "invocations": invocations,
    }
