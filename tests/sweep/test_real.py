"""Sweeps of real nano runs: killed and taken up, pruned and promoted, answered from records."""

import json
import sqlite3
from contextlib import closing, suppress

import pytest
from optuna.trial import TrialState

from openrs.studies.trials import PROMOTES, RECORD, died
from openrs.sweep.run_curves import STOP
from tests.helpers import commands
from tests.helpers.jobs import metrics, segments
from tests.helpers.sweeps import SMALL, TRAINING, killed_when, study_of, sweep

pytestmark = [pytest.mark.slow, pytest.mark.chaos]


def test_a_killed_sweep_goes_on_and_ends_as_an_undisturbed_one(tmp_path):
    arguments = [*SMALL, "seed=1,2", f"outputs={tmp_path}", "objective=[average,device_hours]"]
    killed_when(lambda: list(tmp_path.glob("runs/exp2-*/train/checkpoint-1/whole.json")), *arguments)
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    study = study_of(tmp_path)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert died(study.trials[0])
    assert study.trials[1].params == study.trials[0].params
    assert "2 trials: 2 complete" in made.stderr
    assert "Pareto set of average, device_hours" in made.stderr
    assert len(list(tmp_path.glob("sweeps/*/pareto.svg"))) == 1
    assert "| all (2 runs) |" in made.stdout, "two seeds are two replicates of one level"
    assert len(list(tmp_path.glob("runs/exp2-*"))) == 2
    first = next(path for path in tmp_path.glob("runs/exp2-*") if len(segments(path)) == 2)
    assert [(s["first_step"], s["last_step"]) for s in segments(first)] == [(1, 1), (2, 2)]
    # another question over the same recipes trains nothing
    other = sweep(*[a for a in arguments if not a.startswith("objective")])
    assert other.returncode == 0, other.stderr[-3000:]
    assert "2 complete (2 answered from records)" in other.stderr
    assert [len(segments(path)) for path in tmp_path.glob("runs/exp2-*")].count(2) == 1


def test_a_collapsed_run_stops_with_its_reason_in_the_record(tmp_path):
    arguments = [
        *SMALL, "steps.total=3", "stages=[train]", "objective=reward", "collapse.window=1",
        "algorithm.learning_rate=1e-4,1e-5", "collapse.length_above=0.01", f"outputs={tmp_path}",
    ]  # fmt: skip
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    assert [trial.state for trial in study_of(tmp_path).trials] == [TrialState.PRUNED] * 2
    for folder in tmp_path.glob("runs/exp2-*"):
        record = json.loads((folder / "train.json").read_text())
        assert record["last_step"] == record["stopped"]["step"] == 1
        assert record["stopped"]["kind"] == "collapse"
        assert "completions grew" in record["stopped"]["reason"]
        assert all("foreign_share" in line for line in metrics(folder))


def test_halving_pauses_runs_and_promotes_by_extending_them(tmp_path):
    """With the learning rate as the signal the order is known: the second run is paused at the first
    rung as one of two, and goes on once it is one of the best two of four."""
    arguments = [
        *SMALL, "steps.total=4", "stages=[train]", "objective=reward", f"outputs={tmp_path}",
        "algorithm.learning_rate=1e-4,1e-5,1e-6,1e-7", "hydra/sweeper/pruner=halving",
        "hydra.sweeper.pruner.min_resource=2", "hydra.sweeper.pruner.reduction_factor=2",
        "hydra.sweeper.pruner.bootstrap_count=0",
        "hydra.sweeper.signal=learning_rate",
    ]  # fmt: skip
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    trials = study_of(tmp_path).trials
    complete, pruned = TrialState.COMPLETE, TrialState.PRUNED
    assert [trial.state for trial in trials] == [complete, pruned, pruned, pruned, complete]
    promoted = trials[4]
    assert promoted.user_attrs[PROMOTES] == 1
    assert promoted.params == trials[1].params
    (folder,) = tmp_path.glob(f"runs/exp2-{promoted.user_attrs[RECORD]['run'][:8]}")
    assert [(s["first_step"], s["last_step"]) for s in segments(folder)] == [(1, 2), (3, 4)]
    assert "4 trials: 2 complete, 2 pruned" in made.stderr


