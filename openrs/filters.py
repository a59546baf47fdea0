"""Which rows of a source a draw takes, by what the row itself says."""

import re
from collections.abc import Callable
from typing import Any

from openrs.config import Draw
from openrs.mistake import Mistake

Row = dict[str, Any]

BOX = re.compile(r"\\f?box(?:ed)?\s*(?=\{)")
"""Commands that set an answer in a box: \\boxed, \\fbox, \\box."""

LABELS = tuple(
    re.compile(rf"(?:(?<!\S)\(|^|(?<=[.;:?!]\s))(?:{marks})\)(?=\s|\$)", re.MULTILINE)
    for marks in ("[a-h]", "[1-8]", "i|ii|iii|iv|v|vi", "I|II|III|IV|V|VI")
)
"""Labels of parts: (a) (b), (1) (2), (i) (ii), (I) (II); at the start of a sentence also a) b)."""

ASKS = re.compile(
    r"\?|\b(?:find|determine|compute|calculate|evaluate|prove|show|express|solve|what|how|which|write|give)\b",
    re.IGNORECASE,
)
"""What a part that asks for something holds; a part that states a condition holds none of it."""


def boxes(solution: str) -> list[str]:
    """The contents of every whole box in a worked solution, in order, nested ones left out."""
    found, end = [], 0
    for match in BOX.finditer(solution):
        if match.start() < end:
            continue
        depth = 0
        for place in range(match.end(), len(solution)):
            depth += {"{": 1, "}": -1}.get(solution[place], 0)
            if depth == 0:
                end = place + 1
                found.append(solution[match.end() + 1 : place])
                break
    return found


def several_parts(problem: str, solution: str) -> bool:
    """Whether a row asks several things, so that one final answer cannot say it all.

    A heuristic, and the paper's own filter (a language model) was never published. It says yes where
    two or more labelled parts of the problem each ask for something ("(a) Find ... (b) Prove ..."), or
    where the solution boxes under several labels ("(a) \\boxed{1} (b) \\boxed{2}"). Labelled conditions
    ("such that (i) f is increasing, (ii) ...") and lists of choices are no parts. It says no to several
    questions in running text.
    """
    return any(_asking(problem, label) > 1 or _boxing(solution, label) > 1 for label in LABELS)


def _parts(text: str, label: re.Pattern[str]) -> list[str]:
    """What follows each label up to the next, from the first label on."""
    marks = list(label.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]


def _asking(problem: str, label: re.Pattern[str]) -> int:
    return sum(bool(ASKS.search(part)) for part in _parts(problem, label))


def _boxing(solution: str, label: re.Pattern[str]) -> int:
    return sum(bool(boxes(part)) for part in _parts(solution, label))


def reasons(draw: Draw, name: str) -> list[tuple[str, Callable[[Row], bool]]]:
    """The filters of a draw that are on: (why a row is left out, whether it is).

    Args:
        name: the draw's, for errors.
    """
    found: list[tuple[str, Callable[[Row], bool]]] = []
    if draw.difficulty_min is not None or draw.difficulty_max is not None:
        low = -float("inf") if draw.difficulty_min is None else draw.difficulty_min
        high = float("inf") if draw.difficulty_max is None else draw.difficulty_max
        found.append(("other difficulty", lambda row: not low <= _difficulty(row, draw, name) <= high))
    if draw.boxed:
        found.append(("no boxed answer", lambda row: not boxes(_worked(row, draw, name, "boxed"))))
    if draw.single_part:
        found.append(
            (
                "several parts",
                lambda row: several_parts(row["problem"], _worked(row, draw, name, "single_part")),
            )
        )
    return found


def _difficulty(row: Row, draw: Draw, name: str) -> float:
    if row["difficulty"] is None:
        side = "min" if draw.difficulty_max is None else "max"
        raise Mistake(
            f"data.draws.{name}.difficulty_{side}={getattr(draw, f'difficulty_{side}')}: source "
            f"{draw.source} states no difficulty. Name its column, as "
            f"catalog.sources.{draw.source}.difficulty=COLUMN, or drop the filter."
        )
    return row["difficulty"]


def _worked(row: Row, draw: Draw, name: str, filter_name: str) -> str:
    if row.get("worked") is None:
        raise Mistake(
            f"data.draws.{name}.{filter_name}=True: source {draw.source} has no column of worked solutions. "
            f"Name it, as catalog.sources.{draw.source}.solution=COLUMN, or drop the filter."
        )
    return row["worked"]
