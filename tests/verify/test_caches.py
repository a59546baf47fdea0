"""The verifying process reads and compares formulas as math-verify does, only faster."""

import random

import pytest
import sympy
from math_verify import grader, parser
from sympy import Add, Float, Function, I, Integer, Mul, Rational, Symbol, exp, log, sin, sqrt, srepr

from openrs.verify import Verifier, caches
from openrs.verify.nonzero import surely_nonzero
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


@pytest.fixture
def later(monkeypatch):
    """Puts the caches in place when it is called, until the test ends."""
    for module, name in (
        (parser, "parse_latex_with_timeout"), (parser, "lazy_latex_regex"), (grader, "sympy_expr_eq"),
        (grader, "simplify"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name))
    return caches.install


TEXTS = [
    "0", "007", ".5", "5.", "--1", r"\frac{6}{-4}", r"\frac12", "1e5", "1,000", "1 000", r"5\%", "x",
    "2^{10}", "{8", r"\frac{3}", "3)", "x^{12}+19x+29", "-x^{2} - 3x = 4", r"\frac{e^{-2 t}}{15}+C_{1} e^{t}",
    "(1, -2)", r"[ \frac{\pi^2}{8}, 5 ]", r"(-\infty, 2) \cup (3, 4]", r"\{1, 2\}", "10!", "f(x)",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"x \le 5", r"2\sqrt{3}", "|x - 1|", r"\text{east}",
    r"x \in \{1\}", "r_{i}", "3 + 4i", r"90^\circ",
]  # fmt: skip
"""Formulas that the first stage reads, the second one, or none."""


SIGNS = [
    "$$", "$", "\\[", "\\]", "\\(", "\\)", "\\boxed{", "}", " [", "]", "\n", "\\", "and", ", ", "x", "5 ",
]  # fmt: skip
"""What texts with boxes are made of."""


def test_formulas_with_boxes_are_found_where_math_verify_finds_them(later):
    rng = random.Random(2)
    texts = ["".join(rng.choices(SIGNS, k=rng.randint(1, 40))) for _ in range(20_000)]
    texts += [f"{text}\\boxed{{7}}{rng.choice(SIGNS)}" for text in texts]
    settings = parser.LatexExtractionConfig(boxed_match_priority=0)

    def found(text):
        return [
            (priority, match.span(), match.groupdict())
            for pattern, priority in parser.lazy_latex_regex(settings)
            for match in pattern.finditer(text)
        ]

    wanted = list(map(found, texts))
    later()
    for text, matches in zip(texts, wanted, strict=True):
        assert found(text) == matches, text
    assert len([1 for matches in wanted if any(match[0] == 0 for match in matches)]) > 20_000


def numbers():
    rng = random.Random(1)
    for _ in range(20):
        whole, part = ("".join(rng.choices("0123456789", k=rng.randint(1, 25))) for _ in range(2))
        sign = rng.choice(("", "-"))
        yield from (sign + whole, f"{sign}{whole}.{part}", f"{sign}\\frac{{{whole}}}{{{part}}}")


def read(latex):
    """A formula, or None where it cannot be read."""
    try:
        return parser.parse_latex_with_timeout(latex, timeout_seconds=0)
    except Exception:
        return None


def written(formula):
    """All of a formula, with the order in which a set's elements were given."""
    return srepr(formula), *map(srepr, getattr(formula, "_unsorted_args", ()))


def test_formulas_are_read_as_latex2sympy_reads_them(later):
    texts = [*TEXTS, *numbers(), "", "\u0663", "1\n"]
    wanted = [written(read(text)) for text in texts]
    later()
    for text, formula in zip(texts, wanted, strict=True):
        assert written(read(text)) == formula, text
        assert read(text) is read(text), text
    assert 5 < wanted.count(written(None)) < 20 < len(wanted)


@pytest.mark.slow
def test_answers_are_compared_as_the_library_compares_them(later):
    x = Symbol("x")
    answers = ["5", " 5 ", "", "x", Integer(5), Rational(5, 3), 1 + x, sin(x) ** 2 - 1, Float("1.666667")]
    answers += [formula for formula in map(read, TEXTS) if formula is not None]
    pairs = [(one, other) for one in answers for other in answers]

    def verdicts():
        return [grader.verify([one], [other], precision=6, timeout_seconds=0) for one, other in pairs]

    wanted = verdicts()
    later()
    for verdict in (verdicts(), verdicts()):  # compared, and kept
        assert [pair for pair, a, b in zip(pairs, wanted, verdict, strict=True) if a != b] == []
    assert len(answers) < wanted.count(True) < len(pairs) / 10


def test_what_is_zero_is_never_said_to_be_nonzero():
    x, y, z, n, f = Symbol("x", real=True), Symbol("y"), Symbol("z", real=False), Symbol("n"), Function("f")
    for zero in (
        (x + y) ** 9 - ((x + y) ** 9).expand(),
        sin(2 * x) - 2 * sin(x) * sympy.cos(x),
        sympy.tan(10**30 * x) - 1 / sympy.cot(10**30 * x),
        Mul(x, Add(Float("0.1"), Float("0.2"), Float("-0.3"), evaluate=False), evaluate=False),
        sqrt(x**2) - x,  # for the positive
        log(y**3) - 3 * log(y),
        sqrt(5 + 2 * sqrt(6)) - sqrt(2) - sqrt(3),
        exp(2 * I * y) / (2 * I + 2) - exp(I * y) ** 2 * (1 - I) / 4,
        exp(2 * z) - exp(z) ** 2 + (z + 1) ** 2 - z**2 - 2 * z - 1,
        sympy.binomial(2 * n, n) * n - 2 * (2 * n - 1) * sympy.binomial(2 * n - 2, n - 1),
        f(x) * (f(x) + 1) - f(x) ** 2 - f(x),
        Mul(5, sqrt(2) * sqrt(3, evaluate=False) - sqrt(6), evaluate=False),
        Mul(x, (x + 1) ** 2 - x**2 - 2 * x - 1, evaluate=False),
        Mul(y, sin(y) ** 2 + sin(sympy.pi / 2 - y, evaluate=False) ** 2 - 1, evaluate=False),
        sqrt((x + 1) ** 2 - x**2 - 2 * x - 1, evaluate=False),
        f((x + 1) ** 2) - f(x**2 + 2 * x + 1),
    ):
        assert not surely_nonzero(zero), zero


def test_differences_are_told():
    x, y, f = Symbol("x"), Symbol("y"), Function("f")
    for difference in (
        sqrt(2) - Rational(141, 100), x - y, x**2 - x**12, sin(x) - sin(y), f(x) - f(y), sympy.floor(x) - 3,
        Float("0.25") * x - x, 2**Symbol("n") - 8 * I, exp(x) - 1, Integer(7),
    ):  # fmt: skip
        assert surely_nonzero(difference), difference
    assert not surely_nonzero(Integer(0))
    assert not surely_nonzero(f(f(x)) - f(y))  # as nothing is known of the arguments
