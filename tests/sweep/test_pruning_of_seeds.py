"""A further training seed of a point is judged by the mean with those before it."""

from dataclasses import replace

import pytest
from optuna.trial import TrialState

from openrs.analysis.card import card
from openrs.records.recipe import run_id
from openrs.records.run import Run
from openrs.studies.trials import AFTER
from openrs.sweep import pruning
from openrs.sweep import trial as job
from openrs.sweep.run_curves import FOLLOWS, RUN
from tests.helpers.plans import Study, plan_of, step, trained


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


@pytest.fixture
def seeds(composed, tmp_path):
    """The plans of three seeds of one recipe, without a composition for each."""
    first = plan_of(composed, tmp_path)
    recipes = [first.run.recipe | {"seed": seed} for seed in (1, 2, 3)]
    named = [(run_id(recipe), recipe) for recipe in recipes]
    folder = first.run.folder
    return [replace(first, run=Run(folder.with_name(f"exp2-{n[:8]}"), n, r)) for n, r in named]


def takes(study, plan, slot, *before):
    """A trial of a run, with the link that its job finds in the study."""
    after = {AFTER: [earlier.run.id for earlier in before]} if before else {}
    trial, link = study.trial(slot, **after)
    return trial, link.signed({"run": plan.run.id})


def trains(plan, link, rewards):
    """What the pruner says after each step."""
    rule = pruning.stop_rule(plan, link)
    return [rule(step(number + 1, reward)) for number, reward in enumerate(rewards)]


def ends(study, plan, slot, reward, *before):
    """Trains a run to its last step, and ends its trial."""
    trial, link = takes(study, plan, slot, *before)
    assert trains(plan, link, [reward] * 9) == [None] * 9
    trained(plan, [reward] * 10)
    outcome = job.run(plan, link, card)
    study.study.tell(trial, outcome.values[0])
    return outcome


def test_each_seed_draws_the_mean_of_the_seeds_up_to_it(study, seeds):
    for slot, reward in enumerate((1.0, 3.0, 8.0)):
        outcome = ends(study, seeds[slot], slot, reward, *seeds[:slot])
        assert outcome.values == (reward,), "the trial's value is the run's own"
    drawn = study.curves().get_trials()
    assert [curve.value for curve in drawn] == [1.0, 2.0, 4.0]
    assert [curve.intermediate_values[5] for curve in drawn] == [1.0, 2.0, 4.0]
    assert [len(curve.user_attrs.get(FOLLOWS, [])) for curve in drawn] == [0, 1, 2]
    assert {curve.state for curve in drawn} == {TrialState.COMPLETE}


def test_a_seed_that_was_trained_before_the_sweep_counts_with_its_records(study, seeds):
    for slot, reward in enumerate((1.0, 3.0)):
        trained(seeds[slot], [reward] * 10)
        trial, link = takes(study, seeds[slot], slot, *seeds[:slot])
        assert job.run(seeds[slot], link, card).repeated
        study.study.tell(trial, reward)
    assert [curve.value for curve in study.curves().get_trials()] == [1.0, 2.0]
    assert [curve.system_attrs["completed_rung_0"] for curve in study.curves().get_trials()] == [1.0, 2.0]


def test_the_mean_is_what_stops_a_seed_and_the_stop_holds_for_its_retry(study, seeds, composed, tmp_path):
    other = plan_of(composed, tmp_path, "algorithm.learning_rate=1e-5")
    ends(study, other, 0, 2.0)
    ends(study, seeds[0], 3, 4.0)
    _, link = takes(study, seeds[1], 4, seeds[0])
    first, stop = trains(seeds[1], link, [-1.0, -1.0])
    assert first is None
    assert stop.reason == "SuccessiveHalvingPruner: reward 1.5 at step 2, the mean of 2 seeds"
    (curve,) = [one for one in study.curves().get_trials() if one.user_attrs[RUN] == seeds[1].run.id]
    assert curve.intermediate_values == {1: 1.5, 2: 1.5}
    _, retry = takes(study, seeds[1], 4, seeds[0])
    outcome = job.run(seeds[1], retry, card)
    assert (outcome.state, outcome.step, outcome.reason) == ("pruned", 2, stop.reason)


def test_a_seed_whose_mean_is_the_best_goes_on_though_alone_it_is_the_worst(study, seeds, composed, tmp_path):
    other = plan_of(composed, tmp_path, "algorithm.learning_rate=1e-5")
    ends(study, other, 0, 2.0)
    ends(study, seeds[0], 3, 4.0)
    _, link = takes(study, seeds[1], 4, seeds[0])
    assert trains(seeds[1], link, [0.5] * 4) == [None] * 4
