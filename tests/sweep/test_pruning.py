"""A pruner's stop outlives the process that heard it, and answers whoever takes the run up."""

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs import pipeline
from openrs.analysis.card import card
from openrs.studies.trials import PROMOTES, RECORD, slots
from openrs.sweep import promotion, pruning
from openrs.sweep import trial as job
from tests.helpers.plans import HALVING, Study, logs, plan_of, step, trained


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


@pytest.fixture
def good(composed, tmp_path):
    """A run that sets the first rung's standard."""
    return plan_of(composed, tmp_path, "seed=1")


@pytest.fixture
def bad(composed, tmp_path):
    return plan_of(composed, tmp_path, "seed=2")


def judged(plan, link, *rewards):
    """What the pruner says after each step."""
    rule = pruning.stop_rule(plan, link)
    return [rule(step(number + 1, reward)) for number, reward in enumerate(rewards)]


def stopped(study, good, bad):
    """The bad run is stopped at the first rung, in trial 1, and its process dies at once."""
    assert judged(good, study.link(0), 2.0, 2.0) == [None, None]
    first, stop = judged(bad, study.link(1), 1.0, 1.0)
    assert (first, stop.kind) == (None, "pruned")
    assert stop.reason == "SuccessiveHalvingPruner: reward 1 at step 2"


def test_the_retry_of_a_stopped_run_is_answered_and_trains_nothing(study, good, bad, monkeypatch):
    stopped(study, good, bad)
    assert pruning.standing(good, study.link(0)) is None
    monkeypatch.setattr(pipeline, "_train", lambda *_: pytest.fail("it was stopped"))
    _, retry = study.trial(slot=1)
    for _ in range(2):  # a later proposal of the same recipe too
        outcome = job.run(bad, retry, card)
        assert (outcome.state, outcome.step, outcome.repeated) == ("pruned", 2, True)
        assert outcome.reason == "SuccessiveHalvingPruner: reward 1 at step 2"
        assert outcome.record["kind"] == "pruned"
        _, retry = study.trial(slot=2)


def test_a_stop_is_known_even_if_its_process_dies_before_the_rung_is_noted(study, good, bad, monkeypatch):
    def note(curve, rungs):
        if rungs:
            raise KeyboardInterrupt

    judged(good, study.link(0), 2.0, 2.0)
    with monkeypatch.context() as killed:
        killed.setattr(pruning.RunCurve, "note", note)
        with pytest.raises(KeyboardInterrupt):
            judged(bad, study.link(1), 1.0, 1.0)
    assert "completed_rung_0" not in study.curves().trials[1].system_attrs
    assert pruning.standing(bad, study.link(2)).step == 2
    assert study.curves().trials[1].system_attrs["completed_rung_0"] == 1.0


def test_a_promotion_goes_on_and_a_later_stop_holds_for_it_too(study, good, bad):
    stopped(study, good, bad)
    assert pruning.standing(bad, study.link(3, promotes=1)) is None
    judged(good, study.link(0), 2.0, 2.0, 2.0, 2.0)
    rule = pruning.stop_rule(bad, study.link(3, promotes=1))
    assert [rule(step(number, 1.0)) for number in (2, 3)] == [None, None], "a step trained again is not asked"
    assert rule(step(4, 1.0)).kind == "pruned"
    assert pruning.standing(bad, study.link(4, promotes=1)).step == 4, "its retry is no new promotion"
    assert pruning.standing(bad, study.link(5, promotes=3)) is None


def test_a_run_that_went_far_enough_is_answered_from_its_records(study, good, bad, composed, tmp_path):
    stopped(study, good, bad)
    shorter = plan_of(composed, tmp_path, "seed=2", "steps.stop_at=2")
    assert pruning.standing(shorter, study.link(3)) is None, "its last step is the one it was stopped at"
    trained(bad, [1.0] * 10)  # by a command outside of the sweep
    assert pruning.standing(bad, study.link(3)) is None
    _, again = study.trial()
    outcome = job.run(bad, again, card)
    assert (outcome.state, outcome.values, outcome.repeated) == ("complete", (1.0,), True)


