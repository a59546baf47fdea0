"""Which checkpoint of each run a table shows, and what choosing it by its score is worth."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from openrs.analysis import cells, curves
from openrs.analysis.records import Row
from openrs.analysis.statistics import selection
from openrs.analysis.statistics.selection import Best
from openrs.errors import Mistake


@dataclass(frozen=True)
class Choice:
    """`--select last|best|step=N --by BENCHMARK --report BENCHMARKS`."""

    rule: str
    by: str | None = None
    report: tuple[str, ...] = field(default=())
    """Benchmarks to show; for `best` all but `by` where empty."""

    def __post_init__(self) -> None:
        if self.rule not in ("last", "best") and not re.fullmatch(r"step=\d+", self.rule):
            raise Mistake(f"select={self.rule}: is not last, best or step=N. Give one of them.")
        if (self.rule == "best") != (self.by is not None):
            raise Mistake(
                f"select={self.rule}, by={self.by}: `best` needs the benchmark that decides (--by NAME), "
                "and the other rules take none."
            )

    def apply(self, rows: list[Row]) -> tuple[list[Row], list[str], tuple[str, ...]]:
        """The rows kept, the benchmarks shown, and lines for the caption.

        Raises:
            Mistake: a benchmark that no row has, or a step that no run has.
        """
        titles = {title for row in rows for title in row.cells}
        by = self._title(self.by, titles, "by") if self.by else None
        asked = [self._title(name, titles, "report") for name in self.report if name != "all"]
        if "all" in self.report:
            asked = sorted(titles)
        shown = asked or sorted(titles - {by})
        kept, told = [row for row in rows if not row.trained], []
        candidates = defaultdict(list)
        for row in rows:
            if row.trained:
                candidates[row.run.id, str(sorted(row.settings.items())), row.variant].append(row)
        aggregates = False
        names = curves.names(list({row.run.id: row.run for row in rows}.values()))
        for members in candidates.values():
            name = names[members[0].run.id]
            if self.rule == "best":
                assert by is not None
                known = [row for row in members if by in row.cells]
                if not known:
                    told.append(f"{name} is left out: no checkpoint has a score on {by}.")
                    continue
                row, line, totals = _best(known, by, name)
                aggregates |= totals
                told.append(line)
            else:
                found = _fixed(members, self.rule)
                if found is None:
                    told.append(f"{name} is left out: no checkpoint at {self.rule}.")
                    continue
                row = found
            kept.append(row)
        if len(kept) == len([row for row in rows if not row.trained]):
            raise Mistake(f"select={self.rule}: no run has such a checkpoint. Evaluate it first.")
        return kept, shown, (self._how(by, shown), *told, *([TOTALS_ONLY] if aggregates else []))

    @staticmethod
    def _title(name: str, titles: set[str], option: str) -> str:
        plain = {title.lower().removeprefix("nano-"): title for title in titles}
        plain |= {title.lower(): title for title in titles}
        wanted = name.lower().replace("_", "-")  # a benchmark's name in conf/ is math_500
        if wanted not in plain:
            raise Mistake(f"{option}={name}: no score of it. Measured: {', '.join(sorted(titles))}.")
        return plain[wanted]

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


def _fixed(rows: list[Row], rule: str) -> Row | None:
    step = max(row.step for row in rows) if rule == "last" else int(rule.removeprefix("step="))
    return next((row for row in rows if row.step == step), None)


def _best(rows: list[Row], by: str, name: str) -> tuple[Row, str, bool]:
    """The checkpoint with the highest score (the earliest of equals), what the choice is worth, and whether
    that is from totals alone."""
    found = [cells.measure(row.cells[by]) for row in rows]
    known = [(row, cell) for row, cell in zip(rows, found, strict=True) if cell is not None]
    row, best = max(known, key=lambda pair: (pair[1].value, -pair[0].step))
    if len(known) == 1:
        return row, f"{name}: step {row.step} is the only checkpoint with a score on {by}.", False
    measured = [cell for _, cell in known]
    shares = [cell.shares for cell in measured if cell.shares is not None and cell.ids == best.ids]
    if len(shares) == len(measured) and best.n > 1:
        worth = selection.of_shares(np.stack(shares, axis=1), all(cell.once for cell in measured))
    else:
        worth = selection.of_aggregates([cell.value for cell in measured], best.n)
    return row, _told(name, row.step, by, worth), worth.test == selection.TOTALS


TOTALS_ONLY = (
    f"Where only totals are known ({selection.TOTALS}), the noise is that of independent draws of problems. "
    "Checkpoints on the same problems have less, so the shrunken estimate is too close to the mean and p is "
    "too high."
)


def _told(name: str, step: int, by: str, worth: Best) -> str:
    return (
        f"{name}: step {step} is the best of {worth.count} on {by} with {100 * worth.best:.1f} (their mean: "
        f"{100 * worth.mean:.1f}). If all were equal, the best would be expected at "
        f"{100 * worth.expected:.1f}, and would be at least this high with p {worth.p_best:.2f}. Shrunken "
        f"estimate: {100 * worth.shrunken:.1f}. Do the checkpoints differ at all? p {worth.p_equal:.2f} "
        f"({worth.test})."
    )
