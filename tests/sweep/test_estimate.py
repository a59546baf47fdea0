"""What a sweep would cost: of the points that are still owed, from a few of many, against what it took."""

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.cost.estimate import Estimate, Work
from openrs.cost.rates import Rate
from openrs.errors import Mistake
from openrs.studies.trials import RECORD
from openrs.sweep import budget, estimate, report
from openrs.sweep.points import Points
from openrs.sweep.slots import Patience, owed_slots
from tests.helpers.plans import Study, plan_of, trained


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def sweep_of(study, total, grid=True):
    """A grid of seeds, or a sampler's space, and the slots that are owed."""
    points = Points(None, None, None, [{"seed": number} for number in range(total)] if grid else None, total)
    return points, owed_slots(study.study.trials, total, Patience(retries=0, deaths=0))


@pytest.fixture
def looked_at(composed, tmp_path, monkeypatch):
    """The slots that are resolved; each point is a run of ten steps."""
    asked = []

    def plans(_, slots):
        asked.extend(slots)
        return {slot: plan_of(composed, tmp_path, f"seed={slot}") for slot in slots}

    monkeypatch.setattr(Points, "plans", plans)
    return asked


def ended(study, *slots, state=TrialState.COMPLETE):
    for slot in slots:
        trial, _ = study.trial(slot=slot)
        study.study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state=state)


def test_only_what_is_owed_is_looked_at(study, looked_at):
    ended(study, 0, 2)
    ended(study, 1, state=TrialState.PRUNED)
    ended(study, 4, state=TrialState.FAIL)  # with no retry left
    study.trial(slot=3)  # another worker's
    made = estimate.estimate(*sweep_of(study, 6))
    assert looked_at == [3, 5]
    assert (made.runs, made.steps) == (2, 20)


def test_of_a_finished_study_nothing_is(study, looked_at):
    ended(study, 0, 1)
    made = estimate.estimate(*sweep_of(study, 2))
    assert (looked_at, made.runs, made.steps, made.device_hours(), made.money()) == ([], 0, 0, 0, 0)


def test_a_few_points_stand_for_many(study, looked_at):
    made = estimate.estimate(*sweep_of(study, 100), at_most=4)
    assert looked_at == [0, 25, 50, 75]
    assert (made.runs, made.steps, made.unknown) == (100, 1000, "")
    low, high = made.device_hours(-1), made.device_hours(1)
    assert (low, high) == pytest.approx((1000 * 1.2 / 3600, 1000 * 4.8 / 3600))
    told = list(estimate.lines(made, 100))
    assert told[1] == "  estimated from 4 of the runs, evenly spaced"


def test_the_base_model_is_measured_once_however_many_runs_there_are(study, composed, tmp_path, monkeypatch):
    more = ["stages=[train,evaluate]", "evaluation.checkpoints=[0,last]", "evaluation.max_problems=2"]
    monkeypatch.setattr(
        Points, "plans",
        lambda _, slots: {n: plan_of(composed, tmp_path, f"seed={n}", *more) for n in slots},
    )  # fmt: skip
    made = estimate.estimate(*sweep_of(study, 100), at_most=4)
    assert (made.steps, made.problems) == (1000, 1010), "five benchmarks of two problems, and the base"
    assert estimate.estimate(*sweep_of(study, 4)).problems == 50


def test_work_without_a_rate_is_named_and_left_out_of_the_sums():
    timed = Work("a", 10, 0, Rate(360.0, "measured"), None, 0, 2, 3.0)
    untimed = Work("b", 10, 5, None, None, 0, 2, 3.0)
    planned = Estimate((timed, untimed), share=2.0)
    assert planned.unknown == "20 steps and 10 problems"
    assert (planned.device_hours(), planned.money()) == (4.0, 12.0)


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        (1.0, "exceeded: the sweep would be refused"),
        (3.0, "may not be enough; the sweep is stopped where the budget is reached"),
        (5.0, "held"),
    ],
)
def test_a_budget_stands_to_both_ends_of_inferred_times(composed, limit, state):
    """10 steps of 360 to 1,440 s: 1 to 4 hours, and half an hour is spent."""
    rate = Rate.between(1440.0, 360.0, "arithmetic")
    planned = Estimate((Work("a", 10, 0, rate, None, 0, 1, None),))
    config = OmegaConf.create({"budget": {"device_hours": limit, "money": None}})
    used = {"device_hours": 0.5, "money": 0.0}
    (line,) = budget.lines(config, used, planned)
    assert line == f"budget.device_hours={limit:g}, 0.5 spent, 1 to 4 planned: {state}"
    if limit == 1.0:
        with pytest.raises(Mistake, match="would take at least 1.5 "):
            budget.hold(config, used, planned)
    else:
        assert budget.hold(config, used, planned) == ([line] if limit == 3.0 else [])


def test_own_rates_are_read_once_and_multiplied(study, looked_at, composed, tmp_path, monkeypatch):
    trained(plan_of(composed, tmp_path, "seed=1000"), [1.0] * 10)  # a second a step
    from openrs.cost import rates

    read, past = [], rates._past_runs
    monkeypatch.setattr(rates, "_past_runs", lambda config: read.append(1) or past(config))
    made = estimate.estimate(*sweep_of(study, 100), at_most=4)
    assert made.device_hours() == pytest.approx(1000 / 3600)
    assert not made.inferred
    assert len(read) == 1


def test_runs_to_be_drawn_are_like_the_common_settings(study, looked_at):
    ended(study, 0)
    made = estimate.estimate(*sweep_of(study, 8, grid=False))
    assert (made.runs, made.steps) == (7, 70)


def test_what_it_took_is_held_against_the_plan(study):
    trial, _ = study.trial()
    record = {"run": "a", "device_hours": 0.5, "money": 1.0, "disk": 2_000_000_000}
    trial.set_user_attr(RECORD, record)
    planned = {"device_hours": 0.25, "money": 0.75, "disk": 1e9, "unknown": ""}
    told = report._took(study.study.trials, planned)
    assert told == (
        "30 device-minutes (planned 15 device-minutes), 1.00 dollars (planned 0.75), "
        "2.00 GB of disk (planned 1.00)"
    )
    unknown = {"device_hours": 0.0, "money": None, "disk": None, "unknown": "30 steps"}
    told = report._took(study.study.trials, unknown)
    assert told.startswith("30 device-minutes (planned: not known), 1.00 dollars (planned: not known), ")
    assert told.endswith("2.00 GB of disk; the plan left out 30 steps of unknown time")


def test_a_plan_without_a_rate_states_no_cost():
    planned = Estimate((Work("a", 30, 0, None, None, 10**9, 1, 0.5),))
    assert [line for line in estimate.lines(planned, 1) if "cost" in line] == [
        "  cost      not known: 30 steps of unknown time, 1.00 GB of disk"
    ]
    config = OmegaConf.create({"budget": {"device_hours": 1.0, "money": None}})
    used = {"device_hours": 0.0, "money": 0.0}
    (line,) = budget.lines(config, used, planned)
    assert line.startswith("budget.device_hours=1, 0 spent, an unknown amount planned: not known to be held")
