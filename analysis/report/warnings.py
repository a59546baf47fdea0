"""What a reader of these numbers should be warned of."""

from collections.abc import Iterable, Sequence
from typing import Any

from openrs.analysis.lines import Line, differing_settings
from openrs.analysis.records import RunRecords

FEW_SEEDS = 3
FEW_PROBLEMS = 200
"""Below so many problems one answer a problem leaves an interval of about 14 points or more."""
MUCH_TRUNCATED = 0.01
MANY_CHECKPOINTS = 4
"""The best of so many equal ones is expected one standard error above their mean."""


def of_lines(made: Sequence[Line]) -> list[str]:
    """Warnings about the rows of one table."""
    found = []
    rows = [row for line in made for row in line.rows if not line.mean_of_runs]
    few = sorted(
        {
            title
            for line in made
            for title, cell in line.cells.items()
            if cell.k < FEW_SEEDS and cell.n < FEW_PROBLEMS
        }
    )
    if few:
        found.append(
            f"Few seeds: small benchmarks have fewer than {FEW_SEEDS} answers per problem ({', '.join(few)})."
            " Another seed would move these cells by several points; their intervals say how far."
        )
    trained = list({row.run.id: row.run for row in rows if row.trained}.values())
    if trained and not any(line.mean_of_runs for line in made):
        found.append(
            "One training run per recipe: no interval here covers the spread between training seeds. Train "
            "with several seeds (seed=1,2,3) before you call a recipe better."
        )
    checkpoints = {(row.run.id, row.step) for row in rows if row.trained}
    if len(checkpoints) >= MANY_CHECKPOINTS:
        found.append(
            f"Selection: {len(checkpoints)} trained checkpoints are compared, and the best of so many looks "
            "better than it is. Choose on one benchmark and report another (--select best --by A --report "
            "B), or measure the best again with new seeds."
        )
    if differing := differing_settings(rows):
        told = "; ".join(
            f"{key} {', '.join(sorted({str(row.settings.get(key, 'not stated')) for row in rows}))}"
            for key in differing
        )
        found.append(
            f"Mixed settings: rows were sampled with different settings ({told}). A difference between them "
            "may come from that alone."
        )
    truncated = []
    for row in rows:
        for title, scores in row.cells.items():
            total = sum(score.n for score in scores if score.truncated)
            cut = sum(sum(score.truncated) for score in scores)
            if total and cut / total > MUCH_TRUNCATED:
                truncated.append((cut / total, f"{row.run.name} step {row.step} on {title}"))
    if truncated:
        share, worst = max(truncated)
        found.append(
            f"Truncation: in {len(truncated)} cells more than {MUCH_TRUNCATED:.0%} of the completions "
            f"reached the token limit and were scored as they were; most in {worst} ({share:.1%})."
        )
    timeouts = sum(sum(s.timed_out) for row in rows for scores in row.cells.values() for s in scores)
    if timeouts:
        found.append(f"Timeouts: {timeouts} answers could not be verified in time and count as wrong.")
    unknown = [line.label for line in made if any(not cell.ids for cell in line.cells.values())]
    if unknown:
        found.append(
            f"No outcomes: {len(unknown)} rows have totals only, so differences to them are unpaired and "
            "their intervals are wider."
        )
    return found


def of_runs(runs: Sequence[RunRecords], described: Sequence[dict[str, Any]]) -> list[str]:
    """Warnings about how the runs were made.

    Args:
        described: the runs as the page has them, with their invocations.
    """
    found = []
    dirty = [run["name"] for run in described if any(item.get("dirty") for item in run["invocations"])]
    if dirty:
        found.append(
            f"Uncommitted code: {len(dirty)} of {len(described)} runs were made with code that is in no "
            f"commit ({_some(dirty)})."
        )
    without = [run.name for run in runs if not run.scores]
    if without:
        found.append(f"Not evaluated: {len(without)} of {len(runs)} runs have no score ({_some(without)}).")
    versions: dict[str, set[str]] = {}
    for run in runs:
        for score in run.scores:
            for package in ("lighteval", "transformers", "vllm", "torch"):
                versions.setdefault(package, set()).add(str(score.versions.get(package, "not stated")))
    mixed = {name: sorted(found) for name, found in versions.items() if len(found) > 1}
    if mixed:
        told = "; ".join(f"{name} {', '.join(values)}" for name, values in mixed.items())
        found.append(f"Mixed versions: rows were measured with different packages ({told}).")
    return found


def _some(names: Iterable[str]) -> str:
    """The first six names."""
    known = sorted(set(names))
    return ", ".join([*known[:6], *(["..."] if len(known) > 6 else [])])
