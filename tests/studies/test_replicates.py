"""Runs that differ in their seed alone are one point of a study, by their mean."""

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from openrs.studies import replicates
from openrs.studies.trials import RECORD

SPACE = {"experiment": CategoricalDistribution(["exp2", "exp3"]), "seed": IntDistribution(1, 9)}


def study_of(values, directions=("maximize",)):
    """A study of complete trials: (experiment, seed) -> values."""
    study = optuna.create_study(directions=directions)
    for (experiment, seed), numbers in values.items():
        study.add_trial(
            create_trial(
                params={"experiment": experiment, "seed": seed}, distributions=SPACE, values=numbers,
                user_attrs={RECORD: {"run": f"{experiment}-{seed}"}},
            )
        )  # fmt: skip
    return study


def test_the_best_is_the_better_mean_and_not_the_luckiest_seed():
    exp2, exp3 = (74.0, 74.2, 74.4), (71.0, 74.8, 71.2)
    study = study_of(
        {(name, seed): [value] for name, values in (("exp2", exp2), ("exp3", exp3))
         for seed, value in enumerate(values, 1)}
    )  # fmt: skip
    assert study.best_trial.params == {"experiment": "exp3", "seed": 2}
    best = replicates.points(study).best_trial
    assert (best.params, best.value) == ({"experiment": "exp2"}, pytest.approx(74.2))
    assert replicates.title(best) == "experiment=exp2 (mean of 3 runs)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([50, 40], "50: k=0"),
        ([50, 40, 50 + 1e-12], "tied at 50: k=0, k=2"),
        ([50] * 3, "tied at 50: k=0, k=1, k=2"),
        ([50] * 5, "tied at 50: k=0, k=1, k=2 and 2 more"),
        ([0, 0], "tied at 0: k=0, k=1"),
    ],
)
def test_points_of_one_value_are_all_the_best(values, text):
    study = optuna.create_study(direction="maximize")
    for place, value in enumerate(values):
        study.add_trial(
            create_trial(params={"k": place}, distributions={"k": IntDistribution(0, 9)}, value=value)
        )
    study.add_trial(study.trials[0])  # tried twice
    assert replicates.best(study) == text
    seeds = replicates.points(study_of({("exp2", 1): [50.0], ("exp2", 2): [70.0], ("exp3", 1): [60.0]}))
    assert (
        replicates.best(seeds)
        == "tied at 60: experiment=exp2 (mean of 2 runs), experiment=exp3 (mean of 1 run)"
    )


def test_the_pareto_set_is_of_means():
    values = {
        ("exp2", 1): [70.0, 1.0],
        ("exp2", 2): [72.0, 1.0],
        ("exp3", 1): [75.0, 2.0],
        ("exp3", 2): [65.0, 2.0],
    }
    study = study_of(values, ("maximize", "minimize"))
    assert len(study.best_trials) == 2
    (best,) = replicates.points(study).best_trials
    assert (best.params, best.values) == ({"experiment": "exp2"}, [71.0, 1.0])


def test_a_run_that_two_trials_share_counts_once_and_a_pruned_one_not_at_all():
    study = study_of({("exp2", 1): [70.0], ("exp2", 2): [74.0]})
    study.add_trial(study.trials[0])
    study.add_trial(
        create_trial(state=TrialState.PRUNED, params={"experiment": "exp2", "seed": 3}, distributions=SPACE)
    )
    (point,) = replicates.points(study).trials
    assert (point.value, point.user_attrs) == (72.0, {replicates.RUNS: 2})


def test_a_point_that_the_pruner_stopped_is_not_the_best_until_it_is_promoted():
    study = study_of({("exp2", 1): [70.0], ("exp2", 2): [70.0], ("exp3", 1): [99.0]})
    stopped = {"run": "exp3-2", "kind": "pruned"}
    params = {"experiment": "exp3", "seed": 2}
    attributes = {"params": params, "distributions": SPACE, "user_attrs": {RECORD: stopped}}
    study.add_trial(create_trial(state=TrialState.PRUNED, **attributes))
    assert replicates.points(study).best_trial.params == {"experiment": "exp2"}
    study.add_trial(create_trial(value=81.0, **attributes))
    best = replicates.points(study).best_trial
    assert (best.params, best.value) == ({"experiment": "exp3"}, 90.0)


def test_a_study_whose_only_axis_is_the_seed_is_one_recipe_and_one_without_seeds_is_its_own():
    study = optuna.create_study(direction="maximize")
    for seed in (1, 2):
        study.add_trial(
            create_trial(params={"seed": seed}, distributions={"seed": SPACE["seed"]}, value=float(seed))
        )
    best = replicates.points(study).best_trial
    assert (best.value, replicates.title(best)) == (1.5, "one recipe, mean of 2 runs")
    other = optuna.create_study()
    assert replicates.points(other) is other


def test_made_sweeps_of_three_seeds_name_the_better_recipe():
    """Gaps of four standard errors of the difference of means: 200 of 200 but for four in a million."""
    rng, spread = np.random.default_rng(0), 1.0
    gap = 4.5 * spread * np.sqrt(2 / 3)
    for _ in range(200):
        drawn = {
            (name, seed): [float(70 + more + rng.normal(0, spread))]
            for name, more in (("exp2", gap), ("exp3", 0.0)) for seed in (1, 2, 3)
        }  # fmt: skip
        assert replicates.points(study_of(drawn)).best_trial.params == {"experiment": "exp2"}
