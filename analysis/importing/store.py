"""Imported results as ordinary score records under outputs/imported/, marked as what they are.

outputs/imported/<name>-<id8>/run.json, eval/step-00100/<benchmark>-<settings>/seed-...json
"""

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from analysis.importing.reading import Found, Skipped
from analysis.records import IMPORTED
from openrs import scores
from openrs.recipe import digest
from openrs.run import read_record, write_record
from openrs.scores import Cell, Score

STEP = re.compile(r"[/_-]*(?:global_)?(?:step|checkpoint)[-_]?\d+/*$")
"""A checkpoint's part of a model's path: checkpoints of one experiment are one run."""


@dataclass
class Report:
    """What an import did."""

    imported: int = 0
    known: int = 0
    """Results that an earlier import had stored."""
    repeats: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    runs: set[Path] = field(default_factory=set)


def store(found: list[Found | Skipped], outputs: Path, collection: str) -> Report:
    """Stores results, each distinct output once.

    A result whose outputs have the hash of a stored one is a repeat and no second sample. Without a
    hash, results with equal numbers are taken for repeats: that can never make a sample too many.
    """
    report, stored = Report(), {}
    for item in found:
        if isinstance(item, Skipped):
            report.skipped.append(item)
            continue
        folder = _run(item, outputs, collection)
        report.runs.add(folder)
        if folder not in stored:
            stored[folder] = _existing(folder)
        _store(item, folder, stored[folder], report)
    return report


Place = tuple[int, str, str, str]
"""Step, benchmark, settings and scoring."""


def _existing(folder: Path) -> dict[Place, list[Score]]:
    made: dict[Place, list[Score]] = defaultdict(list)
    for score in scores.read_all(folder):
        made[score.step, score.benchmark, score.settings_id, score.scoring_id].append(score)
    return made


def _run(item: Found, outputs: Path, collection: str) -> Path:
    """The folder of an experiment; its run.json is written at the first result."""
    model = STEP.sub("", item.result.model) if item.step else item.result.model
    recipe = {"imported": {"from": collection, "name": item.name, "model": model}}
    run_id = digest(recipe)
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", item.name)
    folder = outputs / IMPORTED / f"{safe}-{run_id[:8]}"
    if read_record(folder / "run.json") is None:
        config = {"report_step": None, "scale": {"name": IMPORTED}, "model": {"title": item.name}}
        record = {"name": item.name, "id": run_id, "recipe": recipe, "invocations": [], "config": config}
        write_record(folder / "run.json", record)
    return folder


def _store(item: Found, folder: Path, stored: dict[Place, list[Score]], report: Report) -> None:
    result = item.result
    outcomes = result.outcomes
    settings_id = digest(
        {"settings": result.settings, "benchmark": result.benchmark, "examples": result.examples}
    )
    scoring_id = digest({"metric": result.metric, "format": result.format})
    place = item.step, result.benchmark, settings_id, scoring_id
    for other in stored[place]:
        origin = other.imported or {}
        same_file = (origin["file"], origin["sha256"]) == (item.file, item.sha256)
        if same_file and origin["outputs"] == result.outputs:
            report.known += 1
            return
        if not _same_outputs(origin, other, item):
            continue
        if abs(other.value - result.value) > 1e-9:
            report.skipped.append(
                Skipped(
                    item.file,
                    f"{result.title}: the outputs of {origin['file']} with another score "
                    f"({result.value:.4f}, there {other.value:.4f}); the first was kept",
                )
            )
            return
        report.repeats.append(f"{item.file} repeats {origin['file']}")
        return
    taken = [score.seed for score in stored[place]]
    seed = result.seed if result.seed is not None and result.seed >= 0 and result.seed not in taken else None
    cell = Cell(
        step=item.step,
        benchmark=result.benchmark,
        settings_id=settings_id,
        scoring_id=scoring_id,
        seed=min([0, *taken]) - 1 if seed is None else seed,
    )
    n, share = result.n, result.value
    computed = math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else math.inf
    known = len(outcomes.ids) if outcomes else 0
    record = Score(
        step=cell.step,
        benchmark=cell.benchmark,
        title=result.title,
        seed=cell.seed,
        settings_id=settings_id,
        scoring_id=scoring_id,
        value=share,
        n=n,
        stderr=computed if result.stderr is None else result.stderr,
        ids=outcomes.ids if outcomes else [],
        correct=outcomes.correct if outcomes else [],
        tokens=outcomes.tokens if outcomes else [],
        truncated=[],
        timed_out=[0] * known,
        seconds=0.0,
        settings=result.settings,
        versions=result.versions,
        imported={
            "file": item.file,
            "sha256": item.sha256,
            "format": result.format,
            "model": result.model,
            "metric": result.metric,
            "samples": result.samples,
            "outputs": result.outputs,
            "examples": result.examples,
            "seed": result.seed,
            **result.settings_stated,
        },
    )
    scores.write(folder, cell, record)
    stored[place].append(record)
    report.imported += 1


def _same_outputs(origin: dict[str, object], other: Score, item: Found) -> bool:
    if origin["outputs"] is not None and item.result.outputs is not None:
        return origin["outputs"] == item.result.outputs
    same = abs(other.value - item.result.value) < 1e-9 and other.n == item.result.n
    return same and (item.result.seed is None or item.result.seed == origin["seed"])
