"""Figures over training steps: scores with bands (as Fig. 2 of the paper), length, reward and KL."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from openrs.analysis import curves
from openrs.analysis.curves import LOGGED, Panel, ScoreCurve, Trace, smoothed, window_for
from openrs.analysis.figures.style import ACROSS, look, panels

STEP = "training step"
LETTER = 0.055
"""Inches of a letter of the legend, on average."""
LINE = 0.14
"""Inches of a line of it."""
BASE: dict[str, Any] = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 0.8}
RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "linestyle": "none",
    "markeredgewidth": 0.9,
}


def accuracy(whole: Sequence[Panel]) -> Figure:
    """A panel a benchmark, their average first: pass@1 against steps, a line and a band a recipe."""
    recipes = list(dict.fromkeys(curve.recipe for panel in whole for curve in panel.curves))
    figure, axes = panels(len(whole), 1.55, 0.45 + LINE * len(recipes))
    for axis, panel in zip(axes, whole, strict=True):
        means = [curve for curve in panel.curves if not curve.single]
        for label, level in panel.bases:
            axis.axhline(level, label=f"{label} (untrained)", zorder=1.5, **BASE)
        for curve in panel.curves:
            style = look(recipes.index(curve.recipe))
            if curve.single:
                _thin(axis, [p.step for p in curve.points], [p.mean for p in curve.points], style["color"])
            else:
                _band(axis, curve, style, _aside(curve, means))
        axis.set_title("average" if panel.title == curves.AVERAGE else panel.title)
        axis.margins(x=0.06)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axis.yaxis.set_major_locator(MaxNLocator(5))
    _label(axes, STEP, "pass@1 (%)")
    every = [curve for panel in whole for curve in panel.curves]
    note = "Bands and bars: 95 % intervals."
    if any(curve.single for curve in every):
        note += " Thin: single runs."
    if any(curve.reported is not None for curve in every):
        note += " Ring: the reported step."
    legend(figure, axes, note)
    return figure


def _label(axes: Sequence[Axes], below: str, beside: str) -> None:
    """Names the axes of a grid of panels once a row and once a column."""
    columns = min(ACROSS, len(axes))
    for place, axis in enumerate(axes):
        if place % columns == 0:
            axis.set_ylabel(beside)
        if place + columns >= len(axes):
            axis.set_xlabel(below)


def _thin(axis: Axes, steps: Sequence[int], values: Sequence[float], colour: str) -> None:
    """A run among several of its recipe."""
    axis.plot(steps, values, color=colour, linewidth=0.5, alpha=0.6, zorder=1.8,
              marker="." if len(steps) == 1 else "", markersize=2)  # fmt: skip


def _aside(curve: ScoreCurve, others: Sequence[ScoreCurve]) -> float:
    """Inches by which a bar stands aside of its step, where several stand at the same one."""
    same = [other for other in others if [p.step for p in other.points] == [p.step for p in curve.points]]
    return (same.index(curve) - (len(same) - 1) / 2) * 0.06


def _band(axis: Axes, curve: ScoreCurve, style: dict[str, Any], inches: float) -> None:
    steps, means = [point.step for point in curve.points], [point.mean for point in curve.points]
    bounds = [
        (p.step, p.mean, p.low, p.high) for p in curve.points if p.low is not None and p.high is not None
    ]
    if len(steps) == 1:  # a band needs two checkpoints; bars of several recipes stand side by side
        transform = axis.transData + ScaledTranslation(inches, 0, axis.figure.dpi_scale_trans)
        gaps = [[[mean - low], [high - mean]] for _, mean, low, high in bounds]
        axis.errorbar(steps, means, gaps[0] if gaps else None, capsize=2, elinewidth=0.9, label=curve.label,
                      transform=transform, **style)  # fmt: skip
        axis.plot(
            steps * 2, [*bounds[0][2:]] if bounds else means * 2, alpha=0
        )  # what is moved sets no limits
    else:
        transform = axis.transData
        axis.plot(steps, means, label=curve.label, **style)
        axis.fill_between([b[0] for b in bounds], [b[2] for b in bounds], [b[3] for b in bounds],
                          color=style["color"], alpha=0.13, linewidth=0)  # fmt: skip
    if curve.reported is not None:
        at = steps.index(curve.reported)
        axis.plot(steps[at], means[at], transform=transform, markeredgecolor=style["color"], **RING)


def trace(key: str, traces: Sequence[Trace]) -> Figure:
    """The trainer's log of a key of LOGGED, smoothed; a panel a reward, as another reward has other units."""
    groups = curves.apart(traces)
    recipes = list(dict.fromkeys(line.recipe for line in traces))
    figure, axes = panels(len(groups), 1.75, 0.45 + LINE * len(recipes))
    windows = set()
    for axis, (reward, members) in zip(axes, groups.items(), strict=True):
        for mean in curves.means(members):
            own = [line for line in members if line.recipe == mean.recipe]
            style, window = look(recipes.index(mean.recipe)), window_for(len(mean.steps))
            windows.add(window)
            for line in own if len(own) > 1 else ():
                _thin(axis, line.steps, smoothed(line.values, window), style["color"])
            if len(own) == 1:
                axis.plot(mean.steps, mean.values, color=style["color"], alpha=0.25, linewidth=0.6)
            axis.plot(mean.steps, smoothed(mean.values, window), color=style["color"],
                      linestyle=style["linestyle"], label=mean.label)  # fmt: skip
        axis.set_title(
            "\n".join(textwrap.wrap(f"reward: {reward}", 36)) if reward and len(groups) > 1 else ""
        )
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    _label(axes, STEP, LOGGED[key].replace(" (", "\n(").replace("reward of", "reward\nof"))
    sizes = "/".join(map(str, sorted(windows)))
    note = f"Lines: running mean of {sizes} steps." if windows != {1} else ""
    if len(traces) > len(recipes):
        note += " Thin: single runs."
    if len(groups) > 1:
        note += " Each reward has an axis of its own."
    legend(figure, axes, note.strip())
    return figure


def legend(figure: Figure, axes: Sequence[Axes], note: str) -> None:
    """A legend below all panels, where it covers nothing, and a line on how to read the figure."""
    pairs = [axis.get_legend_handles_labels() for axis in axes]
    handles = {label: handle for hs, labels in pairs for handle, label in zip(hs, labels, strict=True)}
    room = int(figure.get_figwidth() / LETTER)  # letters in the figure's width
    longest = max((len(label) for label in handles), default=1)
    columns = max(1, min(len(handles), room // (longest + 8)))
    texts = ["\n".join(textwrap.wrap(label, room - 8)) for label in handles]
    figure.legend(
        list(handles.values()), texts, loc="outside lower center", ncols=columns, frameon=False,
        title="\n".join(textwrap.wrap(note, room, break_on_hyphens=False)), title_fontsize=7, handlelength=3,
    )  # fmt: skip
