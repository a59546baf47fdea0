"""A forest plot: differences with their intervals, marked where beyond noise, one panel per benchmark."""

import re
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from openrs.analysis.arms import Block, limits
from openrs.analysis.figures.style import COLOURS, PAGE
from openrs.analysis.tables.table import REAL, Value

ROW, BETWEEN = 0.14, 0.42
"""Inches of a line of labels, and of what stands between two blocks."""
LABEL = 26
"""Letters of a label's line."""


def forest(blocks: Sequence[Block], unit: str) -> Figure:
    """Every difference: filled beyond noise, hollow where noise could make it; the average's panel first.

    Args:
        unit: of the differences, as the axis says it.
    """
    columns = _columns(blocks)
    labels = [[broken(label) for label, _ in block.table.rows] for block in blocks]
    heights = [ROW * sum(len(lines) + 0.4 for lines in own) for own in labels]
    figure = Figure(figsize=(PAGE, sum(heights) + BETWEEN * (len(blocks) + 1) + 0.25))
    grid = figure.subplots(
        len(blocks), len(columns), squeeze=False, sharex="row", sharey="row", height_ratios=heights
    )
    for block, axes, own in zip(blocks, grid, labels, strict=True):
        _draw(block, columns, axes, own)
    for axis, title in zip(grid[0], columns, strict=True):
        axis.set_title("average" if title == "Avg." else title.replace("nano-", "nano-\n"), fontsize=7)
    for block, axes in zip(blocks, grid, strict=True):
        # beside the panels' titles of the first block, above the labels of the others
        axes[0].annotate(block.title, (0, 1), (-4, 5), xycoords="axes fraction", textcoords="offset points",
                         ha="right", va="bottom", fontweight="bold", fontsize=7)  # fmt: skip
    values = [value for block in blocks for row in block.table.rows for value in row[1]]
    unpaired = any(isinstance(value, Value) and value.paired is False for value in values)
    note = (
        f"Difference in {unit}, 95 % intervals. Filled: beyond noise (Holm over the block, 5 %). Hollow: "
        "could be noise. Arrow: the interval goes on."
    )
    note += " †: unpaired." if unpaired else ""
    figure.supxlabel("\n".join(textwrap.wrap(note, 120, break_on_hyphens=False)), fontsize=7)
    return figure


def broken(label: str) -> list[str]:
    """A label in lines, which end after its signs alone, as on the report page (page/plots.js)."""
    lines = [""]
    for part in re.split(r"(?<=[ +=,/])", label):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > LABEL:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def _columns(blocks: Sequence[Block]) -> list[str]:
    """The average, then benchmarks, as far as any block has values there."""
    columns = list(dict.fromkeys(title for block in blocks for title in block.table.columns))
    filled = [
        title
        for title in columns
        if any(
            isinstance(cells[block.table.columns.index(title)], Value)
            for block in blocks
            if title in block.table.columns
            for _, cells in block.table.rows
        )
    ]
    return sorted(filled, key=lambda title: title != "Avg.")


def _draw(block: Block, columns: Sequence[str], axes: Sequence[Axes], labels: Sequence[list[str]]) -> None:
    """One block: a line a row, with its label beside the first panel."""
    table = block.table
    values = [v for _, cells in table.rows for v in cells if isinstance(v, Value)]
    left, right = limits(values)
    places, height = [], 0.0
    for lines in labels:
        places.append(height - len(lines) / 2)
        height -= len(lines) + 0.4
    for axis, title in zip(axes, columns, strict=True):
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_xlim(left, right)
        axis.set_ylim(height + 0.2, 0.2)
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.grid(False, axis="y")
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        at = table.columns.index(title) if title in table.columns else None
        for place, (_, cells) in zip(places, table.rows, strict=True):
            if at is not None and isinstance(value := cells[at], Value):
                _mark(axis, value, place, COLOURS[1] if title == "Avg." else COLOURS[0], block.runs)
    for axis in axes[1:]:
        axis.yaxis.set_visible(False)  # the labels stand beside the first panel; drawing none is faster
    axes[0].set_yticks(places, ["\n".join(lines) for lines in labels])


def _mark(axis: Axes, value: Value, place: float, colour: str, small: bool) -> None:
    if value.low is None or value.high is None:  # of one problem there is nothing to draw
        return
    left, right = axis.get_xlim()
    ends = max(value.low, left), min(value.high, right)
    axis.plot(ends, [place, place], color=colour, linewidth=0.6 if small else 1)
    for end, whole, arrow in ((ends[0], value.low, "<"), (ends[1], value.high, ">")):
        if end != whole:
            axis.plot(end, place, marker=arrow, color=colour, markersize=3, clip_on=False)
    axis.plot(
        value.mean, place, marker="o", color=colour, markersize=2.5 if small else 4, zorder=3,
        markerfacecolor=colour if value.mark == REAL else "white",
    )  # fmt: skip
    if value.paired is False:
        axis.annotate("†", (value.mean, place), (0, 2), textcoords="offset points", ha="center", fontsize=6)
