"""The sweeper as a user meets it: totals, re-runs, failures, retries, wrong input."""

import re
import time

import optuna
import pytest
from optuna.trial import TrialState

from openrs.studies.trials import ERROR, counts

pytestmark = pytest.mark.slow


def study_of(stub):
    (name,) = optuna.get_all_study_names(stub.storage)
    return optuna.load_study(study_name=name, storage=stub.storage)


def test_a_grid_visits_every_point_once_in_order_and_a_rerun_none(stub):
    made = stub.run("x=3,1,2", "y=0,1")
    assert made.returncode == 0, made.stderr
    points = ["3 0", "3 1", "1 0", "1 1", "2 0", "2 1"]
    assert stub.ran() == points
    again = stub.run("x=3,1,2", "y=0,1")
    assert again.returncode == 0
    assert stub.ran() == points
    assert "6 trials: 6 complete" in again.stderr
    assert "best value 0 0: x=2, y=0" in again.stderr
    assert (stub.folder / "sweep" / "optimization_results.yaml").read_text().count("best_value: 0.0") == 1


def test_n_trials_is_the_total_and_a_restart_proposes_nothing_twice(stub):
    common = ["x=interval(0,10)", "hydra/sweeper/sampler=tpe", "hydra.sweeper.sampler.seed=7"]
    assert stub.run(*common, "hydra.sweeper.n_trials=4").returncode == 0
    assert len(stub.ran()) == 4
    made = stub.run(*common, "hydra.sweeper.n_trials=7")
    assert made.returncode == 0, made.stderr
    assert len(set(stub.ran())) == len(stub.ran()) == 7
    assert stub.run(*common, "hydra.sweeper.n_trials=7").returncode == 0
    assert len(stub.ran()) == 7
    assert [trial.number for trial in study_of(stub).trials] == list(range(7))


def test_a_failed_trial_is_retried_up_to_the_cap_and_left_failed_with_its_error(stub):
    made = stub.run("x=0,1,2", "fail_at=1", "hydra.sweeper.retries=1")
    assert made.returncode == 1
    assert stub.ran() == ["0 0", "1 0", "1 0", "2 0"]
    found = study_of(stub).trials
    errors = [t.user_attrs[ERROR] for t in found if t.state == TrialState.FAIL]
    assert len(errors) == 2
    assert all("the stub was told to fail" in error for error in errors)
    assert "3 trials: 2 complete, 1 failed" in made.stderr
    stub.log.with_suffix(".mended").touch()
    mended = stub.run("x=0,1,2", "fail_at=1", "hydra.sweeper.retries=2")
    assert mended.returncode == 0, mended.stderr
    assert stub.ran()[-1] == "1 0"
    assert "3 trials: 3 complete" in mended.stderr


def test_one_point_that_fails_ends_no_sweep_and_the_command_again_tries_it_once_more(stub):
    made = stub.run("x=0,1", "fail_at=0")
    assert made.returncode == 1
    assert stub.ran() == ["0 0", "0 0", "0 0", "1 0"]
    assert "2 trials: 1 complete, 1 failed" in made.stderr
    assert stub.run("x=0,1", "fail_at=0").returncode == 1
    assert stub.ran() == ["0 0", "0 0", "0 0", "1 0", "0 0"]
    stub.log.with_suffix(".mended").touch()
    mended = stub.run("x=0,1", "fail_at=0")
    assert mended.returncode == 0, mended.stderr
    assert stub.ran()[5:] == ["0 0"]


def test_a_worker_does_not_forgive_what_failed_since_its_command_joined(stub):
    arguments = ["x=0,1", "fail_at=0", "hydra.sweeper.retries=0"]
    told = "hydra.sweeper.joined={forgiven:[],failed:0}"  # as a command of several workers says it
    assert stub.run(*arguments).returncode == 1
    assert stub.run(*arguments, told).returncode == 1
    assert stub.ran() == ["0 0", "1 0"]
    fast = stub.run("x=0,1,2", "fail_at=0", "hydra.sweeper.fail_fast=true")
    assert fast.returncode == 1
    assert stub.run("x=0,1,2", "fail_at=0", "hydra.sweeper.fail_fast=true", told).returncode == 1
    assert stub.ran() == ["0 0", "1 0", "0 0"], "another worker's failure ends this one too"


def test_a_failure_rate_counts_points_and_not_attempts(stub):
    made = stub.run("x=0,1,2", "fail_at=1", "hydra.sweeper.max_failure_rate=0.3")
    assert made.returncode == 1
    assert stub.ran() == ["0 0", "1 0", "1 0", "1 0"]


