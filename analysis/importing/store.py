"""Imported results as ordinary score records under outputs/imported/, marked as what they are.

outputs/imported/<name>-<id8>/run.json, eval/step-00100/<benchmark>-<settings>/seed-...json
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from openrs.analysis.importing import runs
from openrs.analysis.importing.import_report import ImportReport
from openrs.analysis.importing.reading import ForeignScore, Skipped
from openrs.analysis.importing.repeats import Stored, StoredScores
from openrs.analysis.run_records import IMPORTED, load
from openrs.records import scores


def store(
    items: Sequence[ForeignScore | Skipped], outputs: Path, collection: str, baseline: str | None = None
) -> ImportReport:
    """Stores results, each distinct output once.

    A result whose outputs have the hash of stored ones is a repeat and no second sample, in whatever
    folder or under whatever name it comes. Without a hash, results of one checkpoint with equal numbers are
    taken for repeats: that can never make a sample too many.

    Args:
        baseline: the model or experiment without steps that is untrained.

    Raises:
        Mistake: the baseline is none of these.
    """
    results = [item for item in items if isinstance(item, ForeignScore)]
    runs.check_baseline(results, baseline)
    before = [run for path in sorted(outputs.glob(f"{IMPORTED}/*/run.json")) if (run := load(path.parent))]
    collections = runs.adopted(results, before, collection)
    report = ImportReport(skipped=[item for item in items if isinstance(item, Skipped)])
    stored = StoredScores(before)
    for item in results:
        own = collections.get(runs.address(runs.recipe(item, collection)), collection)
        recipe = _recipe(item, outputs, own, stored)
        if not item.matched:
            report.unmatched.add(item.origin["file"])
        _store(item, outputs, recipe, runs.is_baseline(item, baseline), stored, report)
    return report


def _recipe(item: ForeignScore, outputs: Path, collection: str, stored: StoredScores) -> dict[str, Any]:
    """The recipe of the run that a result belongs to."""
    recipe = runs.recipe(item, collection)
    revisions = stored.revisions(runs.folder(outputs, recipe), item.score.step)
    if not item.stepped or not revisions or item.origin["revision"] in revisions:
        return recipe
    return runs.recipe(item, collection, apart=True)


def _store(
    item: ForeignScore,
    outputs: Path,
    recipe: dict[str, Any],
    baseline: bool,
    stored: StoredScores,
    report: ImportReport,
) -> None:
    score, folder, file = item.score, runs.folder(outputs, recipe), item.origin["file"]
    other = stored.same(score, folder)
    if other is not None and abs(other.score.value - score.value) > 1e-9:
        reason = (
            f"it has the outputs of {other.file} with another score ({score.value:.4f}, there "
            f"{other.score.value:.4f}); the first stays"
        )
        report.skipped.append(Skipped(file, reason, score.title))
    elif other is not None:
        elsewhere = (other.name, other.score.step) != (item.name, score.step)
        if other.earlier and other.is_from_file_of(score) and not elsewhere:
            runs.open_run(other.folder, recipe, baseline)
            report.earlier += 1
            report.runs.add(other.folder)
        else:
            report.repeats.append(f"{file} repeats {other.file}{other.where(outputs) if elsewhere else ''}")
    else:
        runs.open_run(folder, recipe, baseline)
        taken = stored.seeds(score, folder)
        if item.origin["seed"] is None or score.seed in taken:
            score = replace(score, seed=min([0, *taken]) - 1)
        scores.write(folder, score)
        stored.add(Stored(item.name, folder, score, False))
        report.runs.add(folder)
        report.imported += 1
        if item.note:
            report.notes.append(f"{file}: {item.note}")
