"""What the tables support, in sentences."""

from collections.abc import Sequence

from openrs.analysis.tables.table import BEST, REAL, TIED, Table, Value

MOST = 12
"""Rows that are spoken of one by one."""


def sentences(tables: Sequence[Table], steps: Sequence[bool]) -> list[str]:
    """A table in words, and its differences to the base model where there are any.

    Args:
        tables: Table 1 and, where it was made, its differences.
        steps: for each row of Table 1, whether it is a trained checkpoint.
    """
    first = tables[0]
    told = [_size(first, steps), *_best(first)]
    if len(tables) > 1:
        told += _differences(tables[1])
    return told


def _size(table: Table, steps: Sequence[bool]) -> str:
    benchmarks = [title for title in table.columns if not title.startswith("Avg.")]
    base = len(steps) - sum(steps)
    return (
        f"{_count(sum(steps), 'trained row')} and {_count(base, 'base model')} on "
        f"{_count(len(benchmarks), 'benchmark')} ({', '.join(benchmarks)})."
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _best(table: Table) -> list[str]:
    """Who is best on average, if anyone can be told to be."""
    place = next((i for i, title in enumerate(table.columns) if title.startswith("Avg.")), None)
    if place is None:
        return []
    known = [(label, cell) for label, cells in table.rows if isinstance(cell := cells[place], Value)]
    best = [(label, cell) for label, cell in known if cell.mark == BEST]
    tied = [(label, cell) for label, cell in known if cell.mark == TIED]
    if best:
        label, cell = best[0]
        return [
            f"Best average: {label} with {cell.mean:.1f} {_interval(cell)}; every other row is worse beyond "
            "noise."
        ]
    if tied:
        label, cell = max(tied, key=lambda pair: pair[1].mean)
        others = len(tied) - 1
        return [
            f"No row is the best: {label} has the highest average ({cell.mean:.1f} {_interval(cell)}), but "
            f"{_count(others, 'other')} cannot be told from it."
        ]
    return []


def _interval(cell: Value) -> str:
    return "" if cell.low is None else f"[{cell.low:.1f}, {cell.high:.1f}]"


def _differences(table: Table) -> list[str]:
    base = table.title.removeprefix("Differences to ")
    averages = [(label, cell) for label, cells in table.rows if isinstance(cell := cells[-1], Value)]
    up = [(label, cell) for label, cell in averages if cell.mark == REAL and cell.mean > 0]
    down = [(label, cell) for label, cell in averages if cell.mark == REAL and cell.mean < 0]
    noise = [(label, cell) for label, cell in averages if cell.mark != REAL]
    rows = f" (Holm over {len(averages)} rows)" if len(averages) > 1 else ""
    told = []
    for found, what in ((up, "better than"), (down, "worse than")):
        if found:
            told.append(f"On average beyond noise {what} {base}{rows}: {_listed(found)}.")
    if noise:
        told.append(f"Could be noise, against {base}{rows}: {_listed(noise)}.")
    return told


def _listed(found: Sequence[tuple[str, Value]]) -> str:
    shown = [f"{label} ({cell.mean:+.1f} {_interval(cell)})" for label, cell in found[:MOST]]
    more = len(found) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
