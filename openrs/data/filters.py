"""Which rows of a source a draw takes, by what the row itself says."""

import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from openrs.config.own_data import field_of
from openrs.config.training import Draw
from openrs.data.rows import Row
from openrs.errors import Mistake
from openrs.verify.boxes import boxes

CLOSED = re.compile(r"\)(?=[\s$])")
LABEL = re.compile(r"(?:(?:^|\s)\(|^|\n|[.;:?!]\s)([a-h]|[1-8]|[iv]{1,3}|[IV]{1,3})\Z")
"""Labels of parts: (a) (b), (1) (2), (i) (ii), (I) (II); at the start of a sentence also a) b). Each is
looked for backwards from its last bracket, which is far quicker than forwards from everywhere."""

ASKS = re.compile(r"\?|\b(?:find|determine|compute|calculate|evaluate|prove|show|solve)\b", re.IGNORECASE)
"""What a part that asks for something holds; a part that states a condition holds none of it."""


def several_parts(problem: str, solution: str, answer: str = "") -> bool:
    """Whether a row asks several things, so that one final answer cannot say it all.

    A heuristic, and the paper's own filter (a language model) was never published. It says yes where
    two or more labelled parts of the problem each ask for something ("(a) Find ... (b) Prove ..."), where
    the solution boxes under several labels ("(a) \\boxed{1} (b) \\boxed{2}"), or where the final answer has
    several labels ("(a) 1, (b) 2"). Labelled conditions ("such that (i) f is increasing, (ii) ...") and
    lists of choices are no parts. It says no to several questions in running text.
    """
    return (
        _several(problem, lambda part: bool(ASKS.search(part)))
        or _several(solution, lambda part: bool(boxes(part)))
        or any(_several(box, bool) for box in [*boxes(answer), answer])
    )


def _several(text: str, says: Callable[[str], bool]) -> bool:
    """Whether two or more of the parts under one kind of label say so."""
    return any(sum(says(part) for part in parts) > 1 for parts in _parts(text) if len(parts) > 1)


def _parts(text: str) -> list[list[str]]:
    """For each kind of label, what follows each such label up to the next."""
    marks: dict[str, list[tuple[int, int]]] = {}
    for closed in CLOSED.finditer(text):
        end = closed.start()
        # the longest label before its bracket: the end of a sentence, a space, three Roman digits
        label = LABEL.search(text[max(0, end - 6) : end])
        if label:
            kind = next(kind for kind in ("abcdefgh", "12345678", "iv", "IV") if label[1][0] in kind)
            marks.setdefault(kind, []).append((end - len(label[0]), end + 1))
    ends = {kind: [*(at for at, _ in places[1:]), len(text)] for kind, places in marks.items()}
    return [
        [text[start:end] for (_, start), end in zip(places, ends[kind], strict=True)]
        for kind, places in marks.items()
    ]


def reasons(draw: Draw, name: str, rows: Sequence[Row]) -> list[tuple[str, Callable[[Row], bool]]]:
    """The filters of a draw that are on: (why a row is left out, whether it is).

    A row that states nothing of what a filter looks at is left out with that reason.

    Args:
        name: the draw's, for errors.
        rows: of the draw's source.

    Raises:
        Mistake: most rows state nothing of what a filter looks at.
    """
    filters: list[tuple[str, Callable[[Row], bool]]] = []
    if draw.difficulty_min is not None or draw.difficulty_max is not None:
        low = -float("inf") if draw.difficulty_min is None else draw.difficulty_min
        high = float("inf") if draw.difficulty_max is None else draw.difficulty_max
        silent = [row for row in rows if not _has_difficulty(row)]
        if 2 * len(silent) > len(rows):
            _refuse_difficulty(silent[0], draw, name)
        filters.append(("no difficulty", lambda row: not _has_difficulty(row)))
        filters.append(("other difficulty", lambda row: not low <= row["difficulty"] <= high))
    for filter_name in [option for option in ("boxed", "single_part") if getattr(draw, option)]:
        if 2 * sum(row.get("worked") is None for row in rows) > len(rows):
            _refuse_worked(draw, name, filter_name)
    if draw.boxed or draw.single_part:
        filters.append(("no worked solution", lambda row: row.get("worked") is None))
    if draw.boxed:
        filters.append(("no boxed answer", lambda row: not boxes(row["worked"])))
    if draw.single_part:
        filters.append(
            ("several parts", lambda row: several_parts(row["problem"], row["worked"], row["solution"]))
        )
    return filters


def _has_difficulty(row: Row) -> bool:
    return isinstance(row["difficulty"], int | float)


def _refuse_difficulty(row: Row, draw: Draw, name: str) -> NoReturn:
    side = "min" if draw.difficulty_max is None else "max"
    says = "states no difficulty" if row["difficulty"] is None else f"has difficulty {row['difficulty']!r}"
    raise Mistake(
        f"data.draws.{name}.difficulty_{side}={getattr(draw, f'difficulty_{side}')}: a row of source "
        f"{draw.source} {says}. Name a column of numbers, as "
        f"{field_of(draw.source)}.difficulty=COLUMN, or drop the filter."
    )


def _refuse_worked(draw: Draw, name: str, filter_name: str) -> NoReturn:
    raise Mistake(
        f"data.draws.{name}.{filter_name}=True: source {draw.source} has no column of worked solutions. "
        f"Name it, as {field_of(draw.source)}.solution=COLUMN, or drop the filter."
    )
