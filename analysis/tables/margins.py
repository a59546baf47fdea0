"""Marginal means of an ablation: each level over the combinations that have it."""

import math
from collections.abc import Sequence

import numpy as np

from openrs.analysis.cells import Measured, Metric
from openrs.analysis.statistics import intervals
from openrs.analysis.tables.table import Table, Value, bound


def table(
    combinations: dict[tuple[str, ...], dict[str, Measured]],
    names: list[str],
    titles: list[str],
    metric: Metric,
) -> Table:
    """Mean of each level over the combinations that have it, each counting once.

    Args:
        combinations: a level of each factor in `names` -> its cells by benchmark.
    """
    body = []
    for place, name in enumerate(names):
        for level in dict.fromkeys(key[place] for key in combinations):
            members = [item for key, item in combinations.items() if key[place] == level]
            row = [over([item.get(title) for item in members], metric) for title in titles]
            whole = [cell for cell in row if cell is not None]
            mean = _average(whole, metric) if len(whole) == len(row) > 0 else None
            count = f"{len(members)} combination{'s' if len(members) > 1 else ''}"
            body.append((f"{name}={level} ({count})", (*row, mean)))
    return Table(
        "Marginal means",
        (*titles, "Avg."),
        tuple(body),
        (
            "A level's mean is over the combinations that were run, each counted once however many runs it "
            "has; its interval is over problems and leaves out the spread between training seeds. Where some "
            "combinations were not run, levels of one factor may differ because of the other factors.",
        ),
        "ablation-margins",
    )


def _average(row: Sequence[Value], metric: Metric) -> Value:
    """Plain mean of benchmarks, with an interval put together from theirs (Zou and Donner 2008)."""
    mean = sum(cell.mean for cell in row) / len(row)
    widths = [cell.high - cell.low for cell in row if cell.high is not None and cell.low is not None]
    if len(widths) < len(row):
        return Value(mean)
    reach = math.hypot(*widths) / 2 / len(row)
    low, high = mean - reach, mean + reach
    if metric.name != "tokens":
        low, high = max(0.0, low), min(100.0, high)
    return Value(mean, low, high, intervals.NORMAL)


def over(found: Sequence[Measured | None], metric: Metric) -> Value | None:
    """Plain mean of combinations, with an interval over problems where all saw the same."""
    known = [cell for cell in found if cell is not None]
    if not known or len(known) < len(found):
        return None
    mean = float(np.mean([cell.value for cell in known]))
    if any(cell.shares is None or cell.ids != known[0].ids for cell in known):
        return Value(metric.unit * mean)
    shares = np.mean([cell.shares for cell in known if cell.shares is not None], axis=0)
    bounds = (intervals.of_numbers if metric.name == "tokens" else intervals.of_shares)(shares)
    unit = metric.unit
    return Value(unit * mean, bound(bounds.low, unit), bound(bounds.high, unit), bounds.kind, known[0].n)
