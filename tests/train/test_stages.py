"""Caps that grow and data that comes in turns: settings of one run, with an identity of their own."""

import random
from types import SimpleNamespace

import pytest

from openrs.config.training import Data, Draw, GrowingCap
from openrs.data.mix import mix, prompt_order, turns
from openrs.data.rows import Rows
from openrs.errors import Mistake
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
    own = [1] * 30 + [0] * 18
    random.Random(0).shuffle(own)
    order = prompt_order(48, 12, 8, 3, own)  # two epochs of four steps
    for epoch in (order[:48], order[48:]):
        assert sorted(epoch) == list(range(48))
        assert [own[row] for row in epoch] == [0] * 18 + [1] * 30
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
        callback.on_step_begin(None, SimpleNamespace(global_step=done, log_history=[]), None)
        assert trainer.generation_config.max_new_tokens == trainer.generation_kwargs["max_new_tokens"] == cap
    start = SimpleNamespace(global_step=0, log_history=[])
    served = SimpleNamespace(use_vllm=True, vllm_generation=SimpleNamespace())
    StagedCap(served, length).on_step_begin(None, start, None)
    assert served.vllm_generation.max_completion_length == 26


RATED = [
    {"problem": f"What is {n}+1?", "solution": f"$\\boxed{{{n + 1}}}$", "rates": {"solvable": (n % 3) / 4}}
    for n in range(48)
]


def test_each_epoch_goes_from_the_highest_pass_rate_to_the_lowest():
    def drawn(rows, **fields):
        return mix(Data(draws={"own": Draw(source="own")}, **fields), {"own": Rows(rows)}, {})

    rated = drawn(RATED, pass_rate="solvable")
    unrated = [{key: value for key, value in RATED[0].items() if key != "rates"}, *RATED[1:]]
    last = drawn(unrated, pass_rate="solvable")
    order = prompt_order(48, 12, 8, 3, turns(rated.rows))  # two epochs of four steps
    rates = [rated.rows[index]["rate"] for index in order]
    assert rates == ([0.5] * 16 + [0.25] * 16 + [0.0] * 16) * 2
    assert order[:48] != order[48:], "shuffled within a rate"
    assert turns(last.rows)[0] == 3, "what has no rate comes last"
    assert turns(drawn(RATED).rows) == []
    changed = [RATED[0] | {"rates": {"solvable": 1.0}}, *RATED[1:]]
    assert drawn(RATED).fingerprint == drawn(changed).fingerprint != rated.fingerprint
    assert drawn(changed, pass_rate="solvable").fingerprint != rated.fingerprint
    with pytest.raises(Mistake, match=r"data\.pass_rate=judge: 0 of 48 rows have .* Give solvable\."):
        drawn(RATED, pass_rate="judge")


@pytest.mark.parametrize(
    ("shares", "cap"),
    [
        ([], 26),
        ([0.5, 0.5], 26),
        ([0.5, 0.5, 0.5], 39),
        ([0.1, 0.1, 0.1], 26),
        ([0.1, 0.1, 0.1, 0.5, 0.5], 39),
        ([0.5] * 6, 59),
        ([0.5] * 30, 90),
    ],
    ids=["start", "no window yet", "one window", "few", "later", "twice", "never past the last"],
)
def test_a_cap_grows_as_often_as_a_window_of_generations_ran_into_it(shares, cap):
    assert GrowingCap(start=26, factor=1.5, truncated_above=0.2, window=3).after(shares, 90) == cap


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["length=growing", "length.growing.start=90"],
            r"length\.growing\.start=90: leaves nothing to grow to",
        ),
        (["length=staged", "length.growing={start: 26}"], r"length\.growing=.*so does length\.stages"),
        (
            ["data=mixed_easy_first", "data.pass_rate=solvable"],
            r"data\.pass_rate=solvable: orders .*curriculum",
        ),
    ],
)
def test_two_orders_or_two_caps_are_refused(composed, overrides, message):
    with pytest.raises(ValueError, match=message):
        composed("experiment=exp2", *overrides)


def test_growing_caps_and_rates_are_part_of_the_recipe(composed):
    plain = identity(composed("experiment=exp2"))
    assert identity(composed("experiment=exp2", "length=growing")) != plain
    assert identity(composed("experiment=exp2", "data.pass_rate=solvable")) != plain
