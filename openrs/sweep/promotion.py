"""Promotion: a run that halving stopped goes on once it belongs to the best of its rung.

Optuna stops a trial that is not among the best 1/reduction_factor *so far* and never comes back to it.
In asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2) it is only paused.
Here the paused run is extended: a promotion is a new trial of the same slot, on the same run.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from openrs.studies.trials import PROMOTES, RECORD, Slot
from openrs.sweep import halving_rungs
from openrs.sweep.pruning import RUN, curves
from openrs.sweep.sampler import make_pruner


def promotable(value: float, competing: Sequence[float], reduction_factor: int) -> bool:
    """Whether a value is among the best 1/reduction_factor of its rung, itself included."""
    places = len(competing) // reduction_factor
    return places > 0 and value >= sorted(competing, reverse=True)[places - 1]


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
    paused = _paused(slots)
    if not paused:
        return None
    study = curves(storage, name, pruner)
    best: tuple[int, float] | None = None
    chosen = None
    for members in _brackets(study, pruner):
        competing: dict[int, list[float]] = defaultdict(list)
        for trial in members:
            for number, value in enumerate(halving_rungs.completed(trial)):
                competing[number].append(value)
        for trial in members:
            run, reached = trial.user_attrs.get(RUN), halving_rungs.completed(trial)
            if run not in paused or not reached or trial.state != TrialState.RUNNING or _broken(trial):
                continue
            place = (len(reached) - 1, reached[-1])
            if promotable(reached[-1], competing[place[0]], settings.reduction_factor) and (
                best is None or place > best
            ):
                best, chosen = place, paused[run]
    return chosen


def _paused(slots: dict[int, Slot]) -> dict[str, FrozenTrial]:
    """The runs that a pruner stopped and nobody is taking on, each with its newest trial: equal proposals
    share a run, and a verdict is overruled by the promotion of a trial that is no older."""
    ended = sorted((slot.last for slot in slots.values()), key=lambda trial: trial.number)
    paused = {
        trial.user_attrs[RECORD]["run"]: trial
        for trial in ended
        if trial.state == TrialState.PRUNED and trial.user_attrs[RECORD]["kind"] == "pruned"
    }
    for slot in slots.values():
        if not slot.last.state.is_finished():
            promotes = slot.last.user_attrs.get(PROMOTES)
            known = [slot.last, *(trial for trial in slot.trials if trial.number == promotes)]
            for trial in known:
                paused.pop(trial.user_attrs.get(RECORD, {}).get("run"), None)
    return paused


def _broken(trial: FrozenTrial) -> bool:
    """Whether a curve ended in no number, which no further training mends."""
    return trial.last_step is not None and math.isnan(trial.intermediate_values[trial.last_step])


def _brackets(study: optuna.Study, pruner: Any) -> list[list[FrozenTrial]]:
    """The curves that compete with each other: all, or those of a Hyperband bracket."""
    trials = study.get_trials(deepcopy=False)
    if isinstance(pruner, SuccessiveHalvingPruner):
        return [trials]
    grouped: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        grouped[halving_rungs.bracket(pruner, study, trial)].append(trial)
    return list(grouped.values())
