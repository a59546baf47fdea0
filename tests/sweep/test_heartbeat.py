"""Whose trial is lost: signs of life in the storage, processes of this machine; who shares the lock."""

import os
import signal
import subprocess
import sys
import time
import warnings

import optuna
import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from openrs.processes.vllm_server import free_port
from openrs.sweep import heartbeat, slots
from openrs.sweep.process import WORKER, dead, living, me
from openrs.sweep.storage import Lock, one_machine, open_storage

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
    slots.reclaim(study, study._storage, set(), 15)
    assert states(study) == [TrialState.FAIL, TrialState.RUNNING, TrialState.FAIL]
    assert study.trials[0].user_attrs[slots.DIED]


def long_ago(storage):
    """Lets no worker have been seen since 2000."""
    with storage.engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00.0'"))


def test_a_suspended_worker_of_this_machine_keeps_its_trial_and_a_silent_one_elsewhere_loses_it(tmp_path):
    storage = open_storage(None, tmp_path, 15)
    study = optuna.create_study(storage=storage)
    warnings.simplefilter("ignore")  # of Optuna, that heartbeats are for `optimize`
    for worker in (me(), ELSEWHERE):
        storage.record_heartbeat(running(study, worker)._trial_id)
    slots.reclaim(study, storage, set(), 15)
    assert states(study) == [TrialState.RUNNING, TrialState.RUNNING]
    long_ago(storage)
    optuna.storages.fail_stale_trials(study)  # as Optuna does before it takes a trial
    slots.reclaim(study, storage, set(), 15)
    assert states(study) == [TrialState.RUNNING, TrialState.FAIL]


def test_a_heartbeat_outlives_an_outage_of_the_database(tmp_path, monkeypatch):
    storage = open_storage(None, tmp_path, 15)

    def down(self, trial_id):
        raise StorageInternalError("the server closed the connection")

    monkeypatch.setattr(RDBStorage, "record_heartbeat", down)
    storage.record_heartbeat(0)


def test_a_journal_keeps_signs_of_life(tmp_path, monkeypatch):
    storage = open_storage(f"journal:{tmp_path}/log", tmp_path)
    study = optuna.create_study(storage=storage)
    here, there = running(study, me()), running(study, ELSEWHERE)
    with heartbeat.beating(storage, here._trial_id, 100), heartbeat.beating(storage, there._trial_id, 100):
        pass
    assert heartbeat.stale_trials(study, storage, 100) == set()
    later = time.time() + 401
    monkeypatch.setattr(heartbeat.time, "time", lambda: later)
    assert heartbeat.stale_trials(study, storage, 100) == {there._trial_id}
    slots.reclaim(study, storage, set(), 100)
    assert states(study) == [TrialState.RUNNING, TrialState.FAIL]


class Faulty:
    """A storage without heartbeats whose third write fails, and whose fifth finds the trial ended."""

    def __init__(self):
        self.written = 0

    def set_trial_user_attr(self, trial_id, key, value):
        self.written += 1
        if self.written == 3:
            raise ConnectionError("the proxy restarts")
        if self.written == 5:
            raise UpdateFinishedTrialError


def test_signs_of_life_go_on_after_one_that_failed_and_end_with_the_trial():
    storage = Faulty()
    with heartbeat.beating(storage, 0, 0.001):
        while storage.written < 5:
            time.sleep(0.001)
    assert storage.written == 5


@pytest.mark.parametrize("kind", ["journal:", "sqlite:///"])
def test_the_lock_is_beside_the_file_that_workers_share(tmp_path, kind):
    storage = open_storage(f"{kind}{tmp_path}/shared.log", tmp_path)
    one, other = (Lock(storage, "a/b", tmp_path / name) for name in ("here", "there"))
    assert one.path == other.path == tmp_path / ".a_b.lock"


def test_several_machines_behind_a_proxy_are_refused(study, monkeypatch):
    trial = running(study, me())
    one_machine(study._storage, study)
    monkeypatch.setattr(optuna.storages, "GrpcStorageProxy", type(study._storage))
    one_machine(study._storage, study)
    trial.set_user_attr(WORKER, ELSEWHERE)
    with pytest.raises(ValueError, match="node7 runs trial 0 .* the database's own URL"):
        one_machine(study._storage, study)


PROXY = """
import sys, optuna
storage = optuna.storages.RDBStorage(sys.argv[1])
optuna.storages.run_grpc_proxy_server(storage, host="127.0.0.1", port=int(sys.argv[2]))
"""


@pytest.fixture
def proxy(tmp_path):
    """The address of Optuna's gRPC proxy over a SQLite file."""
    port = free_port()
    command = [sys.executable, "-c", PROXY, f"sqlite:///{tmp_path}/behind.db", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"grpc://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.mark.slow
def test_workers_of_one_machine_share_a_study_through_a_proxy(stub, proxy):
    arguments = ["x=range(0,6)", "sleep=0.2", f"hydra.sweeper.storage='{proxy}'"]
    workers = [stub.start(*arguments) for _ in range(2)]
    for worker in workers:
        _, told = worker.communicate(timeout=120)
        assert worker.returncode == 0, told
    assert sorted(stub.ran()) == [f"{x} 0" for x in range(6)]


@pytest.mark.slow
def test_a_worker_that_is_suspended_past_the_grace_goes_on_with_its_trial(stub):
    arguments = ["x=0,1", "sleep=2", "hydra.sweeper.heartbeat=1"]
    first = stub.start(*arguments)
    while not stub.ran():
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGSTOP)
    time.sleep(1.1 * heartbeat.GRACE + 2)  # seconds: its last sign of life is stale by then
    second = stub.run(*arguments, "hydra.sweeper.wait=false")
    assert "2 trials: 1 complete, 1 running" in second.stderr
    assert stub.ran() == ["0 0", "1 0"]
    os.kill(first.pid, signal.SIGCONT)
    _, told = first.communicate(timeout=60)
    assert first.returncode == 0, told
    assert "2 trials: 2 complete" in told
    assert stub.ran() == ["0 0", "1 0"]
