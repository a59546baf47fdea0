"""A sampler whose weights are not the trainer's is found, and one whose are changes nothing."""

import pytest

from openrs.records import recipe
from tests.helpers import commands
from tests.helpers.jobs import SHORT, metrics, only_run, weights

SCRIPT = "tests/helpers/lagging_sampler.py"
FIXED = [override for override in SHORT if not override.startswith(("scale=", "evaluation."))]
SMALL = [
    *FIXED, "algorithm.prompts_per_step=2", "data.draws.open_s1.count=4",
    "data.draws.open_deepscaler.count=2", "data.draws.easy.count=2", "steps.save_every=3", "report_step=3",
]  # fmt: skip


def trained(tmp_path, last, *overrides):
    made = commands.openrs(str(last), *SMALL, f"outputs={tmp_path}", *overrides, module=SCRIPT)
    return made, only_run(tmp_path)


def gaps(run):
    return [line.get("sampling_gap") for line in metrics(run)]


@pytest.mark.slow
def test_a_sampler_with_the_trainers_weights_agrees_and_the_check_changes_nothing(tmp_path):
    """At the temperature of sampling, also where the loss does not scale logits by it, as in grpo_paper."""
    runs = []
    for every in (1, 100):
        made, run = trained(tmp_path / str(every), 1000, f"hardware.sampler_check_every={every}")
        assert made.returncode == 0, made.stderr[-3000:]
        runs.append(run)
    often, once = map(gaps, runs)
    assert [gap < 1e-4 for gap in often] == [True] * 6
    assert [gap is None for gap in once] == [False] + [True] * 5
    assert runs[0].name == runs[1].name
    assert weights(runs[0], 6) == weights(runs[1], 6)


@pytest.mark.slow
def test_logits_that_the_loss_divides_by_the_temperature_agree_too(tmp_path):
    made, run = trained(tmp_path, 1000, "algorithm=grpo", "steps.stop_at=1")
    assert made.returncode == 0, made.stderr[-3000:]
    assert gaps(run)[0] < 1e-4


@pytest.mark.slow
def test_a_sampler_that_keeps_old_weights_is_found(tmp_path):
    """It lags from step 4; comparisons are due at 1, 3 and 5, of which the last finds it."""
    made, run = trained(tmp_path, 3, "hardware.sampler_check_every=2", "algorithm.learning_rate=4e-4")
    assert made.returncode == 1
    (error,) = (line for line in made.stderr.splitlines() if "errors.Crashed" in line)
    assert "at step 5 the sampler's log-probabilities differ" in error
    assert "The two agreed at step 3: delete the checkpoints after it" in error
    assert [gap is None for gap in gaps(run)] == [False, True, False, True]


def test_the_check_is_no_part_of_a_recipe(composed):
    def identity(*overrides):
        return recipe.run_id(recipe.trained(composed("experiment=exp3", *overrides), weights="w", rows="r"))

    often = (
        "hardware.sampler_check_every=1",
        "hardware.sampler_gap_limit=1",
        "collapse.sampling_gap_above=1",
    )
    assert identity(*often) == identity()
