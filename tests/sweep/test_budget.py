"""What a sweep has spent, read from its runs' ledgers, and when it is stopped."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from openrs.sweep import budget, tasks
from openrs.sweep.storage import open_storage


def ledger(folder, *stages, began=None):
    """Writes a run's ledger: (stage, device hours) each."""
    folder.mkdir(parents=True, exist_ok=True)
    began = began or datetime.now(UTC)
    with (folder / "cost.jsonl").open("a") as file:
        for number, (stage, hours) in enumerate(stages):
            line = {
                "stage": stage, "began": (began + timedelta(seconds=number)).isoformat(),
                "device_hours": hours, "dollars": 2 * hours, "seconds": 3600 * hours,
            }  # fmt: skip
            file.write(json.dumps(line) + "\n")


@pytest.fixture
def study(tmp_path):
    storage = open_storage(None, tmp_path / "sweep")
    return optuna.create_study(storage=storage, study_name="sweep", direction="maximize")


def ended(study, folder=None, state=TrialState.COMPLETE, **record):
    trial = study.ask()
    if folder:
        record |= {"folder": str(folder), "base": str(folder.with_name("base"))}
    if record:
        trial.set_user_attr(tasks.RECORD, record)
    study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state=state)


def test_killed_attempts_count_and_shared_runs_count_once(study, tmp_path):
    ended(study, state=TrialState.FAIL)  # killed: it left no record, but its run's ledger goes on
    run, base = tmp_path / "run", tmp_path / "base"
    ledger(run, ("train", 9.0), began=datetime.now(UTC) - timedelta(days=1))  # before the study
    ledger(run, ("train", 0.5), ("train", 0.25), ("evaluate step 50", 0.25))
    ledger(base, ("evaluate step 0", 0.125))
    ended(study, run, device_hours=0.375, money=0.75)
    ended(study, run, device_hours=0.0, money=0.0)  # answered from records
    assert budget.spent(study.trials) == {"device_hours": 1.125, "money": 2.25}
    assert budget.spent(study.trials, besides=run)["device_hours"] == 0.125


def test_records_say_it_where_the_ledger_is_elsewhere(study, tmp_path):
    ended(study, tmp_path / "not here", device_hours=0.5, money=None)
    assert budget.spent(study.trials) == {"device_hours": 0.5, "money": 0.0}


def test_a_running_trial_stops_at_the_budget_with_its_earlier_attempts(study, tmp_path):
    ended(study, tmp_path / "other", device_hours=0.5, money=1.0)
    run = tmp_path / "run"
    ledger(run, ("train", 0.25))
    config = SimpleNamespace(budget=SimpleNamespace(device_hours=1.0, money=None))
    told = {"study_name": "sweep", "storage": f"sqlite:///{tmp_path}/sweep/study.db"}
    look = budget.watch(config, run, told)
    assert look({"step": 1}) is None
    ledger(run, ("train", 0.25), began=datetime.now(UTC) + timedelta(hours=1))
    stop = look({"step": 2})
    assert (stop.kind, stop.reason) == ("budget", "budget.device_hours=1 is reached")


def test_what_is_reached_is_told_with_what_was_spent(study):
    ended(study, device_hours=2.0, money=4.0)
    assert budget.reached(SimpleNamespace(device_hours=3.0, money=None), study.trials) == ""
    told = budget.reached(SimpleNamespace(device_hours=None, money=4.0), study.trials)
    assert told == "budget.money=4 is reached (4 spent)"
