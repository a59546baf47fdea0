"""Figures over training steps: scores with bands (as Fig. 2 of the paper), length, reward and KL."""

import textwrap
from collections.abc import Sequence

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from openrs.analysis.curves import LOGGED, ScoreCurve, Trace, smoothed, window_for
from openrs.analysis.figures.style import WIDTH, look
from openrs.analysis.tables.table import benchmark_order

STEP = "training step"


def accuracy(curves: dict[str, list[ScoreCurve]], base: str = "") -> Figure:
    """A panel a benchmark: pass@1 against steps, with 95 % intervals as bands.

    Args:
        base: what step 0 is, said below the figure; "" where no curve has it.
    """
    titles = benchmark_order(set(curves))
    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    labels = list(dict.fromkeys(curve.label for title in titles for curve in curves[title]))
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(WIDTH, 0.5 + 1.45 * rows + 0.14 * len(labels)), squeeze=False, sharex=True
    )
    flat = list(axes.flat)
    for axis, title in zip(flat, titles, strict=False):
        for curve in curves[title]:
            _band(axis, curve, labels.index(curve.label), _aside(curve, curves[title]))
        axis.set_title(title)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in flat[len(titles) :]:
        axis.set_visible(False)
    for row in axes:
        row[0].set_ylabel("pass@1 (%)")
    for axis in flat[(rows - 1) * columns : len(titles)]:
        axis.set_xlabel(STEP)
    note = f"Bands: 95 % intervals. Step 0: {base}." if base else "Bands: 95 % intervals."
    legend(figure, flat[0], note)
    return figure


def _aside(curve: ScoreCurve, others: Sequence[ScoreCurve]) -> float:
    """Inches by which a bar stands aside of its step, where several stand at the same one."""
    same = [other for other in others if [p.step for p in other.points] == [p.step for p in curve.points]]
    return (same.index(curve) - (len(same) - 1) / 2) * 0.06


def _band(axis: Axes, curve: ScoreCurve, place: int, inches: float) -> None:
    style = look(place)
    steps = [point.step for point in curve.points]
    means = [point.mean for point in curve.points]
    lows, highs = [point.low for point in curve.points], [point.high for point in curve.points]
    if len(steps) == 1:  # a band needs two checkpoints; bars of several runs stand side by side
        aside = ScaledTranslation(inches, 0, axis.figure.dpi_scale_trans)
        gaps = [[means[0] - lows[0]], [highs[0] - means[0]]]
        axis.errorbar(steps, means, gaps, capsize=2, elinewidth=0.9, label=curve.label,
                      transform=axis.transData + aside, **style)  # fmt: skip
        axis.plot(steps * 2, [lows[0], highs[0]], alpha=0)  # what is moved aside sets no limits
        return
    axis.plot(steps, means, label=curve.label, **style)
    axis.fill_between(steps, lows, highs, color=style["color"], alpha=0.13, linewidth=0)


def trace(key: str, traces: Sequence[Trace]) -> Figure:
    """The trainer's log of a key of LOGGED: each step faint, a running mean over it."""
    figure, axis = pyplot.subplots(figsize=(WIDTH * 0.8, 2.4 + 0.14 * len(traces)))
    windows = set()
    for place, line in enumerate(traces):
        style = look(place)
        window = window_for(len(line.steps))
        windows.add(window)
        axis.plot(line.steps, line.values, color=style["color"], alpha=0.25, linewidth=0.6)
        axis.plot(
            line.steps, smoothed(line.values, window), color=style["color"], linestyle=style["linestyle"],
            label=line.label,
        )  # fmt: skip
    axis.set_xlabel(STEP)
    axis.set_ylabel(LOGGED[key].replace(" (", "\n("))
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    sizes = "/".join(map(str, sorted(windows)))
    legend(figure, axis, f"Faint: each step. Lines: mean of {sizes} steps." if windows != {1} else "")
    return figure


def legend(figure: Figure, axis: Axes, note: str) -> None:
    """A legend below all panels, where it covers nothing, and a line on how to read the figure."""
    handles, labels = axis.get_legend_handles_labels()
    room = int(figure.get_figwidth() * 16)  # characters of the legend's size in the figure's width
    longest = max((len(label) for label in labels), default=1)
    columns = max(1, min(len(labels), room // (longest + 6)))
    texts = ["\n".join(textwrap.wrap(label, room - 8)) for label in labels]
    figure.legend(
        handles, texts, loc="outside lower center", ncols=columns, frameon=False,
        title="\n".join(textwrap.wrap(note, room, break_on_hyphens=False)), title_fontsize=7,
    )  # fmt: skip
