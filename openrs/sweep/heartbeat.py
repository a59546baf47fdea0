"""Signs of life of a running trial, for workers on other machines.

Databases have Optuna's heartbeat. A journal file and the gRPC proxy have none: there the worker writes the
time into the trial.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

GRACE = 4
"""Missed heartbeats after which a trial's process counts as dead."""

BEAT = "beat"
"""User attribute of a trial: when its worker was last seen, seconds since 1970."""


def has_heartbeat(storage: BaseStorage) -> bool:
    """Whether Optuna keeps heartbeats in this storage."""
    return getattr(storage, "get_heartbeat_interval", lambda: None)() is not None


@contextmanager
def beating(storage: BaseStorage, trial_id: int, seconds: float) -> Iterator[None]:
    """Writes the time into the trial every so many seconds, where Optuna does not."""
    if has_heartbeat(storage):
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        with suppress(UpdateFinishedTrialError):  # another worker took it for dead
            while True:
                storage.set_trial_user_attr(trial_id, BEAT, time.time())
                if ended.wait(seconds):
                    return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def stale_trials(study: optuna.Study, storage: BaseStorage, seconds: float) -> set[int]:
    """Ids of the running trials whose worker has not been seen for `GRACE` heartbeats.

    Args:
        seconds: between two heartbeats. Clocks of machines that share a journal must agree to within a few.
    """
    if has_heartbeat(storage):
        return set(storage._get_stale_trial_ids(study._study_id))  # type: ignore[attr-defined]
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    seen = {trial._trial_id: trial.user_attrs.get(BEAT) for trial in running}
    now = time.time()
    return {number for number, at in seen.items() if at is not None and now - at > GRACE * seconds}
