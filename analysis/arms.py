"""The arms of a study: each recipe at one checkpoint, which no score selected."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from openrs.analysis.cells import Cell, means_over_runs
from openrs.analysis.factors import replicates, short_names
from openrs.analysis.rows import ResultRow, beside_base, differing_settings, evaluations_of, other_settings
from openrs.analysis.run_records import RunRecords, runs_of
from openrs.analysis.tables import comparisons
from openrs.analysis.tables.table import Entry, Table, Value

REPORTED = "the reported one"
SHARED = "the last one that all runs have"
LAST = "the last evaluated one of each run"

REACH = 3.0
"""Half widths of a usual interval beside the outermost difference that an axis shows."""


@dataclass(frozen=True)
class Arms:
    """The rows that answer a study's question."""

    bases: tuple[ResultRow, ...]
    """Untrained models."""
    means: tuple[ResultRow, ...]
    """A row a recipe: of its only run, or the mean over its runs; the label leaves out how many."""
    runs: tuple[ResultRow, ...]
    """The single runs of recipes that have several."""
    checkpoint: str
    """REPORTED where every run has scores at the step that its config names, else SHARED, or LAST where runs
    share none."""

    @property
    def rows(self) -> list[ResultRow]:
        """Base models, then each recipe, with its number of runs."""
        return [*self.bases, *(replace(row, label=row.label + _count(row)) for row in self.means)]


def arms(rows: Sequence[ResultRow]) -> Arms:
    """The arms among the rows of a table.

    Args:
        rows: of all checkpoints; means over runs may be among them.
    """
    singles = [row for row in rows if row.trained and not row.mean_of_runs]
    checkpoint, at = _checkpoint(singles)
    kept = [row for row in singles if row.evaluations[0].step == at[row.evaluations[0].run.id]]
    labels, recipes = Labels(rows), replicates(runs_of(evaluations_of(kept)))
    together: dict[tuple[Any, ...], list[ResultRow]] = defaultdict(list)
    for row in kept:
        item = row.evaluations[0]
        together[recipes[item.run.id], item.way].append(row)
    means: list[ResultRow] = []
    several: list[ResultRow] = []
    stepwise = len({row.evaluations[0].step for row in kept}) > 1
    for members in together.values():
        cells = means_over_runs([row.cells for row in members])
        alone = [_arm([row], row.cells, labels.run(row), stepwise) for row in members]
        if cells:
            means.append(_arm(members, cells, labels.recipe(members[0]), stepwise))
        else:
            means += alone  # runs on other problems have no mean
        if cells and len(members) > 1:
            several += [replace(row, one_of_several=True) for row in alone]
    return Arms(tuple(row for row in rows if not row.trained), tuple(means), tuple(several), checkpoint)


def _arm(members: list[ResultRow], cells: dict[str, Cell], label: str, stepwise: bool) -> ResultRow:
    items = tuple(row.evaluations[0] for row in members)
    if stepwise:
        label += f", step {'/'.join(map(str, sorted({item.step for item in items})))}"
    return ResultRow(label, items, cells)


def _count(row: ResultRow) -> str:
    return f" ({len(row.evaluations)} runs)" if row.mean_of_runs else ""


def _checkpoint(singles: Sequence[ResultRow]) -> tuple[str, dict[str, int]]:
    """Which checkpoint stands for a run, and its step for each run's id."""
    steps: dict[str, set[int]] = defaultdict(set)
    for row in singles:
        steps[row.evaluations[0].run.id].add(row.evaluations[0].step)
    runs = runs_of(item for row in singles for item in row.evaluations)
    reported = {run.id: reported_step(run) for run in runs}
    if not runs:
        return LAST, {}
    if all(step in steps[run] for run, step in reported.items()):
        return REPORTED, {run: step for run, step in reported.items() if step is not None}
    if shared := set.intersection(*steps.values()):
        return SHARED, dict.fromkeys(steps, max(shared))
    return LAST, {run: max(own) for run, own in steps.items()}


