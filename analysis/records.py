"""Reads what runs left in outputs/: recipes, configs and scores. Nothing else is asked."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs import scores
from openrs.mistake import Mistake
from openrs.recipe import digest
from openrs.run import read_record
from openrs.scores import Score


@dataclass(frozen=True)
class RunRecords:
    """The records of one run."""

    name: str
    id: str
    recipe: dict[str, Any]
    config: dict[str, Any]
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Row:
    """One row of a table: a checkpoint under one way of measuring it."""

    run: RunRecords
    step: int
    settings: dict[str, Any]
    cells: dict[str, list[Score]]
    """Column title -> its scores, one per sampling seed. A missing title is a blank cell."""
    variant: int = 0
    """Above 0 where a benchmark's problems or gold answers were others than in the row before."""

    @property
    def trained(self) -> bool:
        """False for the base model."""
        return self.step > 0


def load(folder: Path) -> RunRecords | None:
    """The records of a run's folder, or None where no run was started."""
    record = read_record(folder / "run.json")
    if record is None:
        return None
    return RunRecords(
        name=record["name"],
        id=record["id"],
        recipe=record["recipe"],
        config=record["config"],
        scores=tuple(scores.read_all(folder)),
    )


def load_all(outputs: Path) -> list[RunRecords]:
    """Every run under an outputs folder.

    Raises:
        Mistake: the folder holds no runs.
    """
    found = [load(path.parent) for path in sorted(outputs.glob("runs/*/run.json"))]
    if not found:
        raise Mistake(
            f"{outputs}: holds no runs (no runs/*/run.json). Give the outputs folder of `python -m "
            "openrs`, or make a run first."
        )
    return [run for run in found if run is not None]


def rows(run: RunRecords) -> list[Row]:
    """The rows of a run by step: one per checkpoint, way of measuring, and set of problems."""
    variants: dict[tuple[int, str, str], list[tuple[str, str]]] = defaultdict(list)
    grouped: dict[tuple[int, str, int], list[Score]] = defaultdict(list)
    for score in run.scores:
        settings, ids = digest(score.settings), (score.settings_id, score.scoring_id)
        known = variants[(score.step, settings, score.title)]
        if ids not in known:
            known.append(ids)
        grouped[(score.step, settings, known.index(ids))].append(score)
    made = []
    for (step, _, variant), members in sorted(grouped.items()):
        cells: dict[str, list[Score]] = defaultdict(list)
        for score in sorted(members, key=lambda item: item.seed):
            cells[score.title].append(score)
        made.append(Row(run, step, members[0].settings, dict(cells), variant))
    return made


def differences(runs: list[RunRecords]) -> dict[str, str]:
    """Run id -> what tells it from the others of its name ("seed=1, data=..."), or nothing."""
    by_name: dict[str, list[RunRecords]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    told = {}
    for members in by_name.values():
        flat = {run.id: _flatten(run.recipe) for run in members}
        keys = sorted({key for leaves in flat.values() for key in leaves})
        differing = [key for key in keys if len({str(leaves.get(key)) for leaves in flat.values()}) > 1]
        if "data.rows" in differing and len(differing) > 1:
            differing.remove("data.rows")  # the fingerprint follows from what differs beside it
        for run in members:
            parts = [f"{key}={_short(flat[run.id].get(key))}" for key in differing]
            told[run.id] = ", ".join(parts)
    return told


def _short(value: Any) -> str:
    """A value as a label shows it; a long text by its beginning and four digits of its hash."""
    text = str(value)
    return text if len(text) <= 30 else f"{text[:20]}...{digest(text)[:4]}"


def _flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= _flatten(value, f"{prefix}.{key}" if prefix else key)
    return leaves
