"""Fields of GRPOConfig that are passed on: those of the installed class, none that openrs decides."""

from pathlib import Path

import pytest

from openrs.config import names, trl_fields
from openrs.config.trl_words import OWN, WORDS
from openrs.errors import Mistake
from openrs.records.recipe import run_id, trained
from openrs.train.arguments import trainer_arguments
from tests.helpers.commands import heavy_imports
from tests.helpers.composition import config_of


@pytest.mark.slow
def test_the_fields_are_those_of_the_installed_class():
    from dataclasses import fields

    from trl import GRPOConfig

    assert trl_fields.installed().keys() == {field.name for field in fields(GRPOConfig)}
    assert trl_fields.installed()["min_p"] == float | None


@pytest.mark.parametrize("hardware", ["cpu", "a40x4", "a100x1"])
def test_all_that_openrs_sets_has_its_word_or_its_reason(composed, hardware):
    config = composed("experiment=exp3", "scale=paper", f"hardware={hardware}", "tracker=wandb")
    assert trainer_arguments(config, "m", Path("f")).keys() <= {*WORDS, *OWN}
    assert {*WORDS, *OWN} <= trl_fields.installed().keys()
    assert all(names.place(field) for field in WORDS.values())
    assert not WORDS.keys() & OWN.keys()


@pytest.mark.parametrize(
    ("passed", "message"),
    [
        ("{top_q: 0.9}", r"trl\.top_q=0\.9: is no field of the installed TRL's GRPOConfig\. Perhaps top_p"),
        ("{top_k: 1.5}", r"trl\.top_k=1\.5: must be a whole number\. Give for example algorithm\.trl\.top_k"),
        ("{top_k: '5'}", r"trl\.top_k='5': must be a whole number"),
        ("{top_p: null}", r"trl\.top_p=null: must be a number"),
        ("{sync_ref_model: 3}", r"trl\.sync_ref_model=3: must be true or false"),
        ("{learning_rate: 1}", r"is decided by algorithm\.learning_rate\. Give algorithm\.learning_rate"),
        ("{use_vllm: true}", r"is decided by hardware\.generation"),
        ("{reward_weights: [1]}", r"cannot be passed on, as each term of reward has its own weight"),
        ("{label_smoothing_factor: 0.1}", r"as it has no effect on GRPO"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_on_is_refused(passed, message):
    with pytest.raises(Mistake, match=message):
        config_of("scale=nano", f"algorithm.trl={passed}")


def identity(*overrides):
    return run_id(trained(config_of("scale=nano", "experiment=exp3", *overrides), weights="w", rows="r"))


def test_what_is_passed_on_is_a_part_of_the_recipe_and_reaches_trl():
    passed = config_of("scale=nano", "algorithm.trl.top_k=50", "+algorithm.trl.sync_ref_model=true")
    arguments = trainer_arguments(passed, "m", Path("f"))
    assert (arguments["top_k"], arguments["sync_ref_model"]) == (50, True)
    assert "trl" not in trained(config_of("scale=nano"), weights="w", rows="r")["algorithm"]
    assert len({identity(), identity("algorithm.trl.top_k=50"), identity("algorithm.trl={top_k: 51}")}) == 3


def test_the_corrections_mode_and_cap_are_a_part_of_the_recipe_unless_they_are_trls_own():
    own = ("algorithm.importance_sampling_mode=sequence_mask", "algorithm.importance_sampling_cap=3")
    other = ("algorithm.importance_sampling_mode=token_mask", "algorithm.importance_sampling_cap=null")
    assert identity("algorithm=grpo", *own) == identity("algorithm=grpo")
    assert len({identity("algorithm=grpo", *chosen) for chosen in (own, other, other[:1], other[1:])}) == 4
    arguments = trainer_arguments(config_of("scale=nano", "algorithm=grpo", *other), "m", Path("f"))
    assert arguments["vllm_importance_sampling_mode"] == "token_mask"
    assert arguments["vllm_importance_sampling_clip_max"] is None


@pytest.mark.slow
def test_what_trl_refuses_in_itself_is_one_line(tmp_path):
    from openrs.plan import resolve
    from openrs.train.trainer import train

    config = config_of(
        "scale=nano", f"outputs={tmp_path}", "algorithm.trl.vllm_importance_sampling_clip_min=4.0"
    )
    plan = resolve(config)
    with pytest.raises(Mistake, match=r"algorithm\.trl=\{.*\}: TRL refuses it .* must be less than .*Change"):
        train(config, plan.run, plan.mix)


@pytest.mark.slow
def test_the_fields_are_read_without_importing_trl(tmp_path):
    heavy, shown = heavy_imports(
        "scale=nano", "algorithm.trl={top_k: 50}", "dry_run=true", f"outputs={tmp_path}"
    )
    assert heavy == [], shown.stderr
