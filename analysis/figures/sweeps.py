"""Figures of a sweep: importance, contours, the Pareto set; Optuna's own plots, in this style."""

import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from openrs.analysis.figures.style import COLOURS, PAGE
from openrs.errors import Mistake
from openrs.studies import plots, replicates
from openrs.studies.reader import load

FEWEST = 4
"""Finished trials below which importance says nothing."""

SHOWN = (2, 3)
"""Numbers of objectives that a figure can show."""


def sweep(storage: str, study_name: str) -> dict[str, Figure]:
    """Importance; with two factors or more, contours of the two that matter most; with two objectives or
    three, the Pareto set.

    Args:
        storage: what `hydra.sweeper.storage` was, as sqlite:///outputs/sweeps/NAME/study.db.

    Raises:
        Mistake: no such study, no such storage, or too few finished trials.
    """
    study = replicates.points(load(storage, study_name))
    done = plots.complete(study)
    if len(done) < FEWEST:
        raise Mistake(
            f"study={study_name}: has {len(done)} finished trials, and importance needs at least "
            f"{FEWEST}. Let the sweep continue."
        )
    varied = [name for name in done[0].params if len({str(trial.params.get(name)) for trial in done}) > 1]
    if not varied:
        raise Mistake(
            f"study={study_name}: all finished trials have the same parameters. Nothing can be drawn."
        )
    target = study.metric_names[0] if study.metric_names else "objective"
    title = f"importance of factors (fANOVA, {len(done)} finished trials)"
    axis = _draw(study, title, (0.8, 0.9 + 0.3 * len(varied)), plots.importance_axis, varied, target)
    axis.margins(x=0.12)
    axis.set_xlabel(f"share of the variance of {target}")
    axis.set_ylabel("")
    figures = {"importance": axis.figure}
    if len(varied) > 1:
        pair = list(plots.importances(study, varied))[:2]
        title = "the two factors that matter most; dots are trials"
        figures["contour"] = _draw(study, title, (0.75, 3.2), plots.contour_axis, pair, target).figure
    if len(study.directions) in SHOWN:
        figures["pareto"] = pareto(study)
    return figures


def pareto(study: plots.Study) -> Figure:
    """The Pareto set among the finished trials of a study of two objectives or three.

    With two, a trial of the set has its parameters written beside it.
    """
    best, done = study.best_trials, plots.complete(study)
    title = f"Pareto set, {len(best)} of {len(done)} finished trials"
    axis = _draw(study, title, (1, 3.6), plots.pareto_axis)
    *others, front = axis.collections  # Optuna draws the set last, and the others where there are any
    for dots in others:
        dots.set_color("0.7")
    front.set_color(COLOURS[1])
    if len(study.directions) == 2:
        for trial in best:
            text = "\n".join(map(str, trial.params.values()))
            axis.annotate(text, trial.values, (4, -2), textcoords="offset points", fontsize=6, va="top")
        axis.margins(x=0.15)
    return axis.figure


def _draw(
    study: plots.Study, title: str, size: tuple[float, float], plot: Callable[..., Any], *arguments: Any
) -> Any:
    """One of Optuna's plots in the style of the others; returns its axis.

    Args:
        title: below the study's name, in lines of the figure's width, as that name may be long.
        size: share of the text's width, and inches of height.
        plot: draws, given the study and the arguments.
    """
    # Optuna switches to a style of its own, for every figure after it; and says it is experimental
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* is experimental")
        axis = plot(study, *arguments)
    figure = axis.figure
    figure.set_size_inches(PAGE * size[0], size[1])
    axis.set_title("", loc="left")
    axis.set_title("")
    text = f"{study.study_name}: {title}"
    figure.suptitle("\n".join(textwrap.wrap(text, int(figure.get_figwidth() * 14))))
    if (legend := axis.get_legend()) is not None:
        legend.remove()
    _restyle(figure)
    return axis


def _restyle(figure: Figure) -> None:
    """Brings a drawn figure to the style of the others: font sizes and ground."""
    for text in figure.findobj(Text):
        text.set_fontsize(8)
        text.set_color("black")
    for axis in figure.axes:
        axis.set_facecolor("white")
        axis.tick_params(labelsize=7, colors="black", which="both")
        for side in ("left", "bottom"):
            axis.spines[side].set(visible=True, color="black", linewidth=0.8)
    for points in figure.findobj(PathCollection):
        points.set_sizes([12])
    figure.set_layout_engine("constrained")
