"""The verifier: known verdicts, bounded time, and use from threads."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from openrs.verify import Verdict, Verifier, pool


@pytest.fixture(scope="module")
def verifier():
    made = Verifier(workers=2)
    made.verify([("$1$", "\\boxed{1}")] * 2)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("gold", "text", "training", "evaluation"),
    [
        ("$42$", "so\n</think>\n\n\\boxed{42}", True, True),
        ("$42$", "\\boxed{41}", False, False),
        ("$\\frac{1}{2}$", "\\boxed{\\frac12}", False, True),
        ("$\\frac{1}{2}$", "\\boxed{0.5}", True, True),
        ("$50$", "\\boxed{50\\%}", False, False),
        ("$0.5$", "\\boxed{50\\%}", True, True),
        ("$3$", "the answer is $3$", True, True),
        ("$3$", "\\boxed{3", False, False),
        ("$3$", "\\boxed{2} no, \\boxed{3}", True, True),
        ("$3$", "\\boxed{x=3}", True, True),
        ("$\\pi$", "\\boxed{3.14}", False, False),
        ("$\\{1,2\\}$", "\\boxed{2,1}", True, True),
        ("$x>5$", "\\boxed{(5,\\infty)}", False, True),
        ("$3$", "", False, False),
    ],
)
def test_known_verdicts(verifier, gold, text, training, evaluation):
    assert verifier.verify([(gold, text)])[0].correct is training
    assert verifier.verify([(gold, text)], "evaluation", "latex")[0].correct is evaluation


def test_an_unparsable_gold_is_said(verifier):
    for gold in ("42", "\\text{No}", "words"):
        assert not verifier.verify([(gold, "\\boxed{42}")])[0].gold_parsed


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        "9^{9^{9^9}}",
        "9" * 100_000,
        "(" * 3000 + "5" + ")" * 3000,
        "{" * 5000,
        "100000000!",
        "√∞ 五\u202e\x00",
        "\\frac{" * 500,
    ],
)
def test_hostile_answers_cost_bounded_time(verifier, answer):
    began = time.perf_counter()
    verdict = verifier.verify([("$5$", f"\\boxed{{{answer}}}")])[0]
    assert time.perf_counter() - began < 60  # its limit is 2 s of CPU time; the rest is for a busy machine
    assert not verdict.correct


@pytest.fixture
def impatient(monkeypatch):
    """A pool that kills a worker before the worker ends a slow answer itself."""
    monkeypatch.setattr(pool, "CPU_SECONDS", 0.5)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_killed_worker_is_replaced(verifier):
    verifier.verify([("$1$", "\\boxed{1}"), ("$1$", "\\boxed{2}")])
    before = set(verifier.workers)
    pairs = [("$5$", f"\\boxed{{{a}}}") for a in ("5", "9^{9^{9^9}} + 1", "4", "7^{9^{9^9}}", "5.0")]
    verdicts = verifier.verify(pairs)
    assert [verdict.correct for verdict in verdicts] == [True, False, False, False, True]
    assert [verdict.timed_out for verdict in verdicts] == [False, True, False, True, False]
    assert before != set(verifier.workers)
    healthy = verifier.verify([("$6$", "\\boxed{6}"), ("$6$", "\\boxed{7}")])
    assert [verdict.correct for verdict in healthy] == [True, False]
    assert len(verifier.workers) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_an_answer_that_kills_its_worker_costs_no_other_of_its_batch(verifier):
    answers = [str(n) for n in range(60)]
    answers[7] = "9^{9^{9^9}}"
    verifier.verify([("$1$", "\\boxed{1}"), ("$1$", "\\boxed{2}")])
    before = set(verifier.workers)
    verdicts = verifier.verify([(f"${n % 9}$", f"\\boxed{{{answer}}}") for n, answer in enumerate(answers)])
    assert len(before & set(verifier.workers)) == 1
    assert [n for n, verdict in enumerate(verdicts) if verdict.timed_out] == [7]
    assert [n for n, verdict in enumerate(verdicts) if verdict.correct] == [0, 1, 2, 3, 4, 5, 6, 8]


@pytest.mark.slow
def test_a_parent_that_was_held_up_blames_no_worker(verifier, monkeypatch):
    """Workers go on judging while this process stands still; their unread answers are no overrun."""
    listen, calls = verifier._listen, []

    def slow_after_some(verdicts):
        listen(verdicts)
        calls.append(len(verdicts))
        if len(calls) == 3:
            time.sleep(4)

    monkeypatch.setattr(verifier, "_listen", slow_after_some)
    pairs = [("$5$", f"\\boxed{{{n} x^2 + \\frac{{{n}}}{{7}} + \\sqrt{{{n}}}}}") for n in range(1000)]
    assert not any(verdict.timed_out for verdict in verifier.verify(pairs))
    assert len(calls) > 3


@pytest.mark.parametrize("count", [1, 2])
def test_dead_workers_are_replaced(verifier, count):
    verifier.verify([("$1$", "\\boxed{11}"), ("$1$", "\\boxed{12}")])
    assert len(verifier.workers) == 2
    for worker in verifier.workers:
        worker.process.kill()
        worker.process.wait()
    verdicts = verifier.verify([("$13$", f"\\boxed{{{13 + count + n}}}") for n in range(-count, 0)])
    assert [verdict.correct for verdict in verdicts] == [True, False][:count]
    assert not any(verdict.timed_out for verdict in verdicts)


def test_a_verifier_that_never_starts_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="does not start"):
        Verifier(workers=1).verify([("$1$", "\\boxed{1}")])


def test_threads_may_share_it(verifier):
    def ask(number):
        return verifier.verify([(f"${number}$", f"\\boxed{{{number}}}")])[0].correct

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(100, 140)))


def test_equal_pairs_of_a_call_are_judged_once(verifier, monkeypatch):
    asked = []
    judge = verifier._judge
    monkeypatch.setattr(verifier, "_judge", lambda new, golds: asked.extend(new) or judge(new, golds))
    pair = ("$77$", "\\boxed{77}")
    right = Verdict(correct=True, gold_parsed=True, timed_out=False)
    assert verifier.verify([pair] * 6) == [right] * 6
    assert len(asked) == 1


@pytest.mark.slow
def test_verdicts_are_those_of_lightevals_own_metric(verifier):
    from lighteval.metrics.dynamic_metrics import MultilingualExtractiveMatchMetric
    from lighteval.metrics.utils.extractive_match_utils import (
        ExprExtractionConfig,
        LatexExtractionConfig,
    )
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from lighteval.utils.language import Language

    golds = ["$\\boxed{12}$", "$\\frac{3}{4}$", "$-7$", "$\\left( 3, \\frac{\\pi}{2} \\right)$", "$x^2+1$",
             "$50\\%$", "$(2,5]$", "$\\{1,2\\}$", "$1{,}000$", "$2\\sqrt{3}$"]  # fmt: skip
    texts = [
        *("\\boxed{12}", "so $\\frac34$", "The final answer is $-7$.", "\\boxed{(3,\\pi/2)}"),
        *("answer: 0.75", "$1+x^2$ is it", "\\boxed{50}", "\\boxed{(2,5]}", "we get 1000"),
        *("\\boxed{2,1}", "no", "\\boxed{", "\\boxed{\\sqrt{12}}", "12 or 13", "x = -7", "\\boxed{0.5}"),
        "Therefore, the final answer is: $\\boxed{12}$. I hope it is correct",
    ]
    metric = MultilingualExtractiveMatchMetric(
        language=Language.ENGLISH,
        gold_extraction_target=(LatexExtractionConfig(),),
        pred_extraction_target=(ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)),
        precision=5,
    )
    pairs = [(gold, text) for gold in golds for text in texts]
    theirs = [
        metric.compute(Doc(query="", choices=[gold], gold_index=0), ModelResponse(text=[text]))
        for gold, text in pairs
    ]
    ours = [verdict.correct for verdict in verifier.verify(pairs, "evaluation", "latex")]
    assert any(ours)
    assert [pair for pair, a, b in zip(pairs, ours, theirs, strict=True) if a != bool(b)] == []


def test_no_pairs_no_work(verifier):
    assert verifier.verify([]) == []
