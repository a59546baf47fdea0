"""Rewards: tables of cases with the paper's semantics, oddities included."""

import math

import pytest

from openrs.rewards import Accuracy, Cosine, Format
from openrs.verify import Verdict, Verifier

AS_RUN = Cosine(
    length_unit="characters", clamped=False, max_length=3584,
    correct_short=1.0, correct_long=0.5, wrong_short=0.0, wrong_long=-0.5,
)  # fmt: skip
AS_WRITTEN = Cosine(
    length_unit="tokens", clamped=True, max_length=3584,
    correct_short=1.0, correct_long=0.5, wrong_short=-1.0, wrong_long=-0.5,
)  # fmt: skip


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


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
    assert Format()(completions=said(text)) == [reward]


def test_accuracy_and_its_unparsable_gold():
    completions = said("so\n</think>\n\n\\boxed{42}", "so\n</think>\n\n\\boxed{41}", "hm")
    assert Accuracy()(completions=completions, solution=["$\\boxed{42}$"] * 3) == [1.0, 0.0, 0.0]
    assert Accuracy()(completions=completions, solution=["plain words"] * 3) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(0, 1.0, 0.0), (3584, 0.5, -0.5), (7168, 1.0, 0.0), (10752, 0.5, -0.5)],
)
def test_the_cosine_as_run_comes_round_again(length, right, wrong):
    assert AS_RUN.value(True, length) == pytest.approx(right)
    assert AS_RUN.value(False, length) == pytest.approx(wrong)


@pytest.mark.parametrize("length", [0, 100, 1792, 3584, 5000, 9000])
def test_the_cosine_as_run_is_accuracy_and_a_length_term(length):
    term = -0.25 + 0.25 * math.cos(math.pi * length / 3584)
    assert AS_RUN.value(True, length) == pytest.approx(1 + term)
    assert AS_RUN.value(False, length) == pytest.approx(term)


def test_the_cosine_as_written_is_monotone_and_clamped():
    lengths = range(0, 9000, 64)
    right = [AS_WRITTEN.value(True, length) for length in lengths]
    wrong = [AS_WRITTEN.value(False, length) for length in lengths]
    assert right == sorted(right, reverse=True)
    assert wrong == sorted(wrong)  # longer wrong answers are penalised less
    assert (right[-1], wrong[-1]) == (0.5, -0.5)


def test_the_two_cosines_measure_different_lengths():
    text, ids = "x" * 3000 + "\\boxed{1}", [[1] * 1000]
    arguments = {"completions": said(text), "solution": ["$1$"], "completion_ids": ids}
    assert AS_RUN(**arguments) == [pytest.approx(AS_RUN.value(True, len(text)))]
    assert AS_WRITTEN(**arguments) == [pytest.approx(AS_WRITTEN.value(True, 1000))]
    assert AS_WRITTEN(**arguments | {"solution": ["words"]}) == [1.0]


def test_a_batch_is_the_map_of_its_items():
    completions = said("\\boxed{1}\n</think>\n", "\\boxed{2}", "\\boxed{3}\n</think>\n")
    solution, ids = ["$1$", "$5$", "$3$"], [[1], [1, 2], [1, 2, 3]]
    for reward in (Format(), Accuracy(), AS_RUN, AS_WRITTEN):
        whole = reward(completions=completions, solution=solution, completion_ids=ids)
        single = [
            reward(completions=[c], solution=[s], completion_ids=[i])[0]
            for c, s, i in zip(completions, solution, ids, strict=True)
        ]
        assert whole == single


def test_timeouts_reach_the_metrics(monkeypatch):
    slow = Verdict(correct=False, gold_parsed=True, timed_out=True)
    monkeypatch.setattr(Verifier, "verify", lambda self, pairs: [slow] * len(pairs))
    logged = {}
    rewards = Accuracy()(completions=said("a", "b"), solution=["$1$", "$2$"], log_metric=logged.__setitem__)
    assert rewards == [0.0, 0.0]
    assert logged == {"verifier_timeouts": 2.0}
