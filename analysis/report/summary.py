"""The tables in sentences, no stronger than their tests."""

from collections.abc import Sequence

from openrs.analysis.tables.table import BEST, REAL, TIED, Table, Value

MOST = 12
"""Rows that a sentence lists one by one."""


def sentences(tables: Sequence[Table], trained: Sequence[bool]) -> list[str]:
    """A table in words, and its differences to the base model where there are any.

    Args:
        tables: Table 1 and, where it was made, its differences.
        trained: for each row of Table 1, whether it is a trained checkpoint.
    """
    first, *others = tables
    return [_size(first, trained), *_best(first), *(text for table in others for text in _differences(table))]


def _size(table: Table, trained: Sequence[bool]) -> str:
    benchmarks = [title for title in table.columns if not title.startswith("Avg.")]
    base = len(trained) - sum(trained)
    return (
        f"{_count(sum(trained), 'trained row')} and {_count(base, 'base model')} on "
        f"{_count(len(benchmarks), 'benchmark')} ({', '.join(benchmarks)})."
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _best(table: Table) -> list[str]:
    """The row that is best on average, if noise does not explain its lead."""
    place = next(i for i, title in enumerate(table.columns) if title.startswith("Avg."))
    averages = [(label, value) for label, cells in table.rows if isinstance(value := cells[place], Value)]
    tied = [(label, value) for label, value in averages if value.mark == TIED]
    for label, value in averages:
        if value.mark == BEST:
            return [f"Best average: {label} with {_shown(value)}; every other row is worse beyond noise."]
    if not tied:
        return []
    label, value = max(tied, key=lambda pair: pair[1].mean)
    others = _count(len(tied) - 1, "other")
    return [
        f"No row is the best: {label} has the highest average ({_shown(value)}), but "
        f"{others} cannot be told from it."
    ]


def _shown(value: Value, sign: str = "") -> str:
    interval = "" if value.low is None else f" [{value.low:.1f}, {value.high:.1f}]"
    return f"{value.mean:{sign}.1f}{interval}"


def _differences(table: Table) -> list[str]:
    base = table.title.removeprefix("Differences to ")
    averages = [(label, value) for label, cells in table.rows if isinstance(value := cells[-1], Value)]
    family = " (Holm over the table)" if len(averages) > 1 else ""
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
