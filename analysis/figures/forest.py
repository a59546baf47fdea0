"""A forest plot: differences to a baseline with their intervals, what is real told from noise."""

import textwrap

from matplotlib import pyplot
from matplotlib.figure import Figure

from openrs.analysis.figures.style import COLOURS, WIDTH
from openrs.analysis.tables.table import REAL, Table, Value

ROW = 0.17
"""Inches a line of the plot."""


def forest(table: Table, unit: str) -> Figure:
    """Every difference of a table of differences: filled beyond noise, hollow where noise could make it.

    Args:
        unit: of the differences, as the axis says it.
    """
    figure, axis = pyplot.subplots()
    height, ticks, names, shades, unpaired = 0.0, [], [], [], False
    for label, cells in table.rows:
        pairs = zip(table.columns, cells, strict=True)
        values = [(title, cell) for title, cell in pairs if isinstance(cell, Value)]
        if not values:
            continue
        wrapped = textwrap.wrap(label, 46)
        top = height + 0.6
        ticks.append(height - (len(wrapped) - 1) / 2)
        names.append("\n".join(wrapped))
        height -= len(wrapped)
        for title, cell in values:
            if cell.low is None or cell.high is None:  # of one problem there is nothing to draw
                continue
            real = cell.mark == REAL
            colour = COLOURS[0] if title != "Avg." else COLOURS[1]
            axis.plot([cell.low, cell.high], [height, height], color=colour, linewidth=1)
            axis.plot(
                [cell.mean], [height], marker="D" if title == "Avg." else "o", color=colour,
                markerfacecolor=colour if real else "white", markersize=4, linestyle="none", zorder=3,
            )  # fmt: skip
            ticks.append(height)
            dagger = " †" if cell.paired is False else ""
            unpaired = unpaired or bool(dagger)
            names.append(f"{title}{dagger}")
            height -= 1
        shades.append((top, height + 0.4))
        height -= 0.2
    for top, bottom in shades[::2]:
        axis.axhspan(bottom, top, color="#888888", alpha=0.08, linewidth=0)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_ylim(height + 0.6, 0.6)
    axis.set_yticks(ticks, names)
    heads = {name for name in names if name.removesuffix(" †") not in table.columns}
    for text in axis.get_yticklabels():
        if text.get_text() in heads:
            text.set_fontweight("bold")
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.spines["left"].set_visible(False)
    note = (
        f"{table.title} ({unit}), 95 % intervals. Filled: beyond noise (Holm, 5 %). Hollow: could be noise."
    )
    whole = textwrap.wrap(note + (" †: unpaired." if unpaired else ""), 100, break_on_hyphens=False)
    figure.supxlabel("\n".join(whole), fontsize=7)
    figure.set_size_inches(WIDTH, 0.9 + ROW * abs(height))
    return figure
