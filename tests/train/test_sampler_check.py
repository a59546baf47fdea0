"""A sampler whose weights are not the trainer's is found, and one whose are changes nothing."""

import pytest

from openrs.records import recipe
from tests.helpers import commands
from tests.helpers.jobs import SHORT, metrics, only_run, weights

SCRIPT = "tests/helpers/lagging_sampler.py"
FIXED = [override for override in SHORT if not override.startswith(("scale=", "evaluation."))]


def trained(tmp_path, last, *overrides):
    made = commands.openrs(str(last), *FIXED, f"outputs={tmp_path}", *overrides, module=SCRIPT)
    return made, only_run(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo_paper", "grpo"])
def test_a_sampler_with_the_trainers_weights_agrees_and_the_check_changes_nothing(tmp_path, algorithm):
    """At the temperature of sampling, whether the loss scales logits by it or not."""
    runs = []
    for every in (1, 100):
        options = (f"algorithm={algorithm}", f"hardware.sampler_check_every={every}")
        made, run = trained(tmp_path / str(every), 1000, *options)
        assert made.returncode == 0, made.stderr[-3000:]
        runs.append(run)
    often, once = map(metrics, runs)
    assert [line.get("sampling_gap", 1) < 1e-4 for line in often] == [True] * 6
    assert ["sampling_gap" in line for line in once] == [True] + [False] * 5
    assert runs[0].name == runs[1].name
    assert weights(runs[0], 6) == weights(runs[1], 6)


@pytest.mark.slow
def test_a_sampler_that_keeps_old_weights_is_found(tmp_path):
    """It lags from step 4; comparisons are due at 1, 3 and 5, of which the last finds it."""
    made, run = trained(tmp_path, 3, "hardware.sampler_check_every=2")
    assert made.returncode == 1
    (error,) = (line for line in made.stderr.splitlines() if "errors.Crashed" in line)
    assert "at step 5 the sampler's log-probabilities differ" in error
    assert "The two agreed at step 3: delete the checkpoints after it" in error
    assert [line.get("sampling_gap", 1) < 1e-4 for line in metrics(run)] == [True, False, True, False]


def test_the_check_is_no_part_of_a_recipe(composed):
    def identity(*overrides):
        return recipe.run_id(recipe.trained(composed("experiment=exp3", *overrides), weights="w", rows="r"))

    often = (
        "hardware.sampler_check_every=1",
        "hardware.sampler_gap_limit=1",
        "collapse.sampling_gap_above=1",
    )
    assert identity(*often) == identity()