def test_the_curve_of_a_run_whose_process_died_in_its_evaluation_is_closed(study, good):
    judged(good, study.link(0), 2.0, 2.0)  # and on to the end, where the process died
    trained(good, [2.0, 2.0, *[3.0] * 8])
    _, retry = study.trial()
    assert job.run(good, retry, card).state == "complete"
    (curve,) = study.curves().trials
    assert curve.state == TrialState.COMPLETE
    assert sorted(curve.intermediate_values) == list(range(1, 11))
    assert curve.value == pytest.approx(2.8)
    assert {key: curve.system_attrs[key] for key in sorted(curve.system_attrs)} == {
        "completed_rung_0": 2.0, "completed_rung_1": 2.5, "completed_rung_2": pytest.approx(2.75),
    }  # fmt: skip
    _, later = study.trial(slot=1)
    job.run(good, later, card)
    assert len(study.curves().trials) == 1, "of one run there is one"


def test_a_run_that_was_trained_before_the_sweep_has_a_curve_to_be_compared_with(study, good, bad):
    trained(good, [2.0] * 10)
    _, first = study.trial()
    assert job.run(good, first, card).repeated
    assert judged(bad, study.link(1), 1.0, 1.0)[-1].kind == "pruned", "the only other one is a record"


def test_hyperband_puts_a_record_into_its_bracket(tmp_path, composed):
    hyperband = {
        "_target_": "optuna.pruners.HyperbandPruner", "min_resource": 2, "max_resource": 8,
        "reduction_factor": 2,
    }  # fmt: skip
    study = Study(tmp_path, pruner=hyperband)
    plan = plan_of(composed, tmp_path, "seed=1")
    trained(plan, [float(n) for n in range(1, 11)])
    _, first = study.trial()
    job.run(plan, first, card)
    (curve,) = study.curves().trials
    pruner = promotion.make_pruner(OmegaConf.create(hyperband))
    pruner._try_initialization(study.curves())
    bracket = pruner._get_bracket_id(study.curves(), curve)
    assert curve.system_attrs["completed_rung_0"] == curve.intermediate_values[2 * 2**bracket]


def paused(study, slot, run, **more):
    """A trial of a run that was stopped."""
    trial, _ = study.trial(slot=slot, **more)
    trial.set_user_attr(RECORD, {"run": run, "kind": "pruned"})
    study.study.tell(trial, state=TrialState.PRUNED)
    return trial


def chosen(study):
    settings = OmegaConf.create(HALVING)
    return promotion.next_promotion(settings, "sweep", study.study._storage, slots(study.study.get_trials()))


def test_of_equal_proposals_the_newest_is_promoted_and_only_one_at_a_time(study, good, bad):
    stopped(study, good, bad)
    paused(study, 0, bad.run.id)
    newest = paused(study, 1, bad.run.id)
    drawn = study.curves()
    for _ in range(2):  # the rung fills with worse ones
        other = drawn.ask()
        drawn._storage.set_trial_system_attr(other._trial_id, "completed_rung_0", 0.5)
    assert chosen(study).number == newest.number
    going, _ = study.trial(slot=1, **{PROMOTES: newest.number})
    assert chosen(study) is None, "it is being taken"
    going.set_user_attr(RECORD, {"run": bad.run.id})
    assert chosen(study) is None, "it is on its way"


def test_a_run_whose_signal_is_no_number_is_not_promoted(study, good, bad):
    judged(good, study.link(0), 2.0, 2.0)
    judged(bad, study.link(1), 1.0, 1.0, float("nan"))
    paused(study, 0, bad.run.id)
    drawn = study.curves()
    for _ in range(2):
        other = drawn.ask()
        drawn._storage.set_trial_system_attr(other._trial_id, "completed_rung_0", 0.5)
    assert chosen(study) is None


def test_equal_recipes_at_once_are_told_apart_under_the_runs_lock(study, good, monkeypatch):
    """Both found something to do when they began; the second had to wait, and then there was nothing."""
    _, second = study.trial()
    known = job._address(good)

    def made_by_another(plan):
        trained(good, [1.0] * 10)  # while this worker waits for the lock
        return known

    assert good.must_train
    monkeypatch.setattr(job, "_address", made_by_another)
    assert job.run(good, second, card).repeated


def test_logged_steps_of_earlier_processes_are_drawn_first(study, good):
    logs(good, [1.0, 2.0, 3.0])
    rule = pruning.stop_rule(good, study.link(0))
    rule(step(3, 3.0))
    (curve,) = study.curves().trials
    assert curve.intermediate_values == {1: 1.0, 2: 1.5, 3: 2.0}
    assert curve.state == optuna.trial.TrialState.RUNNING
