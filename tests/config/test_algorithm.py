"""The algorithms of conf/: what TRL is given for each, what has no effect together, and what is the same."""

from pathlib import Path

import pytest

from openrs.config.checks.algorithm import on_policy
from openrs.records import recipe
from openrs.train.arguments import trainer_arguments
from tests.helpers.commands import openrs
from tests.helpers.sweeps import TRAINING
from tests.train.test_custom_reward import lines, runs

LOSS = (
    "loss_type",
    "importance_sampling_level",
    "epsilon",
    "epsilon_high",
    "delta",
    "multi_objective_aggregation",
    "scale_rewards",
    "beta",
    "entropy_coef",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "golden"),
    {
        "grpo_paper": ("bnpo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.04, 0.0),
        "grpo": ("dapo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.0, 0.0),
        "dapo": ("dapo", "token", 0.2, 0.28, None, "sum_then_normalize", "group", 0.0, 0.0),
        "dr_grpo": ("dr_grpo", "token", 0.2, None, None, "sum_then_normalize", "none", 0.0, 0.0),
        "gspo": ("grpo", "sequence", 3e-4, 4e-4, None, "sum_then_normalize", "group", 0.0, 0.0),
        "luspo": ("luspo", "sequence", 3e-4, 4e-4, None, "sum_then_normalize", "group", 0.0, 0.0),
        "cispo": ("cispo", "token", 0.2, 5.0, None, "sum_then_normalize", "group", 0.0, 0.0),
        "sapo": ("sapo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.0, 0.0),
        "vespo": ("vespo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.0, 0.0),
        "gdpo": ("dapo", "token", 0.2, None, None, "normalize_then_sum", "group", 0.0, 0.0),
        "two_sided": ("dapo", "token", 0.2, None, 4.0, "sum_then_normalize", "group", 0.0, 0.0),
        "entropy": ("dapo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.0, 0.001),
        "high_entropy": ("dapo", "token", 0.2, None, None, "sum_then_normalize", "group", 0.0, 0.0),
    }.items(),
)
def test_each_algorithm_is_what_trl_is_given(composed, algorithm, golden):
    config = composed("experiment=exp2", f"algorithm={algorithm}")
    arguments = trainer_arguments(config, "weights", Path("train"))
    assert tuple(arguments[name] for name in LOSS) == golden
    assert config.algorithm.name == algorithm


def test_every_algorithm_of_conf_is_pinned_here():
    options = {path.stem for path in Path("conf/algorithm").glob("*.yaml")}
    mark, *_ = test_each_algorithm_is_what_trl_is_given.pytestmark
    assert options == {algorithm for algorithm, _ in mark.args[1]} | {"reused"}


def test_what_joins_an_algorithm_or_is_passed_on(composed):
    """As many generations, however many steps use each."""

    def arguments(*overrides):
        return trainer_arguments(composed("experiment=exp2", *overrides), "weights", Path("train"))

    twice = arguments("algorithm=[gspo,reused]", "steps=generations", "scale=paper", "hardware=a40x4")
    once = arguments("algorithm=gspo", "steps=generations", "scale=paper", "hardware=a40x4")
    assert [item["num_iterations"] for item in (once, twice)] == [1, 2]
    assert [item["max_steps"] for item in (once, twice)] == [125, 250]
    assert twice["importance_sampling_level"] == "sequence"
    assert arguments("algorithm=high_entropy")["top_entropy_quantile"] == 0.2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["algorithm=dapo", "algorithm.ratio_level=sequence"],
            r"ratio_level=sequence: weighs .* by its length",
        ),
        (["algorithm=luspo", "algorithm.ratio_level=token"], r"algorithm\.loss=luspo: scales the loss"),
        (["algorithm=grpo", "algorithm.loss=cispo"], r"epsilon_high=null: is the largest weight .*=5\.0"),
        (["algorithm=sapo", "algorithm.epsilon_high=0.3"], r"epsilon_high=0\.3: has no effect"),
        (["algorithm=vespo", "algorithm.ratio_cap=4"], r"ratio_cap=4\.0: has no effect"),
        (
            ["algorithm=vespo", "algorithm.importance_sampling_mode=sequence_mask"],
            r"importance_sampling_mode=sequence_mask: weighs whole completions",
        ),
        (["algorithm=dapo", "algorithm.ratio_cap=1.2"], r"ratio_cap=1\.2: must be greater than 1\.28"),
        (
            ["algorithm=grpo", "algorithm.trl={delta: 4.0}"],
            r"trl\.delta=4\.0: is decided by algorithm\.ratio_cap",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(composed, overrides, message):
    with pytest.raises(ValueError, match=message):
        composed("experiment=exp2", *overrides)


def test_a_new_word_changes_no_older_recipe_and_its_value_does(composed):
    def identity(*overrides):
        config = composed("experiment=exp2", "algorithm=grpo", *overrides)
        return recipe.run_id(recipe.trained(config, weights="w", rows="r"))

    plain = identity()
    assert identity("algorithm.ratio_level=token", "algorithm.entropy_bonus=0") == plain
    assert identity("algorithm.entropy_bonus=0.01") != plain


@pytest.mark.parametrize(
    ("overrides", "plain"),
    [
        (["algorithm=gspo"], "grpo"),
        (["algorithm=sapo"], "grpo"),
        (["algorithm=cispo"], "dapo"),
        (["algorithm=two_sided"], "dapo"),
        (["algorithm=dapo"], ""),
        (["algorithm=gspo", "algorithm.num_iterations=2"], ""),
        (["algorithm=gspo", "algorithm.beta=0.04"], ""),
    ],
)
def test_the_plan_says_which_plain_loss_has_the_gradient(composed, overrides, plain):
    assert on_policy(composed("experiment=exp2", *overrides).algorithm) == plain


def norms(folder, *overrides):
    """The norm of the gradient at each step of a training."""
    before = set(runs(folder))
    done = openrs(*TRAINING, "stages=[train]", *overrides, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    (run,) = set(runs(folder)) - before
    return [line["grad_norm"] for line in lines(run)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "loss"), [("gspo", "grpo"), ("sapo", "grpo"), ("cispo", "dapo"), ("two_sided", "dapo")]
)
def test_used_once_completions_give_the_plain_gradient(tmp_path, algorithm, loss):
    plain = norms(tmp_path, "algorithm=grpo", f"algorithm.loss={loss}", "steps.total=1")
    assert norms(tmp_path, f"algorithm={algorithm}", "steps.total=1") == pytest.approx(plain, rel=1e-5)


@pytest.mark.slow
def test_used_twice_completions_give_another_gradient(tmp_path):
    """Norms are those of steps 1, 3 and 5, which generate. The rate of step 1 is 0, so step 4 is the first
    whose ratio is not 1, and step 5 the first after it."""
    twice = ("algorithm.num_iterations=2", "steps.total=6", "steps.save_every=2", "report_step=2")
    plain = norms(tmp_path, "algorithm=grpo", "algorithm.loss=grpo", *twice)
    sequence = norms(tmp_path, "algorithm=gspo", *twice)
    assert sequence[:2] == pytest.approx(plain[:2], rel=1e-5)
    assert sequence[2] != pytest.approx(plain[2], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["luspo", "vespo", "gdpo"])
def test_the_other_algorithms_train(tmp_path, algorithm):
    assert norms(tmp_path, f"algorithm={algorithm}", "steps.total=1")[0] > 0