def test_a_machine_that_cannot_gives_its_trial_back_and_ends(stub):
    arguments = ["x=0,1,2", "unfit_at=1", "hydra.sweeper.retries=0"]
    made = stub.run(*arguments)
    assert made.returncode == 1
    assert "error: hardware=stub: this machine has no device. The trial was put back" in made.stderr
    assert "Traceback" not in made.stderr
    assert stub.ran() == ["0 0", "1 0"]
    assert counts(study_of(stub).trials, 3) == "3 trials: 1 complete, 1 stopped, 1 to go"
    stub.log.with_suffix(".mended").touch()
    mended = stub.run(*arguments)
    assert mended.returncode == 0, mended.stderr
    assert stub.ran() == ["0 0", "1 0", "1 0", "2 0"]
    assert "3 trials: 3 complete" in mended.stderr
    told = re.findall("trial .*", mended.stderr)
    assert told[:2] == ["trial 1: x=1", "trial 2: x=2"], "a trial has one name, however often it is tried"


def test_a_trial_that_was_given_away_is_told_and_the_sweep_goes_on(stub):
    worker = stub.start("x=0,1", "sleep=4", "hydra.sweeper.wait=false")
    for _ in range(200):
        if stub.ran():
            break
        time.sleep(0.1)
    study = study_of(stub)
    study.tell(0, state=TrialState.FAIL)  # as another worker does, that takes this one for dead
    _, told = worker.communicate(timeout=100)
    assert "trial 0 was given to another worker while this one stood still" in told
    assert "Traceback" not in told
    assert worker.returncode == 0, told
    assert stub.ran() == ["0 0", "0 0", "1 0"]


def test_fail_fast_ends_the_sweep(stub):
    made = stub.run("x=0,1,2", "fail_at=0", "hydra.sweeper.fail_fast=true")
    assert made.returncode == 1
    assert stub.ran() == ["0 0"]


def test_several_objectives_give_the_pareto_set(stub):
    made = stub.run("x=0,1", "y=0,1", "objectives=2", "hydra.sweeper.direction=[maximize,minimize]")
    assert made.returncode == 0, made.stderr
    assert "Pareto set" in made.stderr
    assert "1, 0: x=1, y=0" in made.stderr
    assert len(study_of(stub).best_trials) == 1


def test_a_study_of_another_space_is_refused(stub):
    assert stub.run("x=0,1", "hydra.sweeper.study_name=mine").returncode == 0
    made = stub.run("x=0,5", "hydra.sweeper.study_name=mine")
    assert made.returncode == 1
    assert (
        "error: hydra.sweeper.study_name=mine: the stored study sweeps x=0|1, this command x=0|5"
        in made.stderr
    )
    assert stub.ran() == ["0 0", "1 0"]
    other = stub.run("x=0,5")  # without a name the question has a study of its own
    assert other.returncode == 0, other.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["y=1"], "nothing is swept"),
        (["x=interval(0,1)", "hydra/sweeper/sampler=grid"], "x: an interval has no grid points"),
        (["x=0,1", "hydra/sweeper/sampler=cmaes"], "CmaEsSampler proposes numbers"),
        (["x=interval(0,1)", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0: must be"),
        (["x=0,1", "hydra.sweeper.storage=nonsense"], "hydra.sweeper.storage=nonsense: is no storage of"),
        (["x=0,1", "hydra/sweeper/pruner=threshold"], "hydra/sweeper/pruner: "),
        (["x=range(3,1)"], "at least one value"),
        (["x=0,1", "z=0,1"], "Could not override 'z'. Key 'z'"),
        (["x=interval(0,1)", "z=0,1"], "This is the point x=0.5 z=0. Nothing was run"),
        (["x=0,1", "hydra.sweeper.n_jobs=0"], "hydra.sweeper.n_jobs=0: must be 1 or more"),
        (["x=0,1", "hydra.sweeper.retries=-1"], "hydra.sweeper.retries=-1: must be 0 or more"),
        (["x=0,1", "hydra.sweeper.heartbeat=0"], "hydra.sweeper.heartbeat=0: must be 1 or more"),
        (["x=0,1", "hydra.sweeper.direction=upwards"], "hydra.sweeper.direction=upwards: must be min"),
        (["x=0,1", "hydra.sweeper.storage='journal:/nowhere/at/all'"], "cannot be opened (No such file"),
        (
            ["x=0,1", "hydra.sweeper.storage='grpc://127.0.0.1:9'"],
            "is no storage of sweeps. Give sqlite:",
        ),
        (
            ["x=0,1", "hydra.sweeper.storage='mysql://me@here/x'"],
            "or journal:PATH (a file in a shared",
        ),
    ],
)
def test_wrong_sweeps_are_one_clear_error_before_any_trial(stub, arguments, told):
    made = stub.run(*arguments)
    assert made.returncode == 1
    (line,) = [line for line in made.stderr.splitlines() if line.startswith("error:")]
    assert told in line
    assert "Traceback" not in made.stderr
    assert stub.ran() == []


def test_a_journal_file_can_keep_the_study(stub):
    storage = f"hydra.sweeper.storage='journal:{stub.folder}/journal.log'"
    assert stub.run("x=0,1", storage).returncode == 0
    assert stub.run("x=0,1", storage).returncode == 0
    assert stub.ran() == ["0 0", "1 0"]
