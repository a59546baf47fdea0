"""The answer of a table in one sentence, no stronger than its tests."""

from collections.abc import Sequence

from openrs.analysis.cells import AVERAGE, Metric
from openrs.analysis.rows import ResultRow
from openrs.analysis.tables.comparisons import FEW, TOO_FEW, Study, shown
from openrs.analysis.tables.marks import marks
from openrs.analysis.tables.table import BEST


def sentence(rows: Sequence[ResultRow], titles: Sequence[str], metric: Metric = AVERAGE) -> str:
    """Which arm is the best on average, or that none is; "" where there are not two to compare.

    Args:
        rows: of a table; the base model is no arm.
    """
    arms = [
        row
        for row in rows
        if row.trained and not row.one_of_several and all(title in row.cells for title in titles)
    ]
    if len(arms) < 2 or not titles:
        return ""
    if max(row.cells[title].n for row in arms for title in titles) < FEW:
        return f"{TOO_FEW}."
    sign = 1 if arms[0].cells[titles[0]].higher_is_better else -1
    arms.sort(key=lambda row: -sign * _mean(row, titles))
    first, second = arms[:2]
    item = Study(rows).pair(second, first, titles)
    difference = item.average or item.parts[titles[0]]
    gap = shown(difference, difference.p, metric)
    between = "" if gap.low is None else f" [{gap.low:.1f}, {gap.high:.1f}]"
    of = f"{abs(gap.mean):.1f} {'points' if metric.bounded else 'tokens'}{between}"
    signs = marks(arms, [[title] for title in titles] + ([list(titles)] if len(titles) > 1 else []))[-1]
    where = "on average" if len(titles) > 1 else f"on {titles[0]}"
    name, other = first.label, second.label
    if signs.get(0) == BEST:
        text = f"{name} is the best {where}: {_number(first, titles, metric)}, ahead of {other} by {of}"
    elif len(signs) == 2:
        text = f"{name} and {other} cannot be told apart {where}: they differ by {of}"
    else:
        text = (
            f"No arm is the best {where}: {name} leads with {_number(first, titles, metric)}, and "
            f"{len(signs) - 1} others cannot be told from it ({other} is {of} behind)"
        )
    if difference.of_recipes:
        return f"{text}."
    return f"{text}. This is about these checkpoints: one training run says little of a recipe."


def _mean(row: ResultRow, titles: Sequence[str]) -> float:
    return sum(row.cells[title].value for title in titles) / len(titles)


def _number(row: ResultRow, titles: Sequence[str], metric: Metric) -> str:
    return f"{metric.unit * _mean(row, titles):.1f}"
