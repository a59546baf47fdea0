"""Promotion: a run that halving stopped goes on once it belongs to the best of its rung.

Optuna stops a trial that is not among the best 1/reduction_factor *so far* and never comes back to it.
In asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2) the trial is only paused.
Here the pruner is asked about the paused run again, as though it had not been asked at the last rung. A
promotion is a new trial of the same slot, on the same run.
"""

import math

from omegaconf import DictConfig
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from openrs.studies.trials import PROMOTES, RECORD, Slot
from openrs.sweep.run_curves import HALVING, RUN, copied, curves, rungs_of
from openrs.sweep.sampler import make_pruner


def next_promotion(
    settings: DictConfig, name: str, storage: BaseStorage, slots: dict[int, Slot], best: bool = False
) -> FrozenTrial | None:
    """The pruned trial whose run is to go on, the highest rung and the best value first.

    Args:
        settings: the pruner's.
        name: of the sweep's study.
        storage: where both studies are.
        slots: the sweep's slots.
        best: the first of them goes on whatever the pruner says, as nothing else is left to do and no point
            has come to its end: too few passed a rung for the pruner to let one go on.
    """
    pruner = make_pruner(settings)
    paused = _paused(slots) if isinstance(pruner, HALVING) else {}
    if not paused:
        return None
    study = curves(storage, name, pruner)
    stopped = [
        curve
        for curve in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if curve.user_attrs.get(RUN) in paused and rungs_of(curve)
    ]
    for curve in sorted(stopped, key=_place, reverse=True):
        trial = paused[curve.user_attrs[RUN]]
        if best and not math.isnan(_place(curve)[1]):
            return trial
        *before, _ = rungs_of(curve).items()
        _, copy = copied(study, curve.number, curve.intermediate_values, dict(before))
        if not copy.should_prune():
            return trial
    return None


def _run(trial: FrozenTrial) -> str:
    return str(trial.user_attrs.get(RECORD, {}).get("run", ""))


def _place(curve: FrozenTrial) -> tuple[int, float]:
    """How far a curve came: its rungs, and its signal at the last one."""
    rungs = list(rungs_of(curve).values())
    return len(rungs), rungs[-1]


def _paused(slots: dict[int, Slot]) -> dict[str, FrozenTrial]:
    """The runs that a pruner stopped and nobody takes on, each with its newest trial. Equal proposals
    share a run, and a stop is overruled by the promotion of a trial that is no older."""
    ended = sorted((slot.last for slot in slots.values()), key=lambda trial: trial.number)
    paused = {
        _run(trial): trial
        for trial in ended
        if trial.state == TrialState.PRUNED and trial.user_attrs.get(RECORD, {}).get("kind") == "pruned"
    }
    for slot in slots.values():
        if not slot.last.state.is_finished():
            promotes = slot.last.user_attrs.get(PROMOTES)
            working = [slot.last, *(trial for trial in slot.trials if trial.number == promotes)]
            for trial in working:
                paused.pop(_run(trial), None)
    return paused
