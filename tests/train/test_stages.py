"""Caps that grow and data that comes in turns: settings of one run, with an identity of their own."""

import random
from types import SimpleNamespace

import pytest

from openrs.data.mix import prompt_order
from openrs.plan import resolve
from openrs.records import recipe


def identity(config):
    return recipe.run_id(recipe.trained(config, weights="w", rows="r"))


def test_a_staged_cap_grows_at_its_steps(composed):
    length = composed("experiment=exp2", "length=staged").length
    caps = {step: length.at(step) for step in (1, 20, 21, 40, 41, 100)}
    assert caps == {1: 26, 20: 26, 21: 51, 40: 51, 41: 90, 100: 90}
    assert composed("experiment=exp2").length.at(1) == 90


def test_stages_and_turns_are_part_of_the_recipe(composed):
    plain = identity(composed("experiment=exp2", "data=mixed"))
    assert identity(composed("experiment=exp2", "data=mixed", "length=staged")) != plain
    assert identity(composed("experiment=exp2", "data=mixed_easy_first")) != plain
    assert identity(composed("experiment=exp2", "data=mixed", "data.curriculum=[]")) == plain


def test_the_plan_tells_the_caps(composed, tmp_path):
    from openrs.command.plan_text import describe

    told = "\n".join(describe(resolve(composed("experiment=exp2", "length=staged", f"outputs={tmp_path}"))))
    assert "26 (to step 20) then 51 (to step 40) then 90 tokens at most" in told


@pytest.mark.parametrize(
    "stages",
    [
        "[{until:10,completion:64},{until:5,completion:80}]",
        "[{until:10,completion:64},{until:20,completion:32}]",
        "[{until:10,completion:500}]",
        "[{until:100,completion:64}]",
    ],
)
def test_stages_that_do_not_grow_are_refused(composed, stages):
    with pytest.raises(ValueError, match=r"length\.stages=.*must grow"):
        composed("experiment=exp2", f"length.stages={stages}")


def test_a_curriculum_names_every_draw_once(composed):
    with pytest.raises(ValueError, match=r"data\.curriculum=.*must name every draw once"):
        composed("experiment=exp2", "data=mixed", "data.curriculum=[[easy]]")


def test_in_each_epoch_rows_come_in_their_turns():
    turns = [1] * 30 + [0] * 18
    random.Random(0).shuffle(turns)
    order = prompt_order(48, 12, 8, 3, turns)  # two epochs of four steps
    for epoch in (order[:48], order[48:]):
        assert sorted(epoch) == list(range(48))
        assert [turns[row] for row in epoch] == [0] * 18 + [1] * 30
    assert order[:48] != order[48:], "shuffled within a turn"


@pytest.mark.slow  # imports TRL
def test_the_trainer_is_given_the_cap_of_each_step(composed):
    from openrs.train.trainer import StagedCap

    length = composed("experiment=exp2", "length=staged").length
    trainer = SimpleNamespace(
        use_vllm=False, generation_config=SimpleNamespace(), generation_kwargs={"max_new_tokens": 90}
    )
    callback = StagedCap(trainer, length)
    for done, cap in ((0, 26), (19, 26), (20, 51), (40, 90)):
        callback.on_step_begin(None, SimpleNamespace(global_step=done), None)
        assert trainer.generation_config.max_new_tokens == trainer.generation_kwargs["max_new_tokens"] == cap
    served = SimpleNamespace(use_vllm=True, vllm_generation=SimpleNamespace())
    StagedCap(served, length).on_step_begin(None, SimpleNamespace(global_step=0), None)
    assert served.vllm_generation.max_completion_length == 26
