"""Promotion: a run that halving stopped goes on once it belongs to the best of its rung.

Optuna stops a trial that is not among the best 1/reduction_factor *so far* and never comes back to it.
In asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2) it is only paused.
Here the paused run is extended: a promotion is a new trial of the same slot, on the same run.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from openrs.sweep.pruning import RUN, curves
from openrs.sweep.sampler import make_pruner
from openrs.sweep.tasks import RECORD, Slot


def promotable(value: float, competing: Sequence[float], reduction_factor: int) -> bool:
    """Whether a value is among the best 1/reduction_factor of its rung, itself included."""
    places = len(competing) // reduction_factor
    return places > 0 and value >= sorted(competing, reverse=True)[places - 1]


def rungs(trial: FrozenTrial) -> list[float]:
    """The values of a curve at the rungs that it completed, as Optuna's halving keeps them."""
    found: list[float] = []
    for number in count():
        value = trial.system_attrs.get(f"completed_rung_{number}")
        if value is None:
            return found
        found.append(value)
    raise AssertionError("count() has no end")


def next_promotion(
    settings: DictConfig, name: str, storage: BaseStorage, slots: dict[int, Slot]
) -> FrozenTrial | None:
    """The pruned trial whose run is to go on, the highest rung and the best value first.

    Args:
        settings: the pruner's.
        name: the sweep's study.
        storage: where both studies are.
        slots: the sweep's slots.
    """
    pruner = make_pruner(settings)
    if not isinstance(pruner, SuccessiveHalvingPruner | HyperbandPruner):
        return None
    paused = {
        slot.last.user_attrs[RECORD]["run"]: slot.last
        for slot in slots.values()
        if slot.last.state == TrialState.PRUNED and slot.last.user_attrs[RECORD]["kind"] == "pruned"
    }
    if not paused:
        return None
    study = curves(storage, name, pruner)
    best: tuple[int, float] | None = None
    chosen = None
    for members in _brackets(study, pruner):
        competing: dict[int, list[float]] = defaultdict(list)
        for trial in members:
            for number, value in enumerate(rungs(trial)):
                competing[number].append(value)
        for trial in members:
            run, reached = trial.user_attrs.get(RUN), rungs(trial)
            if run not in paused or not reached or trial.state != TrialState.RUNNING:
                continue
            place = (len(reached) - 1, reached[-1])
            if promotable(reached[-1], competing[place[0]], settings.reduction_factor) and (
                best is None or place > best
            ):
                best, chosen = place, paused[run]
    return chosen


def _brackets(study: optuna.Study, pruner: Any) -> list[list[FrozenTrial]]:
    """The curves that compete with each other: all, or those of a Hyperband bracket."""
    trials = study.get_trials(deepcopy=False)
    if isinstance(pruner, SuccessiveHalvingPruner):
        return [trials]
    pruner._try_initialization(study)  # Optuna keeps the brackets to itself
    grouped: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        grouped[pruner._get_bracket_id(study, trial)].append(trial)
    return list(grouped.values())