def reported_step(run: RunRecords) -> int | None:
    """The step that a run's config names as the one to report; None where it names none."""
    step = run.config.get("report_step")
    return step if isinstance(step, int) else None


class Labels:
    """Names of recipes and runs among the rows of a table, with what tells their measuring apart."""

    def __init__(self, rows: Sequence[ResultRow]) -> None:
        evaluations = [item for item in evaluations_of(rows) if item.trained]
        runs = runs_of(evaluations)
        self._runs, self._recipes = short_names(runs), short_names(runs, seeds=False)
        self._settings = differing_settings(evaluations)

    def run(self, row: ResultRow) -> str:
        """The label of a row's run."""
        return self._of(row, self._runs)

    def recipe(self, row: ResultRow) -> str:
        """The label of a row's recipe."""
        return self._of(row, self._recipes)

    def _of(self, row: ResultRow, labels: dict[str, str]) -> str:
        how = other_settings(row.evaluations[0], self._settings)
        own = "/".join(dict.fromkeys(labels[item.run.id] for item in row.evaluations))
        return f"{own} ({', '.join(how)})" if how else own


Pairs = Mapping[str, tuple[ResultRow, ResultRow]]


@dataclass(frozen=True)
class Block:
    """Differences of one kind, whose tests are one family."""

    title: str
    table: Table
    pairs: Pairs
    """Label of a row -> the two rows of which the second minus the first is shown."""
    runs: bool = False
    """Whether the rows are single runs."""
    to_base: bool = False
    """Whether the rows are recipes beside the base model."""


def blocks(study: Arms, titles: Sequence[str]) -> list[Block]:
    """Arms against each other, then against the base model, then their single runs against it."""
    tables: list[Block] = []
    if len(study.means) > 1 and (table := comparisons.of_arms([*study.bases, *study.means], titles)):
        first, *others = study.means
        if len(study.means) <= comparisons.ALL_PAIRS:
            pairs = {f"{b.label} - {a.label}": (a, b) for a in study.means for b in study.means}
            tables.append(Block("Recipes against each other", table, pairs))
        else:
            tables.append(Block(f"Recipes against {first.label}", table, _beside(first, others)))
    for title, rows, runs in (("Recipes", study.means, False), ("Single runs", study.runs, True)):
        for base, others in beside_base([*study.bases, *rows]):
            if own := [row for row in others if row.trained]:
                table = comparisons.table(base, own, titles)
                tables.append(
                    Block(f"{title} against {base.label}", table, _beside(base, own), runs, not runs)
                )
    return tables


def _beside(first: ResultRow, others: Sequence[ResultRow]) -> Pairs:
    return {other.label: (first, other) for other in others}


def limits(values: Sequence[Value]) -> tuple[float, float]:
    """The stretch of an axis that shows all differences and 0: intervals that are much wider than the usual
    one leave it, as they would press all others together."""
    bounds = [(v.low, v.high) for v in values if v.low is not None and v.high is not None]
    usual = median((high - low) / 2 for low, high in bounds) if bounds else 1.0
    means = [0.0, *(value.mean for value in values)]
    low = max(min([0.0, *(low for low, _ in bounds)]), min(means) - REACH * usual)
    high = min(max([0.0, *(high for _, high in bounds)]), max(means) + REACH * usual)
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def drawn_column(table: Table) -> int:
    """The column of differences that a forest shows: the average where one is known, else the benchmark of
    most differences."""
    places = range(len(table.columns))
    numbers = [sum(isinstance(cells[place], Value) for _, cells in table.rows) for place in places]
    return len(numbers) - 1 if numbers[-1] else numbers.index(max(numbers))


def overall(cells: Sequence[Entry]) -> Value | None:
    """The average of a row of differences, or its only value."""
    values = [cell for cell in cells if isinstance(cell, Value)]
    return values[-1] if isinstance(cells[-1], Value) or len(values) == 1 else None
