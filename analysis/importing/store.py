"""Imported results as ordinary score records under outputs/imported/, marked as what they are.

outputs/imported/<name>-<id8>/run.json, eval/step-00100/<benchmark>-<settings>/seed-...json
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openrs.analysis.importing import runs
from openrs.analysis.importing.reading import Found, Skipped
from openrs.analysis.importing.repeats import Known, Stored, problem_set
from openrs.analysis.importing.result import Result
from openrs.analysis.records import IMPORTED, load
from openrs.records import scores
from openrs.records.recipe import digest
from openrs.records.scores import Score, ScoreAddress


@dataclass
class Report:
    """What an import did."""

    imported: int = 0
    known: int = 0
    """Results that an earlier import had stored."""
    repeats: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unmatched: set[str] = field(default_factory=set)
    """Files whose path no pattern fits."""
    notes: list[str] = field(default_factory=list)
    runs: set[Path] = field(default_factory=set)


def store(
    found: Sequence[Found | Skipped], outputs: Path, collection: str, baseline: str | None = None
) -> Report:
    """Stores results, each distinct output once.

    A result whose outputs have the hash of stored ones is a repeat and no second sample, in whatever
    folder or under whatever name it comes. Without a hash, results of one checkpoint with equal numbers are
    taken for repeats: that can never make a sample too many.

    Args:
        baseline: the model or experiment without steps that is untrained.

    Raises:
        Mistake: the baseline is none of these.
    """
    results = [item for item in found if isinstance(item, Found)]
    runs.check_baseline(results, baseline)
    before = [run for path in sorted(outputs.glob(f"{IMPORTED}/*/run.json")) if (run := load(path.parent))]
    same = runs.adopted(results, before, collection)
    report = Report(skipped=[item for item in found if isinstance(item, Skipped)])
    known = Known(before)
    for item in results:
        home = _home(item, outputs, same, collection, known)
        if not item.matched:
            report.unmatched.add(item.file)
        _store(item, outputs, home, runs.is_baseline(item, baseline), known, report)
    return report


def _home(item: Found, outputs: Path, same: dict[str, str], collection: str, known: Known) -> dict[str, Any]:
    """The recipe of the run that a result belongs to."""
    plain = runs.recipe(item, collection)
    whose = same.get(runs.address(plain), collection)
    plain = runs.recipe(item, whose)
    revisions = known.revisions(runs.folder(outputs, plain), item.step or 0)
    if item.step is None or not revisions or item.result.revision in revisions:
        return plain
    return runs.recipe(item, whose, apart=True)


def _store(
    item: Found, outputs: Path, home: dict[str, Any], baseline: bool, known: Known, report: Report
) -> None:
    result, folder = item.result, runs.folder(outputs, home)
    other = known.same(item, folder)
    if other is not None and abs(other.score.value - result.value) > 1e-9:
        reason = (
            f"it has the outputs of {other.file} with another score ({result.value:.4f}, there "
            f"{other.score.value:.4f}); the first stays"
        )
        report.skipped.append(Skipped(item.file, reason, result.title))
        return
    if other is not None:
        elsewhere = (other.name, other.score.step) != (item.name, item.step or 0)
        if other.earlier and other.is_file(item) and not elsewhere:
            runs.open_run(other.folder, home, baseline)
            report.known += 1
            report.runs.add(other.folder)
        else:
            told = f"{item.file} repeats {other.file}"
            report.repeats.append(f"{told}{other.where(outputs)}" if elsewhere else told)
        return
    runs.open_run(folder, home, baseline)
    report.runs.add(folder)
    taken = known.seeds(item, folder)
    seed = result.seed if result.seed is not None and result.seed not in taken else None
    cell = ScoreAddress(
        step=item.step or 0,
        benchmark=result.benchmark,
        settings_id=_settings_id(result),
        scoring_id=digest({"metric": result.metric, "format": result.format}),
        seed=min([0, *taken]) - 1 if seed is None else seed,
    )
    record = _score(item, cell)
    scores.write(folder, record)
    known.add(Stored(item.name, folder, record, False))
    report.imported += 1
    if result.note:
        report.notes.append(f"{item.file}: {result.note}")


def _settings_id(result: Result) -> str:
    """How the answers came about, and on which problems: scores of other sets are no samples of one cell."""
    ids = result.outcomes.ids if result.outcomes else []
    return digest(
        {
            "settings": result.settings,
            "benchmark": result.benchmark,
            "n": result.n,
            "problems": problem_set(result.examples, ids),
        }
    )


def _score(item: Found, cell: ScoreAddress) -> Score:
    result, outcomes = item.result, item.result.outcomes
    n, share = result.n, result.value
    computed = math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else math.inf
    return Score(
        step=cell.step,
        benchmark=cell.benchmark,
        title=result.title,
        seed=cell.seed,
        settings_id=cell.settings_id,
        scoring_id=cell.scoring_id,
        value=share,
        n=n,
        stderr=computed if result.stderr is None else result.stderr,
        ids=outcomes.ids if outcomes else [],
        correct=outcomes.correct if outcomes else [],
        tokens=outcomes.tokens if outcomes else [],
        truncated=[],
        timed_out=[0] * (len(outcomes.ids) if outcomes else 0),
        seconds=0.0,
        settings=result.settings,
        versions=result.versions,
        imported={
            "file": item.file,
            "sha256": item.sha256,
            "format": result.format,
            "model": result.model,
            "revision": result.revision,
            "metric": result.metric,
            "samples": result.samples,
            "outputs": result.outputs,
            "examples": result.examples,
            "seed": result.seed,
            **result.settings_stated,
        },
    )
