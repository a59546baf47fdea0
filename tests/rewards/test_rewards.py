"""Rewards that ask whether an answer is right: tables of cases, sound and as run."""

import math

import pytest

from openrs.rewards import AccuracyReward, CosineReward, FormatReward, LengthReward
from openrs.verify import Verdict, Verifier

SOUND = AccuracyReward()
AS_RUN = AccuracyReward(unparsable_gold=1.0, gold_first=False)
COSINE_AS_RUN = CosineReward(
    length_unit="characters", clamped=False, max_length=3584,
    correct_short=1.0, correct_long=0.5, wrong_short=0.0, wrong_long=-0.5,
    unparsable_gold=1.0, gold_first=False,
)  # fmt: skip
COSINE_AS_WRITTEN = CosineReward(
    length_unit="tokens", clamped=True, max_length=3584,
    correct_short=1.0, correct_long=0.5, wrong_short=-1.0, wrong_long=-0.5,
)  # fmt: skip
KIMI = LengthReward()
LENGTH_AS_UPSTREAM = LengthReward(
    length_unit="characters", list_size=6, unparsable_is_right=True, gold_first=False
)


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


def asked(*problems):
    return [
        [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}] for text in problems
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "term", "value"),
    [
        ("accuracy", "accuracy", SOUND),
        ("accuracy_as_run", "accuracy", AS_RUN),
        ("cosine_as_run", "cosine", COSINE_AS_RUN),
        ("cosine_as_written", "cosine", COSINE_AS_WRITTEN),
        ("length", "length", KIMI),
        ("length_as_upstream", "length", LENGTH_AS_UPSTREAM),
    ],
)
def test_the_options_are_what_these_tables_pin(composed, option, term, value):
    reward = composed(f"reward={option}", "scale=paper").reward
    assert getattr(reward, term) == value


@pytest.mark.parametrize(
    ("gold", "text", "reward"),
    [
        ("$42$", "so\n</think>\n\n\\boxed{42}", 1.0),
        ("$42$", "\\boxed{41}", 0.0),
        ("$42$", "", 0.0),
        ("$3$", "\\boxed{2}, no: \\boxed{3}", 1.0),  # the last box
        ("$2$", "\\boxed{2}, no: \\boxed{3}", 0.0),
        ("$3$", "\\boxed{3", 0.0),  # never closed
        ("$3$", "the answer is $3$", 1.0),  # no box, but an anchor (the paper's text asks for a box)
        ("$3$", "it may be 3", 0.0),
        ("$\\frac{1}{2}$", "\\boxed{\\frac12}", 0.0),  # malformed operators are not mended
        ("$\\frac{1}{2}$", "\\boxed{\\frac{1}{2}}", 1.0),
        ("$\\frac{1}{2}$", "\\boxed{0.5}", 1.0),
        ("$50$", "\\boxed{50\\%}", 0.0),
        ("$0.5$", "\\boxed{50\\%}", 1.0),
        ("$\\pi$", "\\boxed{3.14}", 0.0),
        ("$3$", "\\boxed{x=3}", 1.0),
        ("$x=3$", "\\boxed{3}", 1.0),
        ("$\\{1,2\\}$", "\\boxed{2,1}", 1.0),
        ("$(1,2)$", "\\boxed{(1,2)}", 1.0),
        ("$[1,2]$", "\\boxed{(1,2)}", 0.0),
    ],
)
def test_accuracy_sound_and_as_run_alike(gold, text, reward):
    for term in (SOUND, AS_RUN):
        assert term(completions=said(text), solution=[gold]) == [reward]


