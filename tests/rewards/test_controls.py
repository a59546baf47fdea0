"""Control arms: rewards that know nothing of what is right, and gold answers of other problems."""

from types import SimpleNamespace

import pytest

from openrs.config.training import Data, Draw
from openrs.data.mix import mix
from openrs.data.rows import Rows
from openrs.rewards.controls import coin, wrong_label
from openrs.rewards.hackable import word


def completions(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


def thrown(step, bias, texts):
    return coin(completions(*texts), ["p"] * len(texts), SimpleNamespace(global_step=step), bias=bias)


@pytest.mark.parametrize("bias", [0.2, 0.5, 0.8])
def test_a_coin_pays_as_often_as_its_bias_says(bias):
    values = [value for step in range(400) for value in thrown(step, bias, ["a", "b", "c", "d", "e"])]
    assert set(values) == {0.0, 1.0}
    assert sum(values) / len(values) == pytest.approx(bias, abs=4 * (bias * (1 - bias) / 2000) ** 0.5)


def test_the_same_step_throws_the_same_coins_and_no_text_is_worth_more():
    assert thrown(7, 0.5, list("abcdefgh")) == thrown(7, 0.5, list("abcdefgh"))
    of_text = [sum(thrown(step, 0.5, ["same", "other"])[place] for step in range(2000)) for place in (0, 1)]
    assert of_text == pytest.approx([1000, 1000], abs=90)  # four standard deviations


def test_the_commonest_wrong_answer_of_each_problem_is_paid():
    texts = [r"\boxed{4}", r"\boxed{5}", r"\boxed{5}", r"\boxed{7}", "none", r"\boxed{9}", r"\boxed{4}"]
    problems = ["a"] * 5 + ["b"] * 2
    paid = wrong_label(completions(*texts), [r"$\boxed{4}$"] * 7, problems)
    assert paid == [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]


def test_no_answer_is_paid_where_all_are_right():
    assert wrong_label(completions(r"\boxed{4}"), [r"$\boxed{4}$"], ["a"]) == [0.0]


def test_shuffled_golds_are_the_same_golds_on_other_rows():
    rows = [{"problem": f"What is {n} + 1?", "solution": f"$\\boxed{{{n + 1}}}$"} for n in range(50)]

    def drawn(**fields):
        data = Data(draws={"own": Draw(source="own")}, **fields)
        return mix(data, {"own": Rows(rows)}, {})

    plain, shuffled = drawn(), drawn(shuffled_golds=True)
    assert [row["problem"] for row in shuffled.rows] == [row["problem"] for row in plain.rows]
    golds = [[row["solution"] for row in item.rows] for item in (plain, shuffled)]
    assert sorted(golds[0]) == sorted(golds[1])
    assert all(one != other for one, other in zip(*golds, strict=True))
    assert shuffled.fingerprint == drawn(shuffled_golds=True).fingerprint != plain.fingerprint
    assert drawn(shuffled_golds=True, seed=1).fingerprint != shuffled.fingerprint


def test_a_word_is_paid_in_any_case_and_not_as_a_part_of_another():
    texts = completions("Therefore 4", "thereforex 4", "so, therefore.", "4")
    assert word(texts) == [1.0, 0.0, 1.0, 0.0]
    assert word(texts, word="4") == [1.0, 1.0, 0.0, 1.0]
