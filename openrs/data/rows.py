"""Rows that were read, and the reasons why others were left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from openrs.errors import Mistake

Row = dict[str, Any]

PROBLEMS = ("problem", "question", "prompt", "input", "query", "instruction")
ANSWERS = ("answer", "final_answer", "expected_answer", "gold", "target", "label", "result", "solution")
"""What data sets call these columns."""


def nearest(column: str, word: str, there: Sequence[str]) -> str | None:
    """The column that a wrong name most likely means.

    Args:
        word: the catalog's for the column.
        there: the columns that there are.
    """
    lower = {name.lower(): name for name in reversed(there)}
    usual = PROBLEMS if word in ("problem", "question") else ANSWERS
    close = get_close_matches(column.lower(), lower, 1) or [name for name in usual if name in lower]
    return lower[close[0]] if close else None


class Rows(list[Row]):
    """The readable rows of a source or a benchmark, in file order."""

    def __init__(
        self,
        rows: Iterable[Row],
        left_out: dict[str, int] | None = None,
        without_gold: Iterable[str] = (),
        settings: dict[str, Any] | None = None,
        scoring: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(rows)
        self.left_out = left_out or {}
        """Reason -> rows that hold no problem or no gold answer."""
        self.without_gold = tuple(without_gold)
        """Problems of rows that were left out for their gold answer."""
        self.settings = settings or {}
        """Settings of evaluation that a task of lighteval's has in the place of the config's."""
        self.scoring = scoring or {}
        """Such a task and its metric."""
        self.look: dict[str, int] = {}
        """Of a part of the problems: `look`, its number from 1, and `looks`, how many there are."""

    def part(self, places: Iterable[int], look: int, looks: int) -> "Rows":
        """The rows at these places, which are a look at the benchmark."""
        rows = [self[place] for place in places]
        part = Rows(rows, self.left_out, self.without_gold, self.settings, self.scoring)
        part.look = {"look": look, "looks": looks}
        return part

    def first(self, number: int | None) -> "Rows":
        """The first of them; None is all."""
        return Rows(self[:number], self.left_out, self.without_gold, self.settings, self.scoring)


class Tally:
    """Counts the rows of one file that are left out, and refuses it where most are.

    Args:
        field: of the catalog, for errors, as catalog.sources.NAME.
        id_: the data set's.
    """

    def __init__(self, field: str, id_: str) -> None:
        self.field, self.id = field, id_
        self.reasons: Counter[tuple[str, str]] = Counter()
        """(the catalog's word for the column, reason) -> rows."""

    def leave_out(self, column: str, reason: str) -> None:
        """Counts a row that has no readable value in a column."""
        self.reasons[(column, reason)] += 1

    @property
    def left_out(self) -> dict[str, int]:
        """Reason -> rows."""
        counts: Counter[str] = Counter()
        for (_, reason), rows in self.reasons.items():
            counts[reason] += rows
        return dict(counts)

    def refuse_most(self, data: Any, rows: int, columns: tuple[str, ...]) -> None:
        """Refuses a file of which more than half the rows are left out for these columns.

        Args:
            data: the catalog's entry.

        Raises:
            Mistake: it is so; the message names the column of most of them.
        """
        counted = {key: number for key, number in self.reasons.items() if key[0] in columns}
        if 2 * sum(counted.values()) > rows:
            column, reason = max(counted, key=lambda key: counted[key])
            name = getattr(data, column)
            self._refuse(column, name, f"{reason} in {counted[(column, reason)]} of {rows} rows of {self.id}")

    def _refuse(self, column: str, name: Any, what: str) -> NoReturn:
        raise Mistake(
            f"{self.field}.{column}={name}: {what}. Name a column of texts or numbers, as "
            f"{self.field}.{column}=COLUMN, or mend the file."
        )
