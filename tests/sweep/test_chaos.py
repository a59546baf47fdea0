"""Two workers, killed with -9 at ten random moments, end with the table of an undisturbed sweep."""

import json
import os
import random
import signal
import subprocess
import time
from contextlib import suppress

import pytest
from optuna.trial import TrialState

from tests.helpers.jobs import metrics, segments
from tests.helpers.sweeps import TRAINING, start, study_of, sweep

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(3600)]

GRID = ["algorithm.learning_rate=1e-4,3e-5,1e-5", "seed=1,2,3,4"]
KILLS = 10


def steps_logged(outputs):
    """Steps in all metrics.jsonl."""
    return sum(path.read_text().count("\n") for path in outputs.glob("runs/exp2-*/train/metrics.jsonl"))


def kill(worker):
    """Kills the worker and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()


def disturbed(arguments, outputs, chance):
    """Runs the sweep with two workers; each kill comes some steps of training after the one before."""
    workers = [start(*arguments) for _ in range(2)]
    for number in range(KILLS):
        began, moment = time.monotonic(), 3 * number  # of 36 steps in all
        while steps_logged(outputs) < moment and time.monotonic() - began < 200:
            assert any(worker.poll() is None for worker in workers), "it ended before it was killed"
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.4 if number else 4.0))  # the first: while it starts
        victims = chance.choice([[0], [1], [0, 1]])
        for index in victims:
            kill(workers[index])
            workers[index] = start(*arguments)
    return [(worker.communicate(timeout=1500)[1], worker.returncode) for worker in workers]


def test_a_sweep_that_is_killed_ten_times_ends_as_an_undisturbed_one(tmp_path):
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    made = sweep(*TRAINING, *GRID, f"outputs={calm}", timeout=1500)
    assert made.returncode == 0, made.stderr[-3000:]
    seed = random.randrange(10**6)
    print(f"random seed {seed}")
    ended = disturbed([*TRAINING, *GRID, f"outputs={stormy}"], stormy, random.Random(seed))
    assert [status for _, status in ended] == [0, 0], ended[0][0][-2000:] + ended[1][0][-2000:]
    assert "12 trials: 12 complete" in ended[0][0] + ended[1][0]

    states = [trial.state for trial in study_of(stormy).trials]
    assert states.count(TrialState.COMPLETE) == 12
    assert set(states) <= {TrialState.COMPLETE, TrialState.FAIL}, "no trial is left running"
    tables = {path.name: path.read_text() for path in (calm / "tables").glob("*.md")}
    assert tables
    assert {path.name: path.read_text() for path in (stormy / "tables").glob("*.md")} == tables
    runs = {path.name for path in calm.glob("runs/exp2-*")}
    assert {path.name for path in stormy.glob("runs/exp2-*")} == runs
    for name in runs:
        run = stormy / "runs" / name
        assert metrics(run) == metrics(calm / "runs" / name)
        ends = [(segment["first_step"], segment["last_step"]) for segment in segments(run)]
        trained = [step for first, last in ends for step in range(first, last + 1)]
        assert trained == [1, 2, 3], "each step of each recipe counts once"
    records = {path.relative_to(calm) for path in calm.glob("runs/**/*.json")}
    assert {path.relative_to(stormy) for path in stormy.glob("runs/**/*.json")} == records
    for path in records:
        assert json.loads((stormy / path).read_text()), "a record is whole, or it is not there"
    assert not _running_processes(stormy)


def _running_processes(outputs):
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"outputs={outputs}" in line]
