"""A pruner's verdict on a run, kept before anything acts on it.

Halving notes that a rung is passed while it is asked, and is not asked again. A process that is killed
between its answer and the end of the trial would go on as though it had been let through. So what a
pruner notes is held back, and a stop is stored first, in one write. Whoever takes the run up later finds
it: the retry of a trial whose process died, another trial of an equal recipe. A promotion alone goes on.
"""

from copy import copy
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

VERDICT = "verdict"
"""User attribute of a curve: why and where its run was stopped."""


@dataclass(frozen=True)
class Verdict:
    """A stop."""

    reason: str
    step: int
    """The training step after which it was given."""
    trial: int
    """Number of the sweep's trial that was running."""
    rungs: dict[str, float]
    """What halving noted with it: Optuna's system attributes of the rungs, and the values there."""


class _Held:
    """A study's storage, but for the rungs that a pruner notes, which are held back."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.rungs: dict[str, float] = {}

    def set_trial_system_attr(self, trial_id: int, key: str, value: float) -> None:
        """Keeps it here."""
        self.rungs[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def ask(study: optuna.Study, curve: FrozenTrial, reason: str, step: int, trial: int) -> Verdict | None:
    """Asks the pruner about a curve and stores its answer; None: the run goes on.

    Args:
        study: of the curves, with its pruner.
        curve: as the storage has it now.
        reason: what a stop says.
        step: the training step that the run is at.
        trial: number of the sweep's trial.
    """
    held, asked = _Held(study._storage), copy(study)
    asked._storage = held  # type: ignore[assignment]
    verdict = None
    if study.pruner.prune(asked, curve):
        verdict = Verdict(reason, step, trial, held.rungs)
        study._storage.set_trial_user_attr(curve._trial_id, VERDICT, asdict(verdict))
    note(study._storage, curve, held.rungs)
    return verdict


def stored(study: optuna.Study, curve: FrozenTrial) -> Verdict | None:
    """The last verdict on a curve, its rungs noted by now even if its process died first."""
    kept = curve.user_attrs.get(VERDICT)
    if kept is None:
        return None
    verdict = Verdict(**kept)
    note(study._storage, curve, verdict.rungs)
    return verdict


def note(storage: BaseStorage, curve: FrozenTrial, rungs: dict[str, float]) -> None:
    """Stores rungs of a curve that it does not have yet."""
    for key, value in rungs.items():
        if key not in curve.system_attrs:
            storage.set_trial_system_attr(curve._trial_id, key, value)
