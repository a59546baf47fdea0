"""Whose trial is lost: signs of life in the storage, processes of this machine; who shares the lock."""

import os
import signal
import subprocess
import sys
import time

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from openrs.studies import liveness
from openrs.studies.liveness import BEAT, WORKER, dead, living, me
from openrs.studies.lock import Lock
from openrs.studies.storage import open_storage
from openrs.studies.trials import died
from openrs.sweep import slots

ELSEWHERE = me() | {"host": "node7 pid:[1]"}


@pytest.fixture
def study():
    return optuna.create_study(storage=optuna.storages.InMemoryStorage())


def running(study, worker):
    """A trial that this worker has signed."""
    trial = study.ask()
    trial.set_user_attr(WORKER, worker)
    return trial


def gone():
    """A process of this machine that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return me() | {"pid": process.pid}


def states(study):
    return [trial.state for trial in study.trials]


def test_a_process_is_known_by_machine_number_and_beginning():
    ended = gone()
    assert (dead(ended), living(ended)) == (True, False)
    assert (dead(me()), living(me())) == (False, True)
    assert (dead(ELSEWHERE), living(ELSEWHERE)) == (False, False), "only its heartbeat tells"
    assert dead(me() | {"began": 0.0}), "the number was given to another process"
    assert not living(None)


def test_a_dead_worker_loses_its_trial_and_a_living_one_keeps_it(study):
    for worker in (gone(), me(), None):
        running(study, worker)
    slots.reclaim(study, set(), 15)
    assert states(study) == [TrialState.FAIL, TrialState.RUNNING, TrialState.FAIL]
    assert died(study.trials[0])


@pytest.mark.parametrize("kind", ["journal:", "sqlite:///"])
def test_a_suspended_worker_of_this_machine_keeps_its_trial_and_a_silent_one_elsewhere_loses_it(
    tmp_path, monkeypatch, kind
):
    study = optuna.create_study(storage=open_storage(f"{kind}{tmp_path}/study", tmp_path))
    for worker in (me(), ELSEWHERE):
        with liveness.beating(running(study, worker), 100):
            pass
    slots.reclaim(study, set(), 100)
    assert states(study) == [TrialState.RUNNING, TrialState.RUNNING]
    later = time.time() + 401
    monkeypatch.setattr(liveness.time, "time", lambda: later)
    slots.reclaim(study, set(), 100)
    assert states(study) == [TrialState.RUNNING, TrialState.FAIL]


def test_a_worker_elsewhere_that_never_gave_a_sign_loses_its_trial(study, monkeypatch):
    trial = running(study, ELSEWHERE)
    assert BEAT not in trial.user_attrs
    slots.reclaim(study, set(), 100)
    later = time.time() + 401
    monkeypatch.setattr(liveness.time, "time", lambda: later)
    slots.reclaim(study, set(), 100)
    assert states(study) == [TrialState.FAIL]


class Faulty:
    """A trial whose third sign of life fails, as the server restarts, and whose fifth finds it ended."""

    def __init__(self):
        self.written = 0

    def set_user_attr(self, key, value):
        self.written += 1
        if self.written == 3:
            raise ConnectionError("the server closed the connection")
        if self.written == 5:
            raise UpdateFinishedTrialError


def test_signs_of_life_go_on_after_one_that_failed_and_end_with_the_trial():
    trial = Faulty()
    with liveness.beating(trial, 0.001):
        while trial.written < 5:
            time.sleep(0.001)
    assert trial.written == 5


@pytest.mark.parametrize("kind", ["journal:", "sqlite:///"])
def test_the_lock_is_beside_the_file_that_workers_share(tmp_path, kind):
    assert Lock(f"{kind}{tmp_path}/shared.log", "a/b").path == tmp_path / ".a_b.lock"


@pytest.mark.slow
def test_a_worker_that_is_suspended_past_the_grace_goes_on_with_its_trial(stub):
    arguments = ["x=0,1", "sleep=2", "hydra.sweeper.heartbeat=1"]
    first = stub.start(*arguments)
    while not stub.ran():
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGSTOP)
    time.sleep(1.1 * liveness.GRACE + 2)  # seconds: its last sign of life is stale by then
    second = stub.run(*arguments, "hydra.sweeper.wait=false")
    assert "2 trials: 1 complete, 1 running" in second.stderr
    assert stub.ran() == ["0 0", "1 0"]
    os.kill(first.pid, signal.SIGCONT)
    _, told = first.communicate(timeout=60)
    assert first.returncode == 0, told
    assert "2 trials: 2 complete" in told
    assert stub.ran() == ["0 0", "1 0"]