STOPPING = [
    *SMALL, "steps.total=4", "stages=[train]", "objective=reward",
    "algorithm.learning_rate=1e-4,1e-5", "hydra/sweeper/pruner=halving",
    "hydra.sweeper.pruner.min_resource=2", "hydra.sweeper.pruner.bootstrap_count=0",
    "hydra.sweeper.signal=learning_rate",
]  # fmt: skip
"""Of two runs halving stops the second at its second step."""


def test_a_run_that_was_stopped_stays_so_when_its_process_is_killed_at_once(tmp_path):
    arguments = [*STOPPING, f"outputs={tmp_path}"]
    killed_when(lambda: _stops(tmp_path), *arguments)
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "2 trials: 1 complete, 1 pruned" in made.stderr
    stopped = study_of(tmp_path).trials[-1]
    assert stopped.state == TrialState.PRUNED
    (folder,) = tmp_path.glob(f"runs/exp2-{stopped.user_attrs[RECORD]['run'][:8]}")
    assert [line["step"] for line in metrics(folder)] == [1, 2]


def test_the_seeds_of_a_stopped_point_never_start_whatever_is_killed(tmp_path):
    arguments = [*STOPPING, f"outputs={tmp_path}", "replicates=2"]
    killed_when(lambda: _stops(tmp_path), *arguments)
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "trial 3 pruned: not started, as trial 2, an earlier seed of its point, was stopped" in made.stderr
    assert "4 trials: 2 complete, 2 pruned" in made.stderr
    assert "(mean of 2 runs)" in made.stderr
    logged = sorted(len(metrics(folder)) for folder in tmp_path.glob("runs/exp2-*"))
    assert logged == [2, 4, 4], "of the stopped point one run has begun"
    again = sweep(*arguments)
    assert (again.returncode, again.stdout) == (0, made.stdout)


def _stops(outputs):
    """Curves with a stop."""
    for database in outputs.glob("sweeps/*/study.db"):
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=10)) as opened:
            query = "SELECT count(*) FROM trial_user_attributes WHERE key = ?"
            return opened.execute(query, (STOP,)).fetchone()[0]
    return 0


def test_the_plan_of_a_sampler_counts_runs_that_are_to_be_drawn(tmp_path):
    common = [*TRAINING, "steps.stop_at=1", f"outputs={tmp_path}"]
    drawn = [*common, "algorithm.learning_rate=interval(1e-5,1e-4)", "hydra/sweeper/sampler=random"]
    assert sweep(*common, "seed=42,43").returncode == 0
    new = sweep(*drawn, "hydra.sweeper.n_trials=3", "dry_run=true")
    assert "to do     3 training steps" in new.stdout, "the run of the common settings is none of them"
    assert sweep(*drawn, "hydra.sweeper.n_trials=1").returncode == 0
    begun = sweep(*drawn, "hydra.sweeper.n_trials=3", "dry_run=true")
    assert "so far    3 trials: 1 complete, 2 to go" in begun.stdout, begun.stderr
    assert "to do     2 training steps" in begun.stdout


def test_the_table_of_a_finished_sweep_needs_no_right_to_write(tmp_path):
    arguments = [*TRAINING, "steps.stop_at=1", "seed=1,2", f"outputs={tmp_path}"]
    done = sweep(*arguments)
    again = commands.openrs(str(tmp_path), "-m", *arguments, module="tests.helpers.rights")
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr[-3000:]
    (folder,) = tmp_path.glob("sweeps/*")
    assert (
        f"{folder}: cannot be written to (Permission denied), so only what is there is shown" in again.stderr
    )
    assert f"not written: {folder}/optimization_results.yaml (Permission denied)" in again.stderr
    assert "sweep: 2 trials: 2 complete" in again.stderr
    owing = commands.openrs(str(tmp_path), "-m", *arguments, "seed=1,2,3", module="tests.helpers.rights")
    assert (owing.returncode, owing.stdout) == (1, "")