@pytest.mark.parametrize(
    ("gold", "text", "sound", "as_run"),
    [
        ("$x>5$", "\\boxed{(5,\\infty)}", 1.0, 0.0),
        ("$(5,\\infty)$", "\\boxed{x>5}", 0.0, 1.0),
        ("$x>5$", "\\boxed{x>5}", 1.0, 1.0),
        ("$(5,\\infty)$", "\\boxed{(5,\\infty)}", 1.0, 1.0),
        ("42", "\\boxed{42}", None, 1.0),  # no LaTeX, so the gold answer is not parsed
        ("\\text{No}", "\\boxed{No}", None, 1.0),
        ("plain words", "hm", None, 1.0),
    ],
)
def test_accuracy_where_sound_and_as_run_part(gold, text, sound, as_run):
    assert SOUND(completions=said(text), solution=[gold]) == [sound]
    assert AS_RUN(completions=said(text), solution=[gold]) == [as_run]


@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(0, 1.0, 0.0), (3584, 0.5, -0.5), (7168, 1.0, 0.0), (10752, 0.5, -0.5)],
)
def test_the_cosine_as_run_comes_round_again(length, right, wrong):
    assert COSINE_AS_RUN.value(True, length) == pytest.approx(right)
    assert COSINE_AS_RUN.value(False, length) == pytest.approx(wrong)
    if length:
        end = "\\boxed{1}"
        text = "x" * (length - len(end)) + end
        arguments = {"completions": said(text, text), "solution": ["$1$", "$2$"]}
        assert COSINE_AS_RUN(**arguments, completion_ids=[[1]] * 2) == pytest.approx([right, wrong])


@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(0, 1.0, -1.0), (1792, 0.75, -0.75), (3584, 0.5, -0.5), (7168, 0.5, -0.5), (10752, 0.5, -0.5)],
)
def test_the_cosine_as_written_stays_at_its_end(length, right, wrong):
    assert COSINE_AS_WRITTEN.value(True, length) == pytest.approx(right)
    assert COSINE_AS_WRITTEN.value(False, length) == pytest.approx(wrong)


@pytest.mark.parametrize("length", [0, 100, 1792, 3584, 5000, 9000])
def test_the_cosine_as_run_is_accuracy_and_a_length_term(length):
    term = -0.25 + 0.25 * math.cos(math.pi * length / 3584)
    assert COSINE_AS_RUN.value(True, length) == pytest.approx(1 + term)
    assert COSINE_AS_RUN.value(False, length) == pytest.approx(term)


def test_the_cosine_as_written_is_monotone_and_clamped():
    lengths = range(0, 9000, 64)
    right = [COSINE_AS_WRITTEN.value(True, length) for length in lengths]
    wrong = [COSINE_AS_WRITTEN.value(False, length) for length in lengths]
    assert right == sorted(right, reverse=True)
    assert wrong == sorted(wrong)  # longer wrong answers are penalised less
    assert (right[-1], wrong[-1]) == (0.5, -0.5)


def test_the_two_cosines_measure_different_lengths():
    text, ids = "x" * 3000 + "\\boxed{1}", [[1] * 1000]
    arguments = {"completions": said(text), "solution": ["$1$"], "completion_ids": ids}
    assert COSINE_AS_RUN(**arguments) == [pytest.approx(COSINE_AS_RUN.value(True, len(text)))]
    assert COSINE_AS_WRITTEN(**arguments) == [pytest.approx(COSINE_AS_WRITTEN.value(True, 1000))]
    assert COSINE_AS_RUN(**arguments | {"solution": ["words"]}) == [1.0]
    assert COSINE_AS_WRITTEN(**arguments | {"solution": ["words"]}) == [None]


def batch(*rows):
    """Rows of (problem, gold answer, text, tokens)."""
    problems, golds, texts, tokens = zip(*rows, strict=True)
    return {
        "prompts": asked(*problems),
        "solution": list(golds),
        "completions": said(*texts),
        "completion_ids": [[0] * number for number in tokens],
    }


