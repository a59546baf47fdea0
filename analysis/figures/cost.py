"""Score against training cost (the paper's Fig. 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from openrs.analysis.figures.learning import LINE, legend
from openrs.analysis.figures.style import look, panels


@dataclass(frozen=True)
class Priced:
    """A point: what was paid, and the average score with its 95 % interval, percent."""

    label: str
    """Points of one label are joined: a recipe's checkpoints."""
    cost: float
    mean: float
    low: float | None
    high: float | None
    published: bool = False


def against_cost(points: Sequence[Priced], unit: str, scores: str) -> Figure:
    """Average score against the cost of a run, a line a recipe, each checkpoint with its interval.

    Args:
        unit: of the cost, as the axis says it ("US dollars", "device-hours").
        scores: what the score is the mean of.
    """
    labels = list(dict.fromkeys(point.label for point in points))
    figure, (axis,) = panels(1, 2.2, 0.45 + LINE * len(labels))
    for place, label in enumerate(labels):
        own = sorted((point for point in points if point.label == label), key=lambda point: point.cost)
        costs, means = [point.cost for point in own], [point.mean for point in own]
        style = look(place)
        if own[0].published:
            axis.plot(costs, means, label=label, **style | {"linestyle": "none", "markerfacecolor": "white"})
            continue
        gaps = [
            [point.mean - (point.mean if point.low is None else point.low) for point in own],
            [(point.mean if point.high is None else point.high) - point.mean for point in own],
        ]
        axis.errorbar(costs, means, gaps, capsize=2, elinewidth=0.7, label=label, **style)
    costs = [point.cost for point in points]
    if min(costs) > 0 and max(costs) / min(costs) > 10:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(x=0.08, y=0.1)
    axis.set_xlabel(f"training cost ({unit})")
    axis.set_ylabel("average pass@1 (%)")
    note = f"Average: {scores}. Bars: 95 % intervals."
    hollow = any(point.published for point in points)
    legend(figure, [axis], note + (" Hollow: published, not measured here." if hollow else ""))
    return figure
