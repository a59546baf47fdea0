"""The tables in sentences, no stronger than their tests."""

from collections.abc import Sequence

from openrs.analysis.arms import overall
from openrs.analysis.rows import ResultRow
from openrs.analysis.tables import verdicts
from openrs.analysis.tables.table import REAL, Table, Value

MOST = 12
"""Rows that a sentence lists one by one."""


def sentences(rows: Sequence[ResultRow], titles: Sequence[str], differences: Sequence[Table]) -> list[str]:
    """The answer first: which arm is best, then each against the base model, then what was measured.

    Args:
        rows: base models and arms.
        differences: of the arms to each base model.
    """
    own = verdicts.sentence(rows, titles)
    texts = [text for table in differences for text in _differences(table)]
    return [*([own] if own else []), *texts, _size(rows, titles)]


def _size(rows: Sequence[ResultRow], titles: Sequence[str]) -> str:
    trained = [row for row in rows if row.trained]
    runs = sum(len(row.evaluations) for row in trained)
    return (
        f"{_count(len(trained), 'recipe')} ({_count(runs, 'run')}) and "
        f"{_count(len(rows) - len(trained), 'base model')} on {_count(len(titles), 'benchmark')} "
        f"({', '.join(titles)})."
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _shown(value: Value, sign: str = "") -> str:
    interval = "" if value.low is None else f" [{value.low:.1f}, {value.high:.1f}]"
    return f"{value.mean:{sign}.1f}{interval}"


def _differences(table: Table) -> list[str]:
    base = table.title.removeprefix("Differences to ")
    averages = [(label, value) for label, cells in table.rows if (value := overall(cells)) is not None]
    tests = sum(isinstance(cell, Value) for _, cells in table.rows for cell in cells)
    family = " (Holm over the table)" if tests > 1 else ""
    kinds: dict[str, list[tuple[str, Value]]] = {"better": [], "worse": [], "noise": []}
    for label, value in averages:
        kinds["noise" if value.mark != REAL else "better" if value.mean > 0 else "worse"].append(
            (label, value)
        )
    texts = [
        f"On average beyond noise {kind} than {base}{family}: {_listed(kinds[kind])}."
        for kind in ("better", "worse")
        if kinds[kind]
    ]
    if kinds["noise"]:
        texts.append(f"Could be noise, against {base}{family}: {_listed(kinds['noise'])}.")
    return texts


def _listed(rows: Sequence[tuple[str, Value]]) -> str:
    shown = "; ".join(f"{label} ({_shown(value, '+')})" for label, value in rows[:MOST])
    return shown + (f"; and {len(rows) - MOST} more" if len(rows) > MOST else "")
