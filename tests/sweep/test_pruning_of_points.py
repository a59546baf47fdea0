"""A point of several seeds is judged by its mean, where all of them have come, and stopped as one."""

from dataclasses import replace

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.analysis.card import card
from openrs.records.recipe import run_id
from openrs.records.run import Run
from openrs.studies.trials import PROMOTES, SEEDS, slots
from openrs.sweep import promotion, pruning, run_curves
from openrs.sweep import trial as job
from openrs.sweep.points import Points
from openrs.sweep.run_curves import RUN
from openrs.sweep.signal import judged_at
from tests.helpers.plans import HALVING, Study, plan_of, step, trained

MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 1}


def arm(plan, rate, seed):
    """The plan of a run with another learning rate and seed, without a composition of its own."""
    algorithm = plan.run.recipe["algorithm"] | {"learning_rate": rate}
    recipe = plan.run.recipe | {"seed": seed, "algorithm": algorithm}
    name = run_id(recipe)
    return replace(plan, run=Run(plan.run.folder.with_name(f"exp2-{name[:8]}"), name, recipe))


class Sweep:
    """Two recipes with two seeds each; trials 0 and 1 are of the first, 2 and 3 of the second."""

    def __init__(self, composed, folder, pruner):
        self.study = Study(folder, pruner=pruner)
        first = plan_of(composed, folder)
        self.plans = [arm(first, rate, seed) for rate in (1e-4, 1e-5) for seed in (1, 2)]
        self.trials = [self.study.trial(slot, **{SEEDS: 2})[0] for slot in range(4)]

    def link(self, number, run=None, promotes=None):
        return self.study.link(number, promotes, seeds=2)

    def goes(self, run, *rewards, first=1, number=None, promotes=None):
        """What the pruner says of a run after each step."""
        rule = pruning.stop_rule(
            self.plans[run], self.link(run if number is None else number, promotes=promotes)
        )
        return [rule(step(first + place, reward)) for place, reward in enumerate(rewards)]

    def standing(self, run, number=None, promotes=None):
        link = self.link(run if number is None else number, promotes=promotes)
        return pruning.standing(self.plans[run], link)

    def ends(self, run):
        """Takes a trial of a run through its job, and ends it in the study."""
        outcome = job.run(self.plans[run], self.link(run), card)
        trial = self.trials[run]
        if outcome.record:
            trial.set_user_attr("record", outcome.record)
        done = outcome.state == "complete"
        self.study.study.tell(trial, outcome.values[0] if done else None, None if done else TrialState.PRUNED)
        return outcome

    def means(self):
        """Run or point -> what the pruner sees: the curves that belong to no point."""
        drawn = self.study.curves().get_trials()
        return [curve for curve in drawn if "point" not in curve.user_attrs]


@pytest.fixture(params=[HALVING, MEDIAN], ids=["halving", "median"])
def sweep(request, composed, tmp_path):
    return Sweep(composed, tmp_path, request.param)


def first_point(sweep):
    """Both seeds of the first recipe run to their ends, as 1.0 and 3.0: the point is at 2.0."""
    for run, reward in ((0, 1.0), (1, 3.0)):
        assert sweep.goes(run, *[reward] * 9) == [None] * 9
        trained(sweep.plans[run], [reward] * 10)
        assert sweep.ends(run).state == "complete"


def test_the_pruner_sees_the_mean_of_a_point_once_all_of_its_seeds_have_come_there(sweep):
    assert sweep.goes(0, *[1.0] * 9) == [None] * 9
    (curve,) = sweep.means()
    assert not curve.intermediate_values, "the other seed has not begun"
    assert sweep.goes(1, 3.0, 5.0, 7.0) == [None] * 3
    (curve,) = sweep.means()
    assert curve.intermediate_values == {1: 2.0, 2: 2.5, 3: 3.0}, "of signals, which are means of steps"
    assert curve.user_attrs[RUN] == pruning.point(sweep.plans[0], sweep.link(0))
    assert curve.user_attrs[RUN] == pruning.point(sweep.plans[1], sweep.link(1))
    assert curve.user_attrs[RUN] != pruning.point(sweep.plans[2], sweep.link(2))


def test_the_unlucky_seed_of_the_better_recipe_is_not_stopped_and_the_lucky_one_of_the_worse_is(sweep):
    first_point(sweep)
    (curve,) = sweep.means()
    assert (curve.state, curve.value) == (TrialState.COMPLETE, 2.0)
    assert curve.intermediate_values == dict.fromkeys(range(1, 11), 2.0)
    assert sweep.goes(2, 2.9, 2.9, 2.9) == [None] * 3, "alone it would be above the point's mean, and waits"
    first, *more = sweep.goes(3, 0.1, 0.1)
    stop = first or more[0]
    assert stop.kind == "pruned"
    at = 1 if sweep.study.pruner is MEDIAN else 2
    assert stop.reason.endswith(f"Pruner: reward 1.5 at step {at}, the mean of 2 seeds")
    (heard,) = sweep.goes(2, 2.9, first=4)
    assert heard.reason == stop.reason, "the stop ends the seed that is ahead too"
    assert [sweep.standing(run).step for run in (2, 3)] == [at, at]
    assert [sweep.ends(run).state for run in (2, 3)] == ["pruned", "pruned"]


