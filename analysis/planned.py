"""What a planned sweep could show: its power, with the noise that earlier runs showed."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from openrs.analysis.rows import result_rows, titles
from openrs.analysis.run_records import RunRecords
from openrs.analysis.statistics import power
from openrs.analysis.statistics.recipes import Spread
from openrs.analysis.tables import table1
from openrs.analysis.tables.comparisons import Study

MOST = 100
"""Runs of an arm up to which is looked for what would show a difference."""
KNOWN = 10**6
"""Degrees of freedom of a spread that was stated."""


def lines(
    runs: Sequence[RunRecords], arms: Mapping[str, int], detect: float | None, stated: float | None
) -> list[str]:
    """The smallest difference from the first arm that others could show, and the runs that `detect` needs.

    Args:
        runs: earlier ones.
        arms: label -> runs that are planned of it.
        detect: a difference in points.
        stated: standard deviation of the averages of a recipe's runs, in points; None: of earlier runs.
    """
    if len(arms) < 2:
        return []
    noise = [part for group in _groups(runs) if (part := _noise(group))]
    between: Spread | None = None
    problems, n, source = 0.0, 0, ""
    if noise:
        between, problems, n, source = max(noise, key=lambda item: item[0].freedom)
    if stated is not None:
        between = Spread((stated / 100) ** 2, KNOWN)
    if between is None:
        return ["not known: no recipe in outputs has runs that differ. State a spread with spread=POINTS"]
    earlier = f"{between.recipes} earlier recipe{'s' * (between.recipes > 1)}"
    origin = "as stated" if stated is not None else f"as {earlier} had ({source})"
    deviation = 100 * math.sqrt(between.variance)
    texts = [f"runs of a recipe vary by {deviation:.1f} points, {origin}"]
    if not n:
        texts.append("problems' part of the noise is left out, as no two earlier rows share problems")
    (first, own), *others = arms.items()
    sizes: dict[tuple[int, int], list[str]] = {}
    for label, count in others:
        sizes.setdefault((own, count), []).append(label)
    for (a, b), labels in sizes.items():
        least = _smallest(between, problems, n, a, b)
        names = labels[0] if len(labels) == 1 else f"{len(labels)} arms"
        texts.append(
            f"{names} ({b} run{'s' * (b > 1)}) against {first} ({a}): a true difference of {100 * least:.1f} "
            "points is shown with power 0.8"
        )
        if detect is not None:
            chance = _power(between, problems, n, a, b, detect / 100)
            texts.append(
                f"detect={detect:g}: power {chance:.2f}; {_enough(between, problems, n, detect / 100)}"
            )
    return texts


def _groups(runs: Sequence[RunRecords]) -> list[table1.Part]:
    measured = [run for run in runs if run.scores]
    return table1.parts(measured) if measured else []


def _noise(part: table1.Part) -> tuple[Spread, float, int, str] | None:
    """The noise of rows that share a table; None where no two runs of a recipe differ.

    Returns:
        The spread between runs of an average, the standard error that problems make of a difference (the
        median over pairs with the first row), the number of problems, and what it is the average of.
    """
    rows = [row for row in result_rows(part.evaluations, runs=False) if row.trained]
    shown = titles(rows)
    study = Study(rows)
    spread = study.spread(shown)
    if spread is None or not spread.seen:
        return None
    pairs = [study.pair(rows[0], row, shown) for row in rows[1:]]
    whole = [pair.average or next(iter(pair.parts.values()), None) for pair in pairs]
    errors = [math.sqrt(max(0.0, d.error**2 - d.error_between_runs**2)) for d in whole if d and d.of_recipes]
    n = sum(rows[0].cells[title].n for title in shown if title in rows[0].cells)
    where = f"average of {', '.join(shown)}" if len(shown) > 1 else shown[0]
    return spread, float(np.median(errors)) if errors else 0.0, n if errors else 0, where


def _between(spread: Spread, first: int, second: int) -> tuple[float, float]:
    """The standard error between runs, and its degrees of freedom: their own, else those of earlier runs."""
    return math.sqrt(spread.variance * (1 / first + 1 / second)), first + second - 2 or spread.freedom


def _power(spread: Spread, problems: float, n: int, first: int, second: int, effect: float) -> float:
    between, freedom = _between(spread, first, second)
    return power.between_recipes(effect, problems, between, max(n, 2), freedom)


def _smallest(spread: Spread, problems: float, n: int, first: int, second: int) -> float:
    between, freedom = _between(spread, first, second)
    return power.over_runs(problems, between, max(n, 2), freedom)


def _enough(spread: Spread, problems: float, n: int, effect: float) -> str:
    for runs in range(2, MOST):
        if _power(spread, problems, n, runs, runs, effect) >= power.POWER:
            return f"{runs} runs of each arm have power 0.8"
    return f"no number of runs up to {MOST} has power 0.8 on these problems"
