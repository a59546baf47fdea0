"""The style of all figures: print size, fonts, and a palette that colour-blind readers can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

matplotlib.use("Agg")  # figures are files; they need no display

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN, PAGE = 3.25, 6.75
"""Inches: a column of a paper of two columns, and both with the gap between them."""
ACROSS = 3
"""Panels in a row of a figure."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's palette without yellow and black (yellow is faint on paper; black is the base model)."""
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":")
MOST = len(COLOURS)
"""Recipes that one figure can hold and a reader can still tell apart."""

SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",  # text stays text: it can be searched, and edited before print
    "svg.hashsalt": "openrs",  # the same records make the same file
    "font.family": ["DejaVu Sans", "sans-serif"],
}


@contextmanager
def styled() -> Iterator[None]:
    """Draws in this style."""
    with matplotlib.rc_context(SETTINGS):
        yield


def panels(count: int, height: float, more: float = 0.0) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels of one size: as wide as a column for one, else as a page.

    Args:
        height: inches of a panel.
        more: inches for what stands below the panels.
    """
    across = min(ACROSS, count)
    down = -(-count // across)
    figure = Figure(figsize=(COLUMN if count == 1 else PAGE, height * down + more))
    grid = figure.subplots(down, across, squeeze=False)
    for axis in grid.flat[count:]:
        axis.remove()
    return figure, list(grid.flat[:count])


def look(place: int) -> dict[str, Any]:
    """Colour, marker and dashes of the line at a place: any one of them tells lines apart."""
    at = place % MOST
    return {"color": COLOURS[at], "marker": MARKERS[at], "linestyle": DASHES[at % len(DASHES)]}
