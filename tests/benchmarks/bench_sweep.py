"""What the sweeper itself costs: per trial, on resuming a large study, and as waste of workers."""

import os
import shutil
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from openrs.studies.trials import RECORD, SLOT
from tests.helpers.sweep_fixtures import Stub, postgres  # noqa: F401
from tests.helpers.sweeps import TRAINING, sweep

pytestmark = pytest.mark.benchmark


def timed(stub, *arguments):
    began = time.perf_counter()
    made = stub.run(*arguments)
    assert made.returncode == 0, made.stderr
    return time.perf_counter() - began


def test_a_trial_costs_little_over_its_run(tmp_path):
    stub, number = Stub(tmp_path), 30
    arguments = [f"x=range(0,{number})"]
    whole = timed(stub, *arguments)
    again = timed(stub, *arguments)  # the finished study: start-up and report alone
    each = (whole - again) / number
    print(f"\n{number} stub trials {whole:.2f} s, finished study {again:.2f} s, {each:.3f} s a trial")
    assert each < 0.3


def test_a_thousand_finished_trials_are_resumed_in_seconds(tmp_path):
    stub = Stub(tmp_path)
    common = ["x=range(0,1000)", "hydra.sweeper.study_name=large"]
    timed(stub, *common, "hydra.sweeper.n_trials=1")
    study = optuna.load_study(study_name="large", storage=stub.storage)
    (first,) = study.trials
    for slot in range(1, 1000):
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE, params={"x": slot}, distributions=first.distributions,
                value=float(slot), user_attrs={SLOT: slot},
            )
        )  # fmt: skip
    seconds = timed(stub, *common)
    print(f"\n1,000 finished trials: resumed and reported in {seconds:.2f} s")
    assert len(stub.ran()) == 1
    assert seconds < 5


def test_a_thousand_finished_runs_with_a_budget_are_resumed_in_seconds(tmp_path):
    """Runs of openrs with records and ledgers of their own, a pruner and a budget, to their table."""
    common = [
        *TRAINING, "seed=range(0,1000)", "hydra.sweeper.study_name=large", f"outputs={tmp_path}",
        f"hydra.sweep.dir={tmp_path}/sweep", "budget.device_hours=1000", "hydra/sweeper/pruner=median",
    ]  # fmt: skip
    assert sweep(*common, "hydra.sweeper.n_trials=1").returncode == 0
    study = optuna.load_study(study_name="large", storage=f"sqlite:///{tmp_path}/sweep/study.db")
    (first,) = study.trials
    record = first.user_attrs[RECORD]
    for slot in range(1, 1000):
        folder = tmp_path / "runs" / f"exp2-{slot:08d}"
        folder.mkdir()
        shutil.copy(Path(record["folder"]) / "cost.jsonl", folder)
        more = {"run": f"{slot:08d}", "folder": str(folder)}
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE, params={"seed": slot}, distributions=first.distributions,
                value=float(slot), user_attrs={SLOT: slot, RECORD: record | more},
            )
        )  # fmt: skip
    began = time.perf_counter()
    made = sweep(*common)
    seconds = time.perf_counter() - began
    assert made.returncode == 0, made.stderr
    assert "1000 trials: 1000 complete" in made.stderr
    print(f"\n1,000 finished runs with records, ledgers and a budget: {seconds:.2f} s")
    assert seconds < 5


def test_four_workers_on_postgresql_waste_little(tmp_path, postgres):  # noqa: F811
    stub, workers, each, number = Stub(tmp_path), 4, 5.0, 64
    arguments = [f"x=range(0,{number})", f"sleep={each}", f"hydra.sweeper.storage={postgres()}"]
    began = time.perf_counter()
    running = [stub.start(*arguments) for _ in range(workers)]
    spent = 0.0
    for worker in running:
        _, err = worker.communicate(timeout=600)
        assert worker.returncode == 0, err
        spent += time.perf_counter() - began
    waste = 1 - number * each / spent
    print(
        f"\n{number} trials of {each} s by {workers} workers: {spent:.0f} s of worker time, waste {waste:.1%}"
    )
    assert len(stub.ran()) == number
    assert waste < 0.1, f"load {os.getloadavg()}"