def test_a_better_mean_goes_on_though_one_of_its_seeds_is_the_worst_of_all(sweep):
    first_point(sweep)
    assert sweep.goes(2, *[0.5] * 9) == [None] * 9
    assert sweep.goes(3, *[4.5] * 9) == [None] * 9


def test_a_stop_whose_process_dies_before_the_rung_is_noted_or_drawn_holds_for_all_seeds(sweep, monkeypatch):
    first_point(sweep)
    sweep.goes(2, 0.1, 0.1)

    def note(curve, rungs):
        if run_curves.STOP in curve.frozen().user_attrs:
            raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(run_curves.RunCurve, "note", note)
        with pytest.raises(KeyboardInterrupt):
            sweep.goes(3, 0.1, 0.1)
    at = 1 if sweep.study.pruner is MEDIAN else 2
    assert [sweep.standing(run, number=run + 2).step for run in (2, 3)] == [at, at]


def test_a_process_that_dies_before_the_answer_asks_again(sweep, monkeypatch):
    first_point(sweep)
    sweep.goes(2, 0.1, 0.1)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(run_curves.RunCurve, "judge", die)
        with pytest.raises(KeyboardInterrupt):
            sweep.goes(3, 0.1)
    answers = sweep.goes(3, 0.1, 0.1, number=4)  # the retry, from the first step on
    assert next(answer for answer in answers if answer).kind == "pruned"


def test_a_promotion_takes_all_seeds_of_the_point_on_and_a_later_stop_holds_for_them(composed, tmp_path):
    sweep = Sweep(composed, tmp_path, HALVING)
    first_point(sweep)
    sweep.goes(2, 1.9, 1.9)
    assert sweep.goes(3, 1.9, 1.9)[-1].kind == "pruned"
    assert [sweep.ends(run).state for run in (2, 3)] == ["pruned"] * 2

    def promoted():
        taken = slots(sweep.study.study.get_trials())
        return promotion.next_promotion(OmegaConf.create(HALVING), "sweep", sweep.study.study._storage, taken)

    assert promoted() is None, "one of two is the best so far"
    drawn = sweep.study.curves()
    for _ in range(2):
        worse = drawn.ask()
        drawn._storage.set_trial_system_attr(worse._trial_id, "completed_rung_0", 0.1)
    first = promoted()
    assert first.number in (2, 3)
    sweep.study.trial(first.user_attrs["slot"], **{PROMOTES: first.number})
    for _ in range(3):  # others overtake it meanwhile
        better = drawn.ask()
        drawn._storage.set_trial_system_attr(better._trial_id, "completed_rung_0", 9.0)
    second = promoted()
    assert {first.number, second.number} == {2, 3}, "what was begun with one seed is ended with all"
    sweep.study.trial(second.user_attrs["slot"], **{PROMOTES: second.number})
    assert promoted() is None
    assert [sweep.standing(run, number=run + 2, promotes=run) for run in (2, 3)] == [None, None]
    assert sweep.goes(2, 1.9, 1.9, first=3, number=4, promotes=2) == [None, None]
    assert sweep.goes(3, 1.9, 1.9, first=3, number=5, promotes=3)[-1].kind == "pruned"
    assert [sweep.standing(run, number=run + 4, promotes=run).step for run in (2, 3)] == [4, 4]


def test_outcomes_are_judged_problem_by_problem_and_steps_one_by_one():
    assert judged_at({1: 0.5, 2: 1.0}, "outcomes:amc23@50") == {50: {1: 0.5, 2: 1.0}}
    assert judged_at({4: 0.5, 2: 1.0}, "score:amc23") == {2: {2: 1.0}, 4: {4: 0.5}}
    assert judged_at({}, "outcomes:amc23@50") == {}


def test_a_point_has_as_many_runs_as_seeds_are_left_of_it_in_the_study(tmp_path):
    grid = [{"x": x, "seed": seed} for seed in (1, 2) for x in ("a", "b")]
    points = Points(None, None, None, grid, 3, ())
    assert [points.runs_of(params) for params in grid] == [2, 1, 2, 1]
    assert Points(None, None, None, None, 20, (), (1, 2, 3)).runs_of({"x": 0.1, "seed": 2}) == 3
