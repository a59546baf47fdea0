"""Several workers on one study, with a real PostgreSQL server and with SQLite; one is killed with -9."""

import os
import signal
import time

import optuna
import pytest
from optuna.trial import TrialState

from openrs.studies.trials import died

pytestmark = pytest.mark.slow

GRID = ["x=range(0,8)", "y=0,1,2"]
POINTS = [f"{x} {y}" for x in range(8) for y in range(3)]


def trials(storage):
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).trials


def killed_midway(stub, storage, *more):
    """Three workers, of which one is killed while it runs a trial."""
    arguments = [*GRID, "sleep=0.5", f"hydra.sweeper.storage={storage}", *more]
    workers = [stub.start(*arguments) for _ in range(3)]
    victim = workers[0]
    began = time.monotonic()
    while not any(line.endswith(f" {victim.pid}") for line in lines(stub)):
        assert time.monotonic() - began < 60
        assert victim.poll() is None, victim.communicate()
        time.sleep(0.02)
    time.sleep(0.1)
    os.kill(victim.pid, signal.SIGKILL)
    ended = [worker.communicate(timeout=120) for worker in workers]
    return workers, ended


def lines(stub):
    return stub.log.read_text().splitlines() if stub.log.exists() else []


@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
@pytest.mark.chaos
def test_three_workers_do_every_point_once_though_one_is_killed(kind, request, stub):
    storage = request.getfixturevalue("postgres")() if kind == "postgres" else stub.storage
    (stub.folder / "sweep").mkdir()
    workers, ended = killed_midway(stub, storage)
    assert [worker.returncode for worker in workers] == [-9, 0, 0], ended
    assert "sweep: 24 trials: 24 complete" in ended[1][1]
    found = trials(storage)
    complete = [t for t in found if t.state == TrialState.COMPLETE]
    assert sorted(f"{t.params['x']} {t.params['y']}" for t in complete) == sorted(POINTS)
    (lost,) = [t for t in found if t.state == TrialState.FAIL]
    assert died(lost)
    assert len(found) == 25
    # every point was started once, that of the killed worker twice
    twice = f"{lost.params['x']} {lost.params['y']}"
    assert sorted(stub.ran()) == sorted([*POINTS, twice])
    assert len({line.rsplit(" ", 1)[1] for line in lines(stub)}) == 3, "every worker had trials"


def test_a_point_that_kills_its_worker_is_taken_up_by_another(stub, postgres):
    storage = postgres()
    arguments = ["x=0,1,2,3", "die_at=1", "sleep=0.2", f"hydra.sweeper.storage={storage}"]
    workers = [stub.start(*arguments) for _ in range(2)]
    codes = [(worker.communicate(timeout=120), worker.returncode)[1] for worker in workers]
    assert sorted(codes) == [-9, 0]
    assert sorted(set(stub.ran())) == ["0 0", "1 0", "2 0", "3 0"]
    assert len(stub.ran()) == 5


def test_a_sampler_shares_its_total_among_workers(stub, postgres):
    storage = postgres()
    arguments = [
        "x=interval(0,10)", "hydra/sweeper/sampler=tpe", "hydra.sweeper.sampler.seed=1",
        "hydra.sweeper.n_trials=12", f"hydra.sweeper.storage={storage}",
    ]  # fmt: skip
    workers = [stub.start(*arguments) for _ in range(3)]
    for worker in workers:
        _, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
    assert len(trials(storage)) == 12
    assert len(set(stub.ran())) == 12


def test_a_server_that_is_down_is_one_clear_error(stub):
    made = stub.run("x=0,1", "hydra.sweeper.storage='postgresql+psycopg://me:secret@127.0.0.1:9/none'")
    assert made.returncode == 1
    (line,) = [line for line in made.stderr.splitlines() if line.startswith("error:")]
    assert "hydra.sweeper.storage=postgresql+psycopg://me:***@127.0.0.1:9/none" in line
    assert "Traceback" not in made.stderr
    assert "secret" not in made.stderr
    assert stub.ran() == []
