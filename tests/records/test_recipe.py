"""Laws of identity: what changes a run's id and what does not."""

import dataclasses
import json
import subprocess
import sys

import pytest

from openrs.config.fields import bearing
from openrs.config.training import Reward
from openrs.records import recipe

WEIGHTS, ROWS = "w", "r"


def run_id(config):
    return recipe.run_id(recipe.trained(config, weights=WEIGHTS, rows=ROWS))


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "tracker=wandb",
        "adapter=none",
        "hardware.evaluation_batch=7",
        "steps.stop_at=50",
        "steps.save_every=25",
        "evaluation.temperature=1.0",
        "evaluation.num_seeds.aime24=3",
        "outputs=/elsewhere",
        "report_step=50",
        "stages=[train]",
        "catalog.sources.open_rs.id=x/y",
    ],
)
def test_what_does_not_decide_the_weights_keeps_the_id(composed, override):
    extra = ["evaluation.checkpoints=[last]"]
    same = composed("experiment=exp3", *extra)
    assert run_id(composed("experiment=exp3", override, *extra)) == run_id(same)


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "data=mixed",
        "data.seed=1",
        "length=cap4096",
        "length.prompt=100",
        "reward=accuracy",
        "reward.cosine.weight=1",
        "reward=cosine_as_written",
        "prompt=r1",
        "prompt.system=null",
        "algorithm=grpo",
        "algorithm.learning_rate=1e-5",
        "algorithm.micro_batch=12",
        "algorithm.optimizer=adamw_torch_fused",
        "algorithm.optimizer=adamw_8bit",
        "adapter=lora",
        "model.attention=eager",
        "model.compute_dtype=bfloat16",
        "steps.total=200",
    ],
)
def test_what_decides_the_weights_changes_the_id(composed, override):
    assert run_id(composed("experiment=exp3", override)) != run_id(composed("experiment=exp3"))


def changes(config, identity):
    """The config with each of its fields of an identity changed, one at a time."""
    for name, value in bearing(config, identity).items():
        group = getattr(config, name)
        if not dataclasses.is_dataclass(group):
            yield name, dataclasses.replace(config, **{name: "changed"})
            continue
        for field in value:
            changed = dataclasses.replace(group, **{field: "changed"})
            yield f"{name}.{field}", dataclasses.replace(config, **{name: changed})


def test_every_field_of_the_recipe_bears_on_the_id_of_a_run_alone(composed):
    config = dataclasses.replace(composed("experiment=exp3"), reward=Reward())
    rows = [{"problem": "p", "gold": "1"}]
    before, score = run_id(config), recipe.evaluation_id(config, "aime24", rows)
    changed = dict(changes(config, "recipe"))
    assert {
        "seed",
        "data.curriculum",
        "length.stages",
        "model.compute_dtype",
        "algorithm.beta",
    } <= changed.keys()
    for name, other in changed.items():
        if not name.startswith("reward"):
            assert run_id(other) != before, name
        assert recipe.evaluation_id(other, "aime24", rows) == score, name


def test_every_setting_of_evaluation_bears_on_the_id_of_a_score_alone(composed):
    config = composed("experiment=exp3")
    rows = [{"problem": "p", "gold": "1"}]
    before, score = run_id(config), recipe.evaluation_id(config, "aime24", rows)
    changed = dict(changes(config, "evaluation"))
    assert {"engine.kind", "model.evaluation_dtype", "evaluation.top_p"} <= changed.keys()
    for name, other in changed.items():
        assert run_id(other) == before, name
        assert recipe.evaluation_id(other, "aime24", rows) != score, name


def test_every_other_field_bears_on_neither_id(composed):
    config = composed("experiment=exp3")
    rows = [{"problem": "p", "gold": "1"}]
    before, score = run_id(config), recipe.evaluation_id(config, "aime24", rows)
    for name, other in changes(config, "neither"):
        assert run_id(other) == before, name
        assert recipe.evaluation_id(other, "aime24", rows) == score, name


def test_rows_weights_and_reward_versions_bear_on_the_id(composed, monkeypatch):
    config = composed("experiment=exp3")
    base = run_id(config)
    assert recipe.run_id(recipe.trained(config, weights="x", rows=ROWS)) != base
    assert recipe.run_id(recipe.trained(config, weights=WEIGHTS, rows="x")) != base
    monkeypatch.setattr(type(config.reward.cosine), "version", 2)
    assert run_id(config) != base


def test_the_base_model_has_one_id_whatever_the_data(composed):
    ids = {
        recipe.run_id(recipe.untrained(composed("experiment=base", *more), weights=WEIGHTS))
        for more in ([], ["data=mixed"], ["seed=3"], ["reward=cosine_as_run"])
    }
    assert len(ids) == 1


