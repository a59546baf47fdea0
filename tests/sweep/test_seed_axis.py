"""`replicates=K` is so many training seeds of every point."""

import re

import pytest
from omegaconf import OmegaConf

from openrs.errors import Mistake
from openrs.sweep import seed_axis, space
from tests.helpers.commands import openrs

CONFIG = OmegaConf.create({"seed": 42, "replicates": 1})


def swept(*arguments, params=None):
    """The space of a command line with its axis of seeds."""
    parsed = space.parse(list(arguments), params, None)
    return seed_axis.axis(parsed, CONFIG, seed_axis.stated(parsed, CONFIG))


@pytest.mark.parametrize(
    ("arguments", "params", "numbers"),
    [
        (["a=1,2", "replicates=3"], None, "42,43,44"),
        (["a=1,2", "replicates=2", "seed=7"], None, "7,8"),
        (["a=1,2", "replicates=2"], {"seed": "5"}, "5,6"),
        (["a=1,2"], {"replicates": "2"}, "42,43"),
    ],
)
def test_replicates_are_the_question_that_a_list_of_seeds_asks(arguments, params, numbers):
    made, listed = swept(*arguments, params=params), space.parse(["a=1,2", f"seed={numbers}"], None, None)
    assert made.stored() == listed.stored()
    assert made.points() == listed.points()
    assert "replicates=1" in made.overrides(made.points()[0]), "a job is one run"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a=1,2", "replicates=2", "seed=1,2"], "replicates=2: the sweep has training seeds of its own"),
        (["a=1,2", "replicates=0"], "replicates=0: must be a whole number, at least 1"),
        (["a=1,2", "replicates=2000"], "replicates=2000: must be a whole number, at least 1 and at most"),
        (["a=1,2", "replicates=many"], "replicates=many: must be a whole number"),
        (["a=1,2", "replicates=1,2"], "replicates=1,2: a sweep has one number of replicates"),
    ],
)
def test_what_is_no_number_of_replicates_is_refused(arguments, message):
    with pytest.raises(Mistake, match=message):
        swept(*arguments)


def test_seeds_alone_are_searched_by_no_sampler():
    one = space.parse(["seed=1,2"], None, None)
    with pytest.raises(Mistake, match="nothing but the training seed is swept"):
        seed_axis.of_search(one, extended=False)
    assert seed_axis.of_search(one, extended=True) == (1, 2)
    assert seed_axis.of_search(space.parse(["seed=1,2", "x=interval(0,1)"], None, None), False) == (1, 2)


def test_one_run_has_no_replicates(composed):
    with pytest.raises(Mistake, match="replicates=3: is a setting of a sweep, and this is one run. Give -m"):
        composed("experiment=exp2", "replicates=3")


@pytest.mark.slow
def test_a_plan_counts_every_seed_of_every_point(tmp_path):
    def plan(*arguments):
        priced = "hardware.price_per_device_hour=1000"
        made = openrs("-m", *arguments, "scale=nano", "dry_run=true", f"outputs={tmp_path}", priced)
        assert made.returncode == 0, made.stderr
        (cost,) = re.findall(r"cost .*; \$([\d.]+)", made.stdout)
        return *re.findall(r"trials +(\d+); (\d+) runs", made.stdout), float(cost)

    common = ["experiment=exp2,exp3", "stages=[train]", "objective=reward"]
    once, thrice = plan(*common), plan(*common, "replicates=3")
    assert (once[0], thrice[0]) == (("2", "2"), ("6", "6"))
    assert thrice[1] == pytest.approx(3 * once[1], rel=0.01)
    searched = ["sweeps=learning_rate", "stages=[train]", "objective=reward"]
    assert plan(*searched, "replicates=3")[0] == ("36", "36"), "n_trials counts points"
