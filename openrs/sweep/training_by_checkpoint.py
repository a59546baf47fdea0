"""Training from one looked-at checkpoint to the next, where a run is judged by its scores."""

from collections.abc import Callable
from statistics import mean
from typing import Any

from openrs.plan import Plan
from openrs.records.run import locked
from openrs.sweep import signal_history
from openrs.sweep.pruning import Curve, standing
from openrs.sweep.selection import Selection


def climb(plan: Plan, told: dict[str, Any], chosen: Selection, stages: Callable[..., bool]) -> bool:
    """Trains and evaluates up to each looked-at checkpoint and asks the pruner there, until it stops the run.

    Args:
        plan: the run; training past the last looked-at checkpoint is left to the caller.
        told: the study, as `openrs.sweep.trial.Trial.study` describes it.
        chosen: the selection that the signal names.
        stages: trains and evaluates what a plan is missing, and says whether it did anything.

    Returns:
        Whether anything was done.
    """
    worked = False
    for step in signal_history.looked_at(plan, chosen):
        part = signal_history.until(plan, chosen.benchmark, step)
        worked |= stages(part, told)
        if part.stopped:  # collapsed, or out of budget: the caller sees it too
            return worked
        with locked(plan.run):
            if standing(plan, told) is not None:
                return worked
            points = signal_history.at_last(part, chosen)
            Curve.of(plan, told).judge(points, step, mean(points.values()))
        if standing(plan, told) is not None:
            return worked
    return worked