def test_the_id_is_the_same_in_another_process(composed):
    made = recipe.trained(composed("experiment=exp3"), weights=WEIGHTS, rows=ROWS)
    code = "import json,sys; from openrs.records.recipe import run_id; print(run_id(json.load(sys.stdin)))"
    other = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(made),
        text=True,
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert other.stdout.strip() == recipe.run_id(made)


def test_an_old_id_is_never_rehashed():
    """A change of the hash would orphan every run that exists."""
    assert recipe.run_id({"schema": 1, "model": {"id": "m"}, "seed": 42}).startswith("0702aeef5f95")


def test_evaluation_settings_have_their_own_id(composed):
    config = composed("experiment=exp3")
    rows = [{"problem": "p", "gold": "1"}]
    first = recipe.evaluation_id(config, "aime24", rows)
    assert recipe.evaluation_id(composed("experiment=exp1", "seed=2"), "aime24", rows) == first
    assert recipe.evaluation_id(config, "amc23", rows) != first
    assert recipe.evaluation_id(config, "aime24", [{"problem": "q", "gold": "1"}]) != first
    for change in ("temperature=0.8", "top_p=0.9", "max_new_tokens=100", "instruction=x"):
        other = composed("experiment=exp3", f"evaluation.{change}")
        assert recipe.evaluation_id(other, "aime24", rows) != first
    regolded = [{"problem": "p", "gold": "2"}]
    assert recipe.evaluation_id(config, "aime24", regolded) == first
    scored = recipe.scoring_id(config, "aime24", rows)
    assert recipe.scoring_id(config, "aime24", regolded) != scored
    expr = composed("experiment=exp3", "catalog.benchmarks.aime24.gold_kind=expr")
    assert recipe.scoring_id(expr, "aime24", rows) != scored


@pytest.mark.parametrize(
    ("overrides", "pinned"),
    [
        (["experiment=exp3", "scale=nano"], "949ccb5517fe9d89"),
        (["experiment=exp3", "scale=paper"], "2d75349929f63c94"),
        (["scale=nano", "engine=server"], "502f5c3397c1e83b"),
    ],
)
def test_settings_of_evaluation_keep_their_ids(composed, overrides, pinned):
    rows = [{"problem": "p", "gold": "1"}]
    assert recipe.evaluation_id(composed(*overrides), "aime24", rows).startswith(pinned)


def test_a_field_added_later_keeps_old_ids_at_its_old_meaning(composed, monkeypatch):
    config = composed("experiment=exp3")
    with_field = run_id(config)
    monkeypatch.setattr(recipe, "ADDED", {"reward.*.unparsable_gold": 1.0, "algorithm.beta": 0.5})
    without = recipe.trained(config, weights=WEIGHTS, rows=ROWS)
    assert "unparsable_gold" not in without["reward"]["cosine"]
    assert "beta" in without["algorithm"]  # at another value: part of the identity
    assert recipe.run_id(without) != with_field


@pytest.mark.parametrize(
    ("experiment", "scale", "pinned"),
    [
        ("exp1", "nano", "fd934178b590ae8a"),
        ("exp2", "nano", "9e77fc28e547cbd6"),
        ("exp3", "nano", "27a57408929bc7c7"),
        ("exp1", "paper", "d259232ed314375f"),
        ("exp2", "paper", "582611eede048b56"),
        ("exp3", "paper", "d986033918ca0924"),
    ],
)
def test_the_papers_experiments_keep_their_ids(composed, experiment, scale, pinned):
    """Whatever is added or renamed: what was trained under these recipes must be found again."""
    assert run_id(composed(f"experiment={experiment}", f"scale={scale}")).startswith(pinned)


def test_sound_and_as_run_rewards_are_other_recipes(composed):
    for sound, as_run in [("accuracy", "accuracy_as_run"), ("length", "length_as_upstream")]:
        assert run_id(composed(f"reward={sound}")) != run_id(composed(f"reward={as_run}"))
    made = recipe.trained(composed("reward=accuracy"), weights=WEIGHTS, rows=ROWS)
    assert made["reward"]["accuracy"]["gold_first"] is True  # only its old meaning is left out
    terms = ["tag_count", "length", "repetition_penalty", "reasoning_steps", "english_only"]
    ids = {run_id(composed("experiment=exp1", f"reward.{term}={{}}")) for term in terms}
    assert len(ids | {run_id(composed("experiment=exp1"))}) == len(terms) + 1