def test_length_is_compared_among_the_answers_to_one_problem():
    rows = [
        ("p", "$1$", "\\boxed{1}", 10),
        ("p", "$1$", "\\boxed{1}" + " " * 9, 20),
        ("p", "$1$", "\\boxed{1}" + " " * 18, 30),
        ("p", "$1$", "\\boxed{2}", 10),
        ("p", "$1$", "\\boxed{2}" + " " * 18, 30),
        ("q", "$1$", "\\boxed{1}", 500),
        ("q", "$1$", "\\boxed{2}", 500),
    ]
    # right: 0.5 ... -0.5; wrong: 0 ... -0.5; all equally long: 0
    assert KIMI(**batch(*rows)) == [0.5, 0.0, -0.5, 0.0, -0.5, 0.0, 0.0]


def test_length_finds_a_problem_wherever_its_answers_stand():
    rows = [("p", "$1$", "\\boxed{1}", 1), ("q", "$1$", "\\boxed{1}", 9), ("p", "$1$", "\\boxed{1}", 3)]
    assert KIMI(**batch(*rows)) == [0.5, 0.0, -0.5]


def test_length_as_upstream_compares_characters_across_the_micro_batch():
    rows = [
        (problem, "$1$", "\\boxed{1}" + "x" * more, 7)
        for problem, more in [("p", 0), ("p", 10), ("p", 20), ("q", 30), ("q", 40), ("q", 50)]
    ]
    expected = [0.5, 0.3, 0.1, -0.1, -0.3, -0.5]
    assert LENGTH_AS_UPSTREAM(**batch(*rows)) == pytest.approx(expected)
    assert KIMI(**batch(*rows)) == [0.0] * 6  # all have seven tokens
    # where the micro-batch is a group, as in the paper, it is a group of its own
    twice = LENGTH_AS_UPSTREAM(**batch(*rows, *reversed(rows)))
    assert twice == pytest.approx(expected + expected[::-1])


def test_length_of_an_unparsable_gold():
    rows = [("p", "words", "\\boxed{1}", 1), ("p", "words", "\\boxed{1} ok", 3)] * 3
    assert KIMI(**batch(*rows)) == [None] * 6
    assert LENGTH_AS_UPSTREAM(**batch(*rows)) == [0.5, -0.5] * 3


def test_length_sees_the_argument_swap():
    rows = [("p", "$x>5$", "\\boxed{(5,\\infty)}", 1), ("p", "$x>5$", "\\boxed{x>5} so", 3)]
    swapped = LengthReward(gold_first=False)
    assert KIMI(**batch(*rows)) == [0.5, -0.5]
    assert swapped(**batch(*rows)) == [0.0, -0.5]  # the first is wrong there


def test_a_batch_is_the_map_of_its_items():
    completions = said("\\boxed{1}\n</think>\n", "\\boxed{2}", "\\boxed{3}\n</think>\n")
    solution, ids = ["$1$", "$5$", "$3$"], [[1], [1, 2], [1, 2, 3]]
    for reward in (FormatReward(), SOUND, AS_RUN, COSINE_AS_RUN, COSINE_AS_WRITTEN):
        whole = reward(completions=completions, solution=solution, completion_ids=ids)
        single = [
            reward(completions=[c], solution=[s], completion_ids=[i])[0]
            for c, s, i in zip(completions, solution, ids, strict=True)
        ]
        assert whole == single


@pytest.mark.parametrize(("gold_first", "rule"), [(True, "gold_first"), (False, "training")])
def test_timeouts_reach_the_metrics(monkeypatch, gold_first, rule):
    slow = Verdict(correct=False, gold_parsed=True, timed_out=True)
    rules = []

    def verify(self, pairs, rule):
        rules.append(rule)
        return [slow] * len(pairs)

    monkeypatch.setattr(Verifier, "verify", verify)
    logged = {}
    rewards = AccuracyReward(gold_first=gold_first)(
        completions=said("a", "b"), solution=["$1$", "$2$"], log_metric=logged.__setitem__
    )
    assert (rewards, rules) == ([0.0, 0.0], [rule])
    assert logged == {"verifier_timeouts": 2.0}
