"""The checkpoint of each run that a table shows, and the worth of selecting it by its score."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openrs.analysis.cells import Cell, measure
from openrs.analysis.factors import names
from openrs.analysis.rows import ResultRow
from openrs.analysis.run_records import Evaluation, runs_of
from openrs.analysis.statistics import selection
from openrs.analysis.statistics.selection import Best
from openrs.analysis.tables.table import p_text
from openrs.errors import Mistake

MANY = 4
"""Checkpoints from which the best is warned of: of so many equal ones it is expected one standard error above
their mean."""
TOTALS_ONLY = (
    f"Where only totals are known ({selection.TOTALS}), the noise is that of independent draws of problems. "
    "Checkpoints on the same problems have less, so the shrunken estimate is too close to the mean and p is "
    "too high."
)


@dataclass(frozen=True)
class CheckpointSelection:
    """`--select last|best|step=N --by BENCHMARK --report BENCHMARKS`."""

    rule: str
    by: str | None = None
    report: tuple[str, ...] = ()
    """Benchmarks to show; for `best` all but `by` where empty."""

    def __post_init__(self) -> None:
        if self.rule not in ("last", "best") and not re.fullmatch(r"step=\d+", self.rule):
            raise Mistake(f"select={self.rule}: is not last, best or step=N. Give one of them.")
        if (self.rule == "best") != (self.by is not None):
            raise Mistake(
                f"select={self.rule}, by={self.by}: `best` needs the benchmark that decides (--by NAME), "
                "and the other rules take none."
            )

    def apply(self, evaluations: Sequence[Evaluation]) -> tuple[list[Evaluation], list[str], tuple[str, ...]]:
        """The evaluations selected, the benchmarks shown, and notes for the caption.

        Raises:
            Mistake: a benchmark that no row has, or a step that no run has.
        """
        titles = {title for item in evaluations for title in item.scores}
        by = benchmark_title(self.by, titles, "by") if self.by else None
        shown = [benchmark_title(name, titles, "report") for name in self.report if name != "all"]
        if "all" in self.report:
            shown = sorted(titles)
        shown = shown or sorted(titles - {by})
        candidates = defaultdict(list)
        for item in evaluations:
            if item.trained:
                candidates[item.run.id, item.way].append(item)
        run_names = names(runs_of(evaluations))
        selected, notes = [], [self._how(by, shown)]
        for members in candidates.values():
            best, note = _best(members, by) if by else _fixed(members, self.rule)
            if best is not None:
                selected.append(best)
            if note:
                notes.append(f"{run_names[members[0].run.id]}{note}")
        if not selected:
            raise Mistake(f"select={self.rule}: no run has such a checkpoint. Evaluate it first.")
        if any(f"({selection.TOTALS})" in note for note in notes):
            notes.append(TOTALS_ONLY)
        untrained = [item for item in evaluations if not item.trained]
        return untrained + selected, shown, tuple(notes)

    def _how(self, by: str | None, shown: list[str]) -> str:
        if by is None:
            which = "its last checkpoint" if self.rule == "last" else self.rule.replace("=", " ")
            return f"Each run shows {which}, whatever its score."
        if by in shown:
            return (
                f"SELECTED ON WHAT IS REPORTED: each run shows its best checkpoint on {by}, and {by} is a "
                "column here. That column is biased upwards; the lines below say by how much."
            )
        return (
            f"Each run shows its best checkpoint on {by}. {by} is not shown, and the benchmarks shown had no "
            "part in the selection."
        )


def benchmark_title(name: str, titles: set[str], option: str) -> str:
    """The title of a benchmark: any case, without "nano-", or as conf/ names it (math_500).

    Raises:
        Mistake: no such benchmark among the titles.
    """
    by_name = {title.lower().removeprefix("nano-"): title for title in titles}
    by_name |= {title.lower(): title for title in titles}
    key = name.lower().replace("_", "-")
    if key not in by_name:
        raise Mistake(
            f"{option}={name}: no score of this benchmark. Give one of those measured: "
            f"{', '.join(sorted(titles))}."
        )
    return by_name[key]


def _fixed(members: list[Evaluation], rule: str) -> tuple[Evaluation | None, str]:
    """The checkpoint at a step, whatever its score, and the caption's note on the run."""
    step = max(item.step for item in members) if rule == "last" else int(rule.removeprefix("step="))
    item = next((item for item in members if item.step == step), None)
    return item, "" if item else f" is left out: no checkpoint at {rule}."


def _best(members: list[Evaluation], by: str) -> tuple[Evaluation | None, str]:
    """The checkpoint with the highest score (the earliest of equals), and the worth of the selection."""
    cells = [(item, cell) for item in members if by in item.scores and (cell := measure(item.scores[by]))]
    if not cells:
        return None, f" is left out: no checkpoint has a score on {by}."
    item, _ = max(cells, key=lambda pair: (pair[1].value, -pair[0].step))
    if len(cells) == 1:
        return item, f": step {item.step} is the only checkpoint with a score on {by}."
    return item, f": step {item.step} is {_worth(of_cells([cell for _, cell in cells]), by)}"


def of_cells(cells: Sequence[Cell]) -> Best:
    """The worth of the best of several cells of one benchmark: paired where all hold outcomes on the same
    problems, else from their totals."""
    first = cells[0]
    shares = [cell.shares for cell in cells if cell.shares is not None and cell.ids == first.ids]
    if len(shares) == len(cells) and first.n > 1:
        return selection.of_shares(np.stack(shares, axis=1), all(cell.once for cell in cells))
    return selection.of_aggregates([cell.value for cell in cells], first.n)


def warnings(rows: Sequence[ResultRow], titles: Sequence[str]) -> list[str]:
    """What the best of many rows of single checkpoints is worth, benchmark by benchmark: a reader takes the
    best of a column for a result, whether a rule selected it or not."""
    texts = []
    for title in titles:
        cells = [
            row.cells[title]
            for row in rows
            if row.trained and not row.mean_of_runs and title in row.cells and row.cells[title].bounded
        ]
        if len(cells) >= MANY and len({cell.n for cell in cells}) == 1:
            best = of_cells(cells)
            texts.append(f"{title}: {_numbers(best)} ({best.test})")
    return [f"The best of many looks better than it is. {'; '.join(texts)}."] if texts else []


def _numbers(best: Best) -> str:
    shrunken = "" if best.shrunken is None else f", shrunken estimate {100 * best.shrunken:.1f}"
    return (
        f"the best of {best.count} is {100 * best.best:.1f}, their mean {100 * best.mean:.1f}; of as many "
        f"equal ones {100 * best.expected:.1f} is expected, and at least this with {p_text(best.p_best)}"
        f"{shrunken}; that all are equal has {p_text(best.p_equal)}"
    )


def _worth(best: Best, by: str) -> str:
    shrunken = "" if best.shrunken is None else f" Shrunken estimate: {100 * best.shrunken:.1f}."
    return (
        f"the best of {best.count} on {by} with {100 * best.best:.1f} (their mean: {100 * best.mean:.1f}). "
        f"If all were equal, the best would be expected at {100 * best.expected:.1f}, and would be at "
        f"least this high with p {best.p_best:.2f}.{shrunken} Do the "
        f"checkpoints differ at all? p {best.p_equal:.2f} ({best.test})."
    )
