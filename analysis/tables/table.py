"""A table whose cells are values with intervals or words, ready to be written in any format."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from openrs.records.paper import TITLES

BLANK = "–"
BEST = "best"
TIED = "not distinguishable from the best"
REAL = "beyond noise"
NOISE = "could be noise"
MEASURED = "measured"
IMPORTED = "imported"
PUBLISHED = "published"


@dataclass(frozen=True)
class Value:
    """A cell as shown (percent, or tokens): estimate and 95 % interval."""

    mean: float
    low: float | None = None
    high: float | None = None
    kind: str = ""
    """The method of the interval, or of the test of a difference."""
    n: int | None = None
    """Problems."""
    k: int | None = None
    """Answers a problem."""
    seeds: str = ""
    p: float | None = None
    """Of a difference: adjusted for the several benchmarks of its row, an average's for the several rows."""
    mark: str = ""
    """BEST, TIED, REAL, NOISE, or nothing."""
    paired: bool | None = None
    """Of a difference: whether problems were matched."""
    std: float | None = None
    """Standard deviation over seeds, where a source states only that."""
    digits: int = 1
    """Decimals shown."""

    def __str__(self) -> str:
        sign = "+" if self.paired is not None else ""
        text = f"{self.mean:{sign}.{self.digits}f}"
        if self.low is not None and self.high is not None:
            text += f" [{self.low:.1f}, {self.high:.1f}]"
        if self.std is not None:
            text += f" ± {self.std:.1f}"
        return text if self.p is None else f"{text}, {p_text(self.p)}"


def bound(number: float, unit: float) -> float | None:
    """An end of an interval as a cell shows it, or None where there is no telling.

    Args:
        unit: what a stored number is multiplied with to be shown.
    """
    return unit * number if math.isfinite(number) else None


def p_text(p: float) -> str:
    """A p value as tables show it; beside 0.05 with a digit more, so that its side is seen."""
    if p < 0.001:
        return "p < 0.001"
    digits = 2 if p >= 0.0995 else 4 if f"{p:.3f}" == "0.050" else 3
    return f"p {p:.{digits}f}"


Entry = Value | str | None


@dataclass(frozen=True)
class Table:
    """A table ready to be written."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Entry, ...]], ...]
    """Label and cells; None is a missing measurement."""
    caption: tuple[str, ...]
    name: str = "table"
    """Name of its file."""
    origins: tuple[str, ...] = ()
    """MEASURED, IMPORTED or PUBLISHED for each row; all were measured here where empty."""
    labels: str = ""
    """Heading of the column of labels."""

    def with_end(self, text: str) -> "Table":
        """The table with a last line below it, if there is a text."""
        return replace(self, caption=(*self.caption, text)) if text else self

    def with_columns(self, names: Sequence[str]) -> "Table":
        """The table with those of these columns that it has, for a page that is too narrow for all."""
        places = [self.columns.index(name) for name in names if name in self.columns]
        rows = tuple((label, tuple(cells[place] for place in places)) for label, cells in self.rows)
        return replace(self, columns=tuple(self.columns[place] for place in places), rows=rows)

    def without_intervals(self) -> "Table":
        """The table with estimates alone."""
        rows = tuple(
            (
                label,
                tuple(replace(c, low=None, high=None) if isinstance(c, Value) else c for c in cells),
            )
            for label, cells in self.rows
        )
        title = self.title.removesuffix(", with 95 % intervals")
        notes = tuple(filter(None, map(_without_intervals, self.caption)))
        return replace(self, title=title, rows=rows, caption=notes)


def _without_intervals(note: str) -> str:
    """A note without what it says of intervals."""
    note = re.sub(r", with its 95 % interval( \([^)]*\))?", "", note)
    note = note.replace("the 95 % interval of each comparison and its p", "the p of each comparison")
    kept = [sentence for sentence in note.split(". ") if "interval" not in sentence]
    text = ". ".join(kept)
    return text if not text or text.endswith((".", ":")) else f"{text}."


def benchmark_order(titles: set[str]) -> list[str]:
    """Benchmarks as the paper orders them, others after them by name."""
    place = {name: index for index, name in enumerate(TITLES)}
    return sorted(titles, key=lambda t: (place.get(t.removeprefix("nano-"), len(TITLES)), t))
