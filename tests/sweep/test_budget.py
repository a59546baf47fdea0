"""What a sweep has spent, read from its runs' ledgers, and when it is stopped."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.analysis.card import card
from openrs.cost.estimate import Estimate, Work
from openrs.cost.rates import Rate
from openrs.errors import Mistake
from openrs.studies import spending
from openrs.studies.storage import open_storage
from openrs.studies.trials import RECORD
from openrs.sweep import budget
from openrs.sweep import trial as job
from openrs.sweep.link import StudyLink
from tests.helpers.plans import Study, plan_of


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
        trial.set_user_attr(RECORD, record)
    study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state=state)


def test_every_attempt_counts_from_its_start_and_shared_runs_count_once(study, tmp_path):
    """A trial says where its run is as it starts: what ran, failed or was killed is in the run's ledger."""
    run, base, other = tmp_path / "run", tmp_path / "base", tmp_path / "other"
    ledger(run, ("train", 9.0), began=datetime.now(UTC) - timedelta(days=1))  # before the study
    ended(study, run, state=TrialState.FAIL)  # killed, or an error: nothing but its address
    ledger(run, ("train", 0.5), ("train", 0.25), ("evaluate step 50", 0.25))
    ledger(base, ("evaluate step 0", 0.125))
    assert spending.spent(study.trials) == {"device_hours": 1.125, "money": 2.25}
    ended(study, run, device_hours=0.375, money=0.75)
    ended(study, run, device_hours=0.0, money=0.0)  # answered from records
    assert spending.spent(study.trials) == {"device_hours": 1.125, "money": 2.25}
    running = study.ask()
    running.set_user_attr(RECORD, {"folder": str(other), "base": str(base)})
    ledger(other, ("train", 1.0))
    assert spending.spent(study.trials)["device_hours"] == 2.125
    ledger(other, ("train", 1.0), began=datetime.now(UTC) + timedelta(hours=1))
    assert spending.spent(study.trials)["device_hours"] == 3.125, "ledgers that grow are read again"


def test_records_say_it_where_the_ledger_is_elsewhere(study, tmp_path):
    ended(study, tmp_path / "not here", device_hours=0.5, money=None)
    assert spending.spent(study.trials) == {"device_hours": 0.5, "money": 0.0}


def limit(**given):
    return SimpleNamespace(**({"device_hours": None, "money": None} | given))


def test_a_running_trial_stops_once_all_workers_have_spent_the_budget(tmp_path, composed, monkeypatch):
    monkeypatch.setattr(budget, "LOOK_SECONDS", 0.0)
    study = Study(tmp_path)
    (_, mine), (_, theirs) = study.trial(), study.trial(slot=1)
    run, other = (plan_of(composed, tmp_path, f"seed={seed}") for seed in (1, 2))
    config = composed("experiment=exp2", "budget.device_hours=1")
    for job_of, plan in ((mine, run), (theirs, other)):
        job_of.signed(job._address(plan))
    rule = budget.stop_rule(config, mine)
    ledger(run.run.folder, ("train", 0.25))
    assert rule({"step": 1}) is None
    ledger(other.run.folder, ("train", 0.5))
    assert rule({"step": 2}) is None
    ledger(other.run.folder, ("train", 0.25), began=datetime.now(UTC) + timedelta(hours=1))
    stop = rule({"step": 3})
    assert (stop.kind, stop.reason) == ("budget", "budget.device_hours=1 is reached (1 spent)")
    kept = study.study.trials[0].user_attrs[RECORD]
    assert kept["run"] == run.run.id
    assert kept["device_hours"] > 0, "for workers elsewhere, who see no ledger of it"


def test_other_workers_are_looked_at_only_now_and_then(tmp_path, composed, monkeypatch):
    study = Study(tmp_path)
    _, mine = study.trial()
    asked = []
    monkeypatch.setattr(budget, "reached", lambda *_: asked.append(1) or "")
    rule = budget.stop_rule(composed("experiment=exp2", "budget.device_hours=1"), mine)
    assert [rule({"step": number}) for number in range(50)] == [None] * 50
    assert len(asked) < 50


def test_a_job_that_fails_has_said_where_its_run_is(tmp_path, composed, monkeypatch):
    study, plan = Study(tmp_path), plan_of(composed, tmp_path)
    _, failing = study.trial()
    monkeypatch.setattr(job, "stages", lambda *_, **__: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        job.run(plan, failing, card)
    assert study.study.trials[0].user_attrs[RECORD] == job._address(plan)


def test_a_job_without_its_sqlite_file_leaves_no_other_behind(tmp_path):
    elsewhere = tmp_path / "not here" / "study.db"
    link = StudyLink(f"sqlite:///{elsewhere}", "sweep", 0, None, "reward")
    assert link.signed({"run": "a"}) == link
    assert not elsewhere.parent.exists()


def test_what_is_reached_is_told_with_what_was_spent(study):
    ended(study, device_hours=2.0, money=4.0)
    assert spending.reached(limit(device_hours=3.0), study.trials) == ""
    assert spending.reached(limit(money=4.0), study.trials) == "budget.money=4 is reached (4 spent)"


def test_without_a_limit_no_ledger_is_read(study, tmp_path, monkeypatch):
    ended(study, tmp_path / "run")
    monkeypatch.setattr(spending, "spent", lambda *_: pytest.fail("nothing asks for it"))
    assert spending.reached(limit(), study.trials) == ""


def config_of(price=None, **limits):
    """A sweep's config, as far as its budget goes."""
    budget = {"device_hours": None, "money": None} | limits
    return OmegaConf.create({"budget": budget, "hardware": {"name": "cpu", "price_per_device_hour": price}})


def planned(hours, steps=10, timed=True):
    rate = Rate(3600 * hours / steps, "a test") if timed else None
    return Estimate((Work("run", steps, 0, rate, None, 0, 1, 2.0),))


def test_a_plan_over_the_budget_is_refused():
    used, plan = {"device_hours": 2.0, "money": 4.0}, planned(hours=1.5)
    assert budget.hold(config_of(device_hours=3.6), used, plan) == []
    with pytest.raises(Mistake, match=r"device_hours=3.4: this sweep would take 3.5 \(2 spent, 1.5 planned"):
        budget.hold(config_of(device_hours=3.4), used, plan)
    with pytest.raises(Mistake, match=r"budget.money=6: this sweep would take 7 \(4 spent, 3 planned"):
        budget.hold(config_of(price=2.0, money=6), used, plan)


def test_a_plan_of_unknown_time_is_let_through_with_a_line():
    used = {"device_hours": 0.0, "money": 0.0}
    (line,) = budget.hold(config_of(device_hours=1.0), used, planned(hours=1.5, timed=False))
    assert "not known to be held: 10 steps of unknown time; the sweep is stopped where the budget is" in line


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"device_hours": -1}, "budget.device_hours=-1: must be above 0"),
        ({"money": 0, "price": 2.0}, "budget.money=0: must be above 0"),
        ({"money": 5}, "budget.money=5: hardware=cpu has no price"),
    ],
)
def test_a_budget_that_limits_nothing_is_refused(given, wrong):
    with pytest.raises(Mistake, match=wrong):
        budget.check(config_of(**given))
