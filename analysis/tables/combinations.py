"""Combinations of factor levels: the runs that have each, and the means over runs that repeat a recipe."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openrs.analysis.cells import Cell, Metric, means_over_runs, measure_all
from openrs.analysis.factors import contents, factors, named, natural, spelled, without_seeds
from openrs.analysis.rows import ResultRow, differing_settings
from openrs.analysis.run_records import Evaluation
from openrs.analysis.statistics import intervals
from openrs.analysis.statistics.intervals import MeanEstimate
from openrs.errors import Mistake

Key = tuple[str, ...]
"""A level of each factor, as labels show it."""
Levels = Mapping[str, Mapping[str, str]]
"""Factor -> run id -> level."""


@dataclass(frozen=True)
class Combination:
    """One level of every factor, and the runs that have it."""

    evaluations: tuple[Evaluation, ...]
    cells: dict[str, Cell]
    """Means over the runs."""

    def row(self, label: str) -> ResultRow:
        """The combination in a table; the label says of how many runs it is."""
        runs = len(self.evaluations)
        return ResultRow(f"{label} ({runs} run{'s' if runs > 1 else ''})", self.evaluations, self.cells)

    def rows(self, label: str, metric: Metric, runs: bool) -> list[ResultRow]:
        """The combination's row; before it those of its several runs, where they are wanted."""
        own = []
        for item in self.evaluations if runs and len(self.evaluations) > 1 else ():
            cells = measure_all(item.scores, metric, item.run.folder)
            own.append(ResultRow(f"{label}, {item.run.folder.name}", (item,), cells, one_of_several=True))
        return [*own, self.row(label)]


def levels_of(evaluations: Sequence[Evaluation], requested: Sequence[str]) -> Levels:
    """The levels of all that differs but seeds.

    Args:
        requested: factors that are not put together under the name of their group.
    """
    runs = [item.run for item in evaluations]
    values = without_seeds(named(factors(runs), requested))
    if any(files := contents(runs)):
        values["data"] = [file or "other" for file in files]
    for key in differing_settings(evaluations):
        values[f"evaluation.{key}"] = [item.settings.get(key) for item in evaluations]
    return {
        key: {item.run.id: level for item, level in zip(evaluations, spelled(members), strict=True)}
        for key, members in values.items()
    }


def fitting(names: Sequence[str], levels: Levels, option: str) -> list[str]:
    """The factors of these names: each by its path, or all below a part of it ("reward").

    Raises:
        Mistake: a factor does not differ between the runs.
    """
    fits: list[str] = []
    for name in names:
        below = [key for key in levels if key == name or key.startswith(f"{name}.")]
        if not below:
            raise Mistake(
                f"{option}={name}: does not differ between these runs. What differs: "
                f"{', '.join(levels) or 'nothing'}."
            )
        fits += [key for key in below if key not in fits]
    return fits


def combine(
    evaluations: Sequence[Evaluation], names: Sequence[str], levels: Levels, metric: Metric
) -> dict[Key, Combination]:
    """The combinations of these factors, in the order of their levels, numbers by size."""
    together: dict[Key, list[Evaluation]] = defaultdict(list)
    for item in evaluations:
        together[tuple(levels[name][item.run.id] for name in names)].append(item)
    ordered = sorted(together, key=lambda key: [natural(level) for level in key])
    return {key: combination(together[key], metric) for key in ordered}


def combination(evaluations: Sequence[Evaluation], metric: Metric) -> Combination:
    """The combination of these runs."""
    cells = [measure_all(item.scores, metric, item.run.folder) for item in evaluations]
    return Combination(tuple(evaluations), means_over_runs(cells))


def label(names: Sequence[str], key: Key) -> str:
    """The levels in words."""
    return ", ".join(f"{name}={level}" for name, level in zip(names, key, strict=True))


def marginal(cells: Sequence[Cell | None]) -> Cell | None:
    """Plain mean of combinations, with an interval over problems where all saw the same."""
    members = [cell for cell in cells if cell is not None]
    if not members or len(members) < len(cells):
        return None
    first = members[0]
    shares = [cell.shares for cell in members if cell.shares is not None and cell.ids == first.ids]
    if len(shares) == len(members):
        estimate = intervals.of_problems(np.mean(shares, axis=0), first.bounded, first.graded)
    else:
        mean = float(np.mean([cell.value for cell in members]))
        estimate = MeanEstimate(mean, -np.inf, np.inf, np.inf, "")
    return Cell(estimate, first.n, first.k, first.seeds, bounded=first.bounded, graded=first.graded)


def margins(
    combinations: Mapping[Key, Combination], names: Sequence[str], titles: Sequence[str]
) -> list[ResultRow]:
    """A row for each level: means over the combinations that have it, each counting once."""
    rows = []
    for place, name in enumerate(names):
        for level in dict.fromkeys(key[place] for key in combinations):
            members = [item for key, item in combinations.items() if key[place] == level]
            cells = {title: marginal([item.cells.get(title) for item in members]) for title in titles}
            count = f"{len(members)} combination{'s' if len(members) > 1 else ''}"
            row = {title: cell for title, cell in cells.items() if cell is not None}
            rows.append(ResultRow(f"{name}={level} ({count})", (), row))
    return rows
