"""Signs of life of a running trial, for workers on other machines; here its process can be looked at.

Databases have Optuna's heartbeat. A journal file and the gRPC proxy have none: there the worker writes the
time into the trial.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import TrialState

from openrs.sweep.process import WORKER, living

GRACE = 4
"""Missed heartbeats after which a trial's process counts as dead."""

BEAT = "beat"
"""User attribute of a trial: when its worker was last seen, seconds since 1970."""


class Database(RDBStorage):
    """A relational database as Optuna keeps studies in it.

    Optuna itself fails stale trials before it takes one, and a process of this machine that was suspended
    is stale, and goes on.
    """

    def record_heartbeat(self, trial_id: int) -> None:
        """Signs for a trial. One sign that a busy or restarting server missed must not be the last."""
        with suppress(StorageInternalError):
            super().record_heartbeat(trial_id)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        stale = super()._get_stale_trial_ids(study_id)
        return [number for number in stale if not living(self.get_trial(number).user_attrs.get(WORKER))]


def has_heartbeat(storage: BaseStorage) -> bool:
    """Whether Optuna keeps heartbeats in this storage."""
    return getattr(storage, "get_heartbeat_interval", lambda: None)() is not None


@contextmanager
def beating(storage: BaseStorage, trial_id: int, seconds: float) -> Iterator[None]:
    """Writes the time into the trial, now and every so many seconds, where Optuna does not."""
    if has_heartbeat(storage):
        yield
        return
    ended = threading.Event()
    storage.set_trial_user_attr(trial_id, BEAT, time.time())

    def beat() -> None:
        while not ended.wait(seconds):
            try:
                storage.set_trial_user_attr(trial_id, BEAT, time.time())
            except UpdateFinishedTrialError:
                return  # another worker took it for dead
            except Exception:  # whatever a proxy or a shared folder raises for a while
                continue

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def stale_trials(study: optuna.Study, storage: BaseStorage, seconds: float) -> set[int]:
    """Ids of the running trials whose worker has not been seen for `GRACE` heartbeats, and is not here.

    Args:
        seconds: between two heartbeats. Clocks of machines that share a journal must agree to within a few.
    """
    if has_heartbeat(storage):
        return set(storage._get_stale_trial_ids(study._study_id))  # type: ignore[attr-defined]
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    now = time.time()
    return {
        trial._trial_id
        for trial in running
        if now - trial.user_attrs.get(BEAT, now) > GRACE * seconds
        and not living(trial.user_attrs.get(WORKER))
    }
