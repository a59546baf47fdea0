"""Rewards that look at the text alone: tables of cases, sound and as upstream."""

import time

import pytest

from openrs.errors import Mistake
from openrs.rewards import (
    EnglishOnlyReward,
    FormatReward,
    ReasoningStepsReward,
    RepetitionPenaltyReward,
    TagCountReward,
)
from openrs.rewards.scripts import foreign_share


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "term", "value"),
    [
        ("tag_count", "tag_count", TagCountReward()),
        ("tag_count_as_upstream", "tag_count", TagCountReward(opened_by_template=False)),
        ("repetition_penalty", "repetition_penalty", RepetitionPenaltyReward()),
        (
            "repetition_penalty_as_upstream",
            "repetition_penalty",
            RepetitionPenaltyReward(ngram_size=3, max_penalty=-1.0, split_unspaced=False),
        ),
        ("reasoning_steps", "reasoning_steps", ReasoningStepsReward()),
        ("reasoning_steps_as_upstream", "reasoning_steps", ReasoningStepsReward(every_line=False)),
        ("english_only", "english_only", EnglishOnlyReward()),
    ],
)
def test_the_options_are_what_these_tables_pin(composed, option, term, value):
    reward = composed(f"reward=[accuracy,{option}]").reward
    assert getattr(reward, term) == value
    assert reward.format is not None  # joined to what `accuracy` brings


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("steps\n</think>\n\n\\boxed{1}", 1.0),
        ("steps\n</think>\nanswer", 1.0),
        ("steps</think>\nanswer", 0.0),
        ("steps\n</think>answer", 0.0),
        ("a\n</think>\nb\n</think>\nc", 0.0),
        ("no end of thinking", 0.0),
        ("<think>\nsteps\n</think>\n<answer>1</answer>", 1.0),
        ("", 0.0),
    ],
)
def test_format(text, reward):
    assert FormatReward()(completions=said(text)) == [reward]


@pytest.mark.parametrize(
    ("text", "sound", "as_upstream"),
    [
        ("steps\n</think>\nanswer", 1.0, 0.5),  # the template opened it
        ("<think>\nsteps\n</think>\nanswer", 0.5, 1.0),  # opened a second time, or the first
        ("<think>\nsteps", 0.0, 0.5),
        ("steps", 0.5, 0.0),
        ("<think>\na<think>\nb\n</think>\nc", 0.5, 0.5),
        ("<think>\na\n</think>\nb\n</think>\nc", 0.0, 0.5),
        ("a</think>b", 0.5, 0.0),
        ("", 0.5, 0.0),
    ],
)
def test_tag_count(text, sound, as_upstream):
    assert TagCountReward()(completions=said(text)) == [sound]
    assert TagCountReward(opened_by_template=False)(completions=said(text)) == [as_upstream]


@pytest.mark.parametrize(
    ("text", "sound", "as_upstream"),
    [
        ("", 0.0, 0.0),
        ("two words", 0.0, 0.0),
        ("three words here", 0.0, 0.0),
        ("a b c a b c", -0.25, -0.25),  # 4 trigrams, 3 of them new
        ("A b C a B c", -0.25, -0.25),  # case is folded
        ("a a a a a a", -0.75, -0.75),
        ("wait " * 1000, -(1 - 1 / 998), -(1 - 1 / 998)),
        ("我们需要" * 100, -(1 - 4 / 398), 0.0),  # no white space: one word
        ("我们需要计算这个", 0.0, 0.0),
        ("이것은 " * 10, -(1 - 1 / 8), -(1 - 1 / 8)),  # Korean has spaces
    ],
)
def test_repetition_penalty(text, sound, as_upstream):
    assert RepetitionPenaltyReward()(completions=said(text)) == pytest.approx([sound])
    upstream = RepetitionPenaltyReward(split_unspaced=False)
    assert upstream(completions=said(text)) == pytest.approx([as_upstream])


