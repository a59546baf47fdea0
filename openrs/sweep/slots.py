"""Which trial comes next: the study's slots, their attempts, and what is still owed.

A study has `n_trials` slots. A slot is one proposal; its first trial and the retries that follow share
it, so totals are exact however often workers die. All of this runs under the study's lock.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.studies.liveness import lost

SLOT, FINAL, ERROR = "slot", "final", "error"
"""User attributes of a trial."""
RECORD, REPEATED, REASON, PROMOTES = "record", "repeated", "reason", "promotes"
PUT_BACK = "put back"
"""Set on a trial that asks to be continued and counts against no patience: the budget was reached, or its
worker's machine could not do it."""


@dataclass(frozen=True)
class Patience:
    """How often a slot is tried."""

    retries: int
    deaths: int
    forgiven: frozenset[int] = frozenset()
    """Numbers of trials that were left FAILED before this command started: whoever starts it again has mended
    something, so each gets one more try."""


@dataclass(frozen=True)
class Slot:
    """One proposal and its trials, in order."""

    number: int
    trials: tuple[FrozenTrial, ...]

    @property
    def last(self) -> FrozenTrial:
        """The trial that says how the slot stands."""
        return self.trials[-1]

    def owed(self, patience: Patience) -> bool:
        """Whether its last trial failed in a way that is to be tried again."""
        if self.last.state != TrialState.FAIL:
            return False
        if self.last.number in patience.forgiven or self.last.user_attrs.get(PUT_BACK):
            return True
        if self.last.user_attrs.get(FINAL):
            return False
        failed = [t for t in self.trials if t.state == TrialState.FAIL and not t.user_attrs.get(PUT_BACK)]
        died = sum(map(died_silently, failed))
        return died <= patience.deaths and len(failed) - died <= patience.retries


def died_silently(trial: FrozenTrial) -> bool:
    """Whether a FAILED trial ended with its process: nobody wrote down an error."""
    return not any(key in trial.user_attrs for key in (ERROR, PUT_BACK))


def slots(trials: list[FrozenTrial]) -> dict[int, Slot]:
    """The slots that have a trial."""
    grouped: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        if SLOT in trial.user_attrs:
            grouped[trial.user_attrs[SLOT]].append(trial)
    return {
        number: Slot(number, tuple(sorted(members, key=lambda t: t.number)))
        for number, members in sorted(grouped.items())
    }


def failures(study: optuna.Study) -> int:
    """Attempts that failed of themselves: no process died, and no worker gave its trial back."""
    ended = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return sum(ERROR in trial.user_attrs for trial in ended)


def left_failed(known: dict[int, Slot], patience: Patience) -> frozenset[int]:
    """Numbers of the last trials of the slots that failed and are not tried again."""
    last = [slot.last for slot in known.values() if not slot.owed(patience)]
    return frozenset(trial.number for trial in last if trial.state == TrialState.FAIL)


def reclaim(study: optuna.Study, mine: set[int], heartbeat: int) -> None:
    """Fails the running trials whose process is dead, so that they are taken up again.

    Args:
        study: the study.
        mine: numbers of the trials that this process has in flight.
        heartbeat: seconds between a worker's signs of life.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.number not in mine and lost(trial, heartbeat):
            study.tell(trial.number, state=TrialState.FAIL)


def enqueue_next(
    study: optuna.Study,
    *,
    total: int,
    params: Callable[[int], dict[str, Any]],
    patience: Patience,
    promotions: Callable[[dict[int, Slot]], FrozenTrial | None],
) -> bool:
    """Puts the next trial into the queue, if one is owed: a retry, a promotion, or a new slot.

    Args:
        study: the study; trials that wait already are next.
        total: number of slots.
        params: a new slot's number -> its params, empty to let the sampler propose.
        patience: how often a slot is tried.
        promotions: chooses a pruned trial whose run goes on.

    Returns:
        Whether a trial is waiting now.
    """
    trials = study.get_trials(deepcopy=False)
    if any(trial.state == TrialState.WAITING for trial in trials):
        return True
    known = slots(trials)
    for slot in known.values():
        if slot.number < total and slot.owed(patience):
            _again(study, slot.last, {})
            return True
    chosen = promotions(known)
    if chosen is not None:
        _again(study, chosen, {PROMOTES: chosen.number})
        return True
    fresh = next((number for number in range(total) if number not in known), None)
    if fresh is None:
        return False
    study.enqueue_trial(params(fresh), user_attrs={SLOT: fresh})
    return True


def _again(study: optuna.Study, trial: FrozenTrial, more: dict[str, Any]) -> None:
    """Enqueues another trial of the same slot; an earlier promotion's mark goes along."""
    kept = {key: trial.user_attrs[key] for key in (SLOT, PROMOTES) if key in trial.user_attrs}
    fixed = trial.system_attrs.get("fixed_params", {}) | trial.params
    study.add_trial(
        create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": fixed}, user_attrs=kept | more)
    )
