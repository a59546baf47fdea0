"""Training rewards that rose while the held-out scores did not: what is paid is not what is measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from openrs.analysis.cells import difference
from openrs.analysis.factors import names
from openrs.analysis.rows import ResultRow
from openrs.analysis.run_records import runs_of
from openrs.analysis.statistics import differences
from openrs.analysis.statistics.differences import Difference
from openrs.records.training import logged_steps

WINDOW, LEAST = 10, 5
"""Logged steps in the mean at either end of training, and the fewest."""
DEVIATIONS = 4.0
"""Standard errors that a reward must rise by, as its steps are not quite independent."""
SHARP = 0.1
"""Half an interval at most: a benchmark of few problems shows nothing either way."""
LISTED = 6


@dataclass(frozen=True)
class Rise:
    """The mean reward at the beginning and at the end of training."""

    first: float
    last: float


def rise(rewards: Sequence[float]) -> Rise | None:
    """The rise of the logged rewards, or None where noise may have made it."""
    size = min(WINDOW, len(rewards) // 2)
    if size < LEAST:
        return None
    first, last = rewards[:size], rewards[-size:]
    error = math.sqrt((variance(first) + variance(last)) / size)
    gain = fmean(last) - fmean(first)
    return Rise(fmean(first), fmean(last)) if gain > DEVIATIONS * error and gain > 0 else None


def did_not_rise(gain: Difference) -> bool:
    """Whether a score that could have shown a gain shows none."""
    return gain.low <= 0 and (gain.high - gain.low) / 2 < SHARP


def of_rows(rows: Sequence[ResultRow]) -> list[str]:
    """The warning about runs whose reward rose alone up to their last evaluated checkpoint.

    Args:
        rows: of one table, which were measured alike or say how they were not.
    """
    last: dict[str, ResultRow] = {}
    for row in rows:
        if row.trained and not row.mean_of_runs and not row.evaluations[0].run.imported:
            before = last.get(row.evaluations[0].run.id)
            if before is None or before.evaluations[0].step < row.evaluations[0].step:
                last[row.evaluations[0].run.id] = row
    labels = names(runs_of(row.evaluations[0] for row in last.values()))
    texts = []
    for id_, row in last.items():
        gain = _gain(rows, row)
        if gain is not None and did_not_rise(gain) and (up := rise(_rewards(row))):
            low, high = 100 * gain.low, 100 * gain.high
            texts.append(
                f"{labels[id_]}: reward {up.first:.3g} to {up.last:.3g}, score {100 * gain.effect:+.1f} "
                f"[{low:.1f}, {high:.1f}] points by step {row.evaluations[0].step}"
            )
    if not texts:
        return []
    more = f"; and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return [
        f"Reward without score: in {len(texts)} of {len(last)} runs the training reward rose and the average "
        f"over the benchmarks did not beyond noise ({'; '.join(texts[:LISTED])}{more}). Training may have "
        "learned what is paid and not what is measured: read the completions, and train control arms beside "
        "it (sweeps=controls)."
    ]


def _gain(rows: Sequence[ResultRow], row: ResultRow) -> Difference | None:
    """The difference of a checkpoint to the base model, on average over their benchmarks."""
    item = row.evaluations[0]
    for base in rows:
        if not base.trained and base.evaluations and base.evaluations[0].is_measured_like(item):
            shared = [title for title in row.cells if title in base.cells]
            parts = [difference(base.cells[title], row.cells[title], False) for title in shared]
            if parts:
                return parts[0] if len(parts) == 1 else differences.average(parts)
    return None


def _rewards(row: ResultRow) -> list[float]:
    item = row.evaluations[0]
    lines = logged_steps(item.run.folder / "train")
    values = [line.get("reward") for line in lines if line["step"] <= item.step]
    return [value for value in values if value is not None and math.isfinite(value)]
