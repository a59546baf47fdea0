"""The verifying process's caches and short paths give math-verify's own verdicts and numbers."""

import random

import pytest
from sympy import Integer, Rational, Symbol, srepr

from openrs.verify import Verifier
from openrs.verify.caches import plain_number, same
from tests.helpers.plain_verification import KINDS, corpus, groups, plain


def spoken(verifier, rule, pairs):
    """The verifier's verdicts of (gold kind, gold, completion); None where time ran out."""
    found = {}
    for kind in {pair[0] for pair in pairs}:
        asked = [pair[1:] for pair in pairs if pair[0] == kind]
        found |= zip(asked, verifier.verify(asked, rule, kind), strict=True)
    return [None if found[pair[1:]].timed_out else found[pair[1:]].correct for pair in pairs]


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["training", "evaluation"])
def test_verdicts_are_those_of_plain_calls(mirror, rule):
    """A part of the corpus; `tests/benchmarks/bench_verify.py` takes all of it."""
    pairs = corpus(mirror, rule, 40) + groups(mirror, rule, 3)
    assert len(KINDS) == 4
    verifier = Verifier(workers=2)
    ours = spoken(verifier, rule, pairs)
    verifier.close()
    theirs = [plain(rule, *pair) for pair in pairs]
    assert True in theirs
    assert False in theirs
    assert [(pair, a, b) for pair, a, b in zip(pairs, theirs, ours, strict=True) if a != b] == []


def test_plain_numbers_are_those_that_latex2sympy_reads():
    """The same kind of number, to the last digit of its precision; the library reads all other texts."""
    from math_verify.parser import parse_latex_with_timeout

    rng, numbers = random.Random(1), 0
    texts = ["0", "-0", "00", "007", "0.0", "00.5", ".5", "-.5", "5.", "0.50", "0." + "0" * 30 + "1", "--1"]
    texts += ["\\frac{1}{0}", "\\frac{0}{5}", "-\\frac{6}{4}", "\\frac{6}{03}", "\\frac{1}{-2}", "\\frac12"]
    texts += ["1e5", "1,000", "1 000", "5\\%", "x", "", "1/2", "2^3", "\u0663", "1\n"]
    for _ in range(60):
        whole, part = ("".join(rng.choices("0123456789", k=rng.randint(1, 25))) for _ in range(2))
        sign = rng.choice(("", "-"))
        texts += [sign + whole, f"{sign}{whole}.{part}", f"{sign}\\frac{{{whole}}}{{{part}}}"]
    for text in texts:
        number = plain_number(text)
        if number is not None:
            numbers += 1
            assert srepr(number) == srepr(parse_latex_with_timeout.__wrapped__(text, 0)), text
    assert numbers > 180
    assert all(
        plain_number(text) is None for text in ("1,000", "5\\%", "x", "", "\u0663", "1\n", "\\frac{1}{0}")
    )


def test_answers_are_compared_as_the_library_compares_them():
    from math_verify.grader import verify

    x = Symbol("x")
    answers = ["5", " 5 ", "", "x", Integer(5), Rational(5, 2), Rational(10, 4), x, x + 1, 1 + x, 2 * x / 2]
    equal = 0
    for one in answers:
        for other in answers:
            for _ in range(2):  # compared, and remembered
                verdict = same([one], [other], precision=6)
                assert verdict == bool(verify([one], [other], precision=6, timeout_seconds=0)), (one, other)
            equal += verdict
    assert len(answers) <= equal + 1
