"""The verifying process's short-cuts give math-verify's own verdicts and numbers."""

import random

import pytest
from plain_verification import KINDS, corpus, groups, plain
from sympy import Number

from openrs.verify import Verifier
from openrs.verify_grammar import number


def spoken(verifier, rule, pairs):
    """The verifier's verdicts of (gold kind, gold, completion); None where time ran out."""
    found = {}
    for kind in {pair[0] for pair in pairs}:
        asked = [pair[1:] for pair in pairs if pair[0] == kind]
        found |= zip(asked, verifier.verify(asked, rule, kind), strict=True)
    return [None if found[pair[1:]].timed_out else found[pair[1:]].correct for pair in pairs]


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


def test_numbers_are_sympys():
    rng = random.Random(1)
    texts = ["0", "00", "007", "0.0", "00.5", ".5", "5.", "0.50", "0." + "0" * 30 + "1", "1e5", "-1", "x", ""]
    for _ in range(200):
        whole = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 25)))
        texts.append(whole + rng.choice(("", "." + "".join(rng.choices("0123456789", k=rng.randint(1, 25))))))

    def made(maker, text):
        try:
            value = maker(text)
        except Exception as error:
            return type(error)
        return type(value), value, getattr(value, "_prec", None)

    assert [text for text in texts if made(number, text) != made(Number, text)] == []