def test_repetition_penalty_by_size_and_height():
    assert RepetitionPenaltyReward(ngram_size=1, max_penalty=-2.0).value("a a b b") == -1.0
    assert RepetitionPenaltyReward(ngram_size=2).value("a b a b a") == -0.5
    assert RepetitionPenaltyReward(ngram_size=20).value("a b " * 5) == 0.0


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("{max_penalty: 0.5}", ["reward.repetition_penalty.max_penalty=0.5", "not be positive", "-1.0"]),
        ("{ngram_size: 0}", ["reward.repetition_penalty.ngram_size=0", "at least one", "Give 1"]),
    ],
)
def test_repetition_must_not_be_rewarded(composed, override, told):
    with pytest.raises(Mistake) as error:
        composed(f"reward.repetition_penalty={override}")
    assert all(part in str(error.value) for part in told)


@pytest.mark.parametrize(
    ("text", "sound", "as_upstream"),
    [
        ("", 0.0, 0.0),
        ("Step 1: a. Step 2: b.", 2 / 3, 2 / 3),
        ("Step 1: a. Step 2: b. Step 3: c. Step 4: d.", 1.0, 1.0),
        ("First, a. Second, b. Next, c. Finally, d.", 1.0, 1.0),
        ("first, a. Secondly, b.", 0.0, 0.0),
        ("list\n- a\n* b", 2 / 3, 2 / 3),
        ("- a", 0.0, 0.0),  # no line before it
        ("1. a\n2. b\n3. c", 1.0, 1 / 3),  # `^` without MULTILINE
        ("so\n1. a\n2. b\n3. c", 1.0, 0.0),
        ("about 1. and 2. and 3.", 0.0, 0.0),
    ],
)
def test_reasoning_steps(text, sound, as_upstream):
    assert ReasoningStepsReward()(completions=said(text)) == pytest.approx([sound])
    assert ReasoningStepsReward(every_line=False)(completions=said(text)) == pytest.approx([as_upstream])


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("", 1.0),
        ("$\\frac{1}{2}$ = 0.5", 1.0),
        ("The answer is 42, as we've shown.", 1.0),
        ("The angle θ is π/3, so Δ ≥ 0 and x ∈ ℝ, ² and ½, 𝑥, ℵ.", 1.0),  # mathematics in any language
        ("naïve café, Gauß", 1.0),
        ("It is easy 我们", 3 / 5),
        ("我们需要计算", 0.0),
        ("нужно найти two numbers", 1 / 2),
        ("숫자 two", 1 / 2),
        ("عدد two", 1 / 2),
        ("ひらがな", 0.0),
        ("word $\\frac{a}{b}$ \\[ \\sum_i a_i \\] \\(x\\) \\boxed{4} 的", 1 / 2),  # maths is no English
        ("word $$x$$ \\begin{align} \\end{align} 的", 1 / 2),
        ("word $\\text{等于}$", 1 / 3),  # and hides no other script
        ("it costs $5 的", 2 / 3),  # a dollar sign that opens nothing
        ("la respuesta es dos", 1.0),  # the limit: Latin script is not English
    ],
)
def test_english_only(text, reward):
    assert EnglishOnlyReward()(completions=said(text)) == pytest.approx([reward])


def test_the_reward_and_the_collapse_rule_call_the_same_letters_foreign():
    """`foreign_share` in metrics.jsonl, the limit collapse.foreign_above and the reward share one rule."""
    letters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    shares = [foreign_share([letter]) for letter in letters]
    rewards = EnglishOnlyReward()(completions=said(*letters))
    assert [1 - reward for reward in rewards] == shares
    assert set(shares) == {0.0, 1.0}
    assert [foreign_share([letter]) for letter in "\u210f\u00b5\u2135"] == [0.0] * 3  # hbar, micro, aleph


@pytest.mark.parametrize("part", ["\\[ ", "\\( ", "$ ", "$$ x", "\\begin{", "的", "\\", "I'", "1."])
def test_degenerate_text_costs_linear_time(part):
    """Training meets loops of any kind; a quadratic pattern would take minutes here."""
    began = time.process_time()
    completions = said(part * (200_000 // len(part)) + "的")
    for term in (EnglishOnlyReward(), ReasoningStepsReward(), RepetitionPenaltyReward(), TagCountReward()):
        term(completions=completions)
    assert time.process_time() - began < 30
