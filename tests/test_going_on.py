"""Interrupted, damaged, killed: what goes on is what an uninterrupted run would have been. Minutes: slow."""

import json
import os
import shutil
import signal
import time

import psutil
import pytest
from optuna.trial import TrialState

from openrs.records.run import Run, locked
from openrs.studies.trials import put_back
from tests.helpers import commands
from tests.helpers.jobs import SHORT, metrics, only_run, ranks_of, segments, weights
from tests.helpers.sweeps import TRAINING, start, study_of, sweep

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(1800)]

TRAIN = [*SHORT, "stages=[train]"]
LONG = [*TRAIN, "steps.save_every=6", "report_step=6"]
"""Nothing but an interruption saves a checkpoint before the end."""


def openrs(*arguments):
    done = commands.openrs(*arguments, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def logged(outputs, steps):
    files = outputs.glob("runs/exp*/train/metrics.jsonl")
    return any(file.read_text().count("\n") >= steps for file in files)


def signalled(process, happened, number):
    """Sends a signal as soon as something has happened; returns what the command said."""
    began = time.monotonic()
    while not happened():
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() - began < 900
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process.communicate(timeout=600)[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted training."""
    outputs = tmp_path_factory.mktemp("whole")
    openrs(*TRAIN, f"outputs={outputs}")
    return only_run(outputs)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A training to step 4, with checkpoints of steps 2 and 4."""
    outputs = tmp_path_factory.mktemp("short")
    openrs(*TRAIN, "steps.stop_at=4", f"outputs={outputs}")
    return outputs


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damaged", "reached"),
    [
        ({"checkpoint-4": shutil.rmtree}, 2),
        ({"checkpoint-4/rng_state.pth": os.unlink}, 2),
        ({"checkpoint-4/model.safetensors": cut}, 2),
        ({"checkpoint-4/optimizer.pt": cut, "checkpoint-2/scheduler.pt": os.unlink}, 0),
    ],
)
def test_a_damaged_checkpoint_costs_no_more_than_itself(whole, short, tmp_path, damaged, reached):
    outputs = shutil.copytree(short, tmp_path / "outputs")
    run = only_run(outputs)
    for name, damage in damaged.items():
        damage(run / "train" / name)
    told = openrs(*TRAIN, f"outputs={outputs}")
    assert f"training from step {reached} to 6" in told
    for name in damaged:
        step = name.split("/")[0].split("-")[1]
        assert ("cannot go on from step" in told) == ("/" in name)
        assert "/" not in name or f"training cannot go on from step {step}: " in told
    assert metrics(run) == metrics(whole)
    for step in (2, 4, 6):
        assert weights(run, step) == weights(whole, step)
    ends = [(segment["first_step"], segment["last_step"]) for segment in segments(run)]
    assert ends == ([(1, 2), (3, 6)] if reached else [(1, 6)])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_saves_a_checkpoint_to_go_on_from(whole, tmp_path, number, status):
    arguments = [*LONG, f"outputs={tmp_path}"]
    process = commands.start(*arguments)
    told = signalled(process, lambda: logged(tmp_path, 2), number)
    assert process.returncode == status, told
    run = only_run(tmp_path)
    ((step, marker),) = [
        (json.loads(path.read_text())["step"], json.loads(path.read_text()))
        for path in run.glob("train/checkpoint-*/whole.json")
    ]
    assert marker["interrupted"]
    assert "training saves a checkpoint at the end of its step" in told
    assert f"interrupted: {run.name}: the same command goes on from step {step}" in told
    assert not (run / "train.json").exists()
    assert f"training from step {step} to 6" in openrs(*arguments)
    assert [item["step"] for item in json.loads((run / "train.json").read_text())["checkpoints"]] == [6]
    assert [path.name for path in run.glob("train/checkpoint-*")] == ["checkpoint-6"]
    assert metrics(run) == metrics(whole)
    assert weights(run, 6) == weights(whole, 6)


def test_an_interruption_before_any_checkpoint_is_told_as_one(tmp_path):
    process = commands.start(*LONG, f"outputs={tmp_path}")
    told = signalled(process, lambda: list(tmp_path.glob("runs/exp3-*/run.json")), signal.SIGINT)
    assert process.returncode == 130
    name = only_run(tmp_path).name
    assert f"interrupted: {name}: no checkpoint was saved yet, so the same command starts training" in told


def test_an_interruption_of_several_processes_is_one_of_all(tmp_path):
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    small = [*LONG, "steps.total=4", "steps.save_every=4", "report_step=4", "algorithm.prompts_per_step=2"]
    openrs(*small, "hardware=cpux2", f"outputs={calm}")
    arguments = [*small, "hardware=cpux2", f"outputs={stormy}"]
    process = commands.start(*arguments)
    told = signalled(process, lambda: logged(stormy, 1), signal.SIGTERM)
    assert process.returncode == 143, told
    run = only_run(stormy)
    (checkpoint,) = run.glob("train/checkpoint-*")
    assert {path.name for path in checkpoint.glob("rng_state_*")} == {"rng_state_0.pth", "rng_state_1.pth"}
    step = checkpoint.name.split("-")[1]
    assert f"training from step {step} to 4" in openrs(*arguments)
    assert metrics(run) == metrics(only_run(calm))
    assert weights(run, 4) == weights(only_run(calm), 4)


def test_no_process_trains_once_the_run_of_a_killed_command_is_free(tmp_path):
    process = commands.start(*LONG, "hardware=cpux2", f"outputs={tmp_path}")
    began = time.monotonic()
    while not logged(tmp_path, 1):
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() - began < 900
        time.sleep(0.02)
    ranks = ranks_of(process)
    assert ranks.keys() == {0, 1}
    os.kill(process.pid, signal.SIGKILL)
    run = only_run(tmp_path)
    with locked(Run(run, "", {})):
        lines = metrics(run)
        # a process lets go of its locks as it dies, a moment before it is gone from the table of processes
        time.sleep(2)
        assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in ranks.values())
        assert metrics(run) == lines
    process.communicate()


def test_the_workers_of_an_interrupted_sweep_save_their_checkpoints(tmp_path):
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    grid = [*TRAINING, "steps.save_every=3", "report_step=3", "seed=1,2"]
    done = sweep(*grid, f"outputs={calm}")
    assert done.returncode == 0, done.stderr[-3000:]
    arguments = [*grid, "hydra.sweeper.n_jobs=2", f"outputs={stormy}"]
    process = start(*arguments)
    told = signalled(process, lambda: logged(stormy, 1), signal.SIGTERM)
    assert process.returncode == 143, told
    assert "ending: each worker that trains saves a checkpoint first" in told
    assert list(stormy.glob("runs/exp2-*/train/checkpoint-[12]/whole.json"))
    trials = study_of(stormy).trials
    assert all(trial.state != TrialState.RUNNING for trial in trials)
    assert all(put_back(trial) for trial in trials if trial.state == TrialState.FAIL)
    done = sweep(*arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    for run in calm.glob("runs/exp2-*"):
        assert metrics(stormy / "runs" / run.name) == metrics(run)
        assert weights(stormy / "runs" / run.name, 3) == weights(run, 3)
