"""Warnings to a reader of the numbers."""

from collections.abc import Iterable, Sequence
from typing import Any

from openrs.analysis.rows import ResultRow, differing_settings, evaluations_of
from openrs.analysis.run_records import Evaluation, RunRecords

FEW_SEEDS = 3
FEW_PROBLEMS = 200
"""Below so many problems one answer a problem leaves an interval of about 14 points or more."""
MUCH_TRUNCATED = 0.01
MANY_CHECKPOINTS = 4
"""The best of so many equal ones is expected one standard error above their mean."""
PACKAGES = ("lighteval", "transformers", "vllm", "torch")


def of_rows(rows: Sequence[ResultRow]) -> list[str]:
    """Warnings about the rows of one table."""
    texts = []
    evaluations = evaluations_of(rows)
    cells = [(title, cell) for row in rows for title, cell in row.cells.items()]
    few = sorted({title for title, cell in cells if cell.k < FEW_SEEDS and cell.n < FEW_PROBLEMS})
    if few:
        texts.append(
            f"Few seeds: small benchmarks have less than {FEW_SEEDS} answers per problem ({', '.join(few)}); "
            "another seed would move these cells by several points; their intervals say how far."
        )
    checkpoints = {(item.run.id, item.step) for item in evaluations if item.trained}
    if checkpoints and not any(row.mean_of_runs for row in rows):
        texts.append(
            "One training run per recipe: no interval here covers the spread between training seeds. Train "
            "with several seeds (seed=1,2,3) before you call a recipe better."
        )
    if len(checkpoints) >= MANY_CHECKPOINTS:
        texts.append(
            f"Selection: {len(checkpoints)} trained checkpoints are compared, and the best of so many looks "
            "better than it is. Select on one benchmark and report another (--select best --by A --report "
            "B), or measure the best again with new seeds."
        )
    if differing := differing_settings(evaluations):
        values = {
            key: sorted({str(i.settings.get(key, "not stated")) for i in evaluations}) for key in differing
        }
        texts.append(
            f"Mixed settings: rows were sampled with different settings ({_values(values)}). A difference "
            "between them may come from that alone."
        )
    texts += _of_answers(evaluations)
    totals = [row.label for row in rows if any(not cell.ids for cell in row.cells.values())]
    if totals:
        texts.append(
            f"No outcomes: {len(totals)} rows have totals only, so differences to them are unpaired and "
            "their intervals are wider."
        )
    return texts


def _of_answers(evaluations: Sequence[Evaluation]) -> list[str]:
    """Warnings about truncated answers, and those that were not verified in time."""
    cells = [(item, title, scores) for item in evaluations for title, scores in item.scores.items()]
    truncated = []
    for item, title, scores in cells:
        total = sum(score.n for score in scores if score.truncated)
        cut = sum(sum(score.truncated) for score in scores)
        if total and cut / total > MUCH_TRUNCATED:
            truncated.append((cut / total, f"{item.run.name} step {item.step} on {title}"))
    texts = []
    if truncated:
        share, worst = max(truncated)
        texts.append(
            f"Truncation: in {len(truncated)} cells more than {MUCH_TRUNCATED:.0%} of the completions "
            f"reached the token limit and were scored as they were; most in {worst} ({share:.1%})."
        )
    timeouts = sum(sum(score.timed_out) for _, _, scores in cells for score in scores)
    if timeouts:
        texts.append(f"Timeouts: {timeouts} answers could not be verified in time and count as wrong.")
    return texts


def of_runs(runs: Sequence[RunRecords], described: Sequence[dict[str, Any]]) -> list[str]:
    """Warnings about how the runs were made.

    Args:
        described: the runs as the page has them, with their invocations.
    """
    texts = []
    dirty = [run["name"] for run in described if any(item.get("dirty") for item in run["invocations"])]
    if dirty:
        texts.append(
            f"Uncommitted code: {len(dirty)} of {len(described)} runs were made with code that is in no "
            f"commit ({_some(dirty)})."
        )
    without = [run.name for run in runs if not run.scores]
    if without:
        texts.append(f"Not evaluated: {len(without)} of {len(runs)} runs have no score ({_some(without)}).")
    scores = [score for run in runs for score in run.scores]
    versions = {name: sorted({str(s.versions.get(name, "not stated")) for s in scores}) for name in PACKAGES}
    if mixed := {name: values for name, values in versions.items() if len(values) > 1}:
        texts.append(f"Mixed versions: rows were measured with different packages ({_values(mixed)}).")
    return texts


def _values(values: dict[str, list[str]]) -> str:
    return "; ".join(f"{name} {', '.join(members)}" for name, members in values.items())


def _some(names: Iterable[str]) -> str:
    """The first six names."""
    distinct = sorted(set(names))
    return ", ".join(distinct[:6]) + (", ..." if len(distinct) > 6 else "")
