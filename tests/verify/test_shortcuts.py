"""The verifying process's short-cuts give math-verify's own verdicts and numbers."""

import random
from collections import Counter

import latex2sympy2_extended.math_normalization as normalization
import pytest
from sympy import FiniteSet, Integer, Interval, Number, Rational, Symbol, Tuple, Union, oo, pi, sqrt

from openrs.verify import Verifier
from openrs.verify.boxes import Boxes, begun
from openrs.verify.grammar import number
from openrs.verify.sets import quicker
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


FORMULAS = [
    "\\frac{1}{2}",
    "2x^2-3x+1",
    "x=5",
    "x=5,y=2z",
    "x\\in(0,1]",
    "3\\sin x\\cos y+x^{2y}",
    "\\pm 3",
    "(-\\infty,3]\\cup[5,7)",
    "\\{1,2,3\\}",
    "x=\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}",
    "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
    "1,234",
    "1,23",
    "\\sin^2 x+\\cos x",
    "a<b\\le c",
    "\\sum_{i=1}^{n} i",
    "\\int_0^1 x dx",
    "|x-1|",
    "5!",
    "\\binom{n}{k}",
    "f(x)=3",
    "2\\frac{1}{3}",
    "\\log_2 8",
    "(1,2),(3,4)",
    "10\\%",
    "x_{1}^{2}y",
    "e^{i\\pi}",
    "\\lfloor x\\rfloor",
    "A\\cap B",
    "1 2",
    "x+",
    "{",
    "\\frac{}",
    "-(-(3))",
    "a\\text{ or }b",
]


@pytest.mark.slow
def test_trees_are_antlrs_and_so_are_the_choices_settled_ahead():
    """The library's parser against the reader's, which asks ANTLR where the tokens ahead leave a choice."""
    from latex2sympy2_extended.gen.PSParser import PSParser
    from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy

    from openrs.verify.grammar import Reader
    from openrs.verify.lookahead import possible

    asked, known, unsettled = [], [], Counter()

    class Watched:
        """ANTLR's simulator; what it predicts must be possible."""

        def __init__(self, simulator):
            self.simulator, self.atn = simulator, simulator.atn

        def adaptivePredict(self, tokens, decision, context):
            made = self.simulator.adaptivePredict(tokens, decision, context)
            ahead = [token.type for token in tokens.tokens[tokens.index :]]
            asked.append((decision, made))
            left = possible(decision, ahead)
            unsettled[len(left) > 1] += 1
            known.append((decision, made if made in left else None))
            return made

    def plain(formula):
        parser = _Latex2Sympy().create_parser(formula)
        parser._input.fill()
        parser._interp = Watched(parser._interp)
        return parser.math()

    def read(reader, formula):
        try:
            return reader(formula).toStringTree(recog=PSParser)
        except Exception as error:
            kinds.add(type(error))
            return None

    failed, kinds = 0, set()
    for formula in FORMULAS:
        before = len(asked)
        theirs = read(plain, formula)
        if theirs is None:
            del asked[before:], known[before:]
            failed += 1
        for _ in range(2):  # searched for, and remembered
            assert read(lambda text: Reader().create_parser(text).math(), formula) == theirs
    assert known == asked
    assert unsettled[False] > unsettled[True]
    assert failed >= 3
    assert kinds == {Exception, ValueError}  # the listener's, and that of a remembered error


@pytest.mark.slow
def test_no_alternative_is_derived_without_the_tokens_it_needs():
    from antlr4.atn.Transition import Transition
    from latex2sympy2_extended.gen.PSParser import PSParser

    from openrs.verify.lookahead import FOREIGN, NEEDED

    atn = PSParser.atn

    def ends(state, derived, kinds):
        """Whether the end of its rule is reached from a state by these rules and tokens."""
        seen, left = set(), [state]
        while left:
            at = left.pop()
            if at.stateNumber in seen:
                continue
            seen.add(at.stateNumber)
            if at.stateType == at.RULE_STOP:
                return True
            for move in at.transitions:
                if move.serializationType == Transition.RULE:
                    left += [move.followState] * (move.target.ruleIndex in derived)
                elif move.isEpsilon or not kinds.isdisjoint(move.label):
                    left.append(move.target)
        return False

    def derivable(state, kinds):
        derived = set()
        while True:
            more = {i for i, rule in enumerate(atn.ruleToStartState) if ends(rule, derived, kinds)}
            if more == derived:
                return ends(state, derived, kinds)
            derived = more

    every = set(range(-1, atn.maxTokenType + 1))
    decisions = {state.ruleIndex: state for state in atn.decisionToState}
    assert len(NEEDED) == 8
    for (rule, alternative), needed in NEEDED.items():
        start = decisions[rule].transitions[alternative - 1].target
        assert derivable(start, every)
        assert not derivable(start, every - needed)

    def tokens(start):
        """All that some rule below it may match."""
        found, seen, left = set(), set(), [start]
        while left:
            at = left.pop()
            if at.stateNumber in seen or at.stateType == at.RULE_STOP:
                continue
            seen.add(at.stateNumber)
            for move in at.transitions:
                if move.serializationType == Transition.RULE:
                    left.append(move.followState)
                elif not move.isEpsilon:
                    found |= set(move.label)
                left.append(move.target)
        return found

    (below,) = {rule for rule, _ in FOREIGN}
    assert PSParser.ruleNames[below] == "math"  # which ends with the text
    starts = [transition.target for transition in decisions[below].transitions]
    for alternative, start in enumerate(starts, 1):
        foreign = FOREIGN.get((below, alternative), set())
        assert tokens(start).isdisjoint(foreign)
        assert foreign or tokens(start) >= set.union(*map(set, FOREIGN.values()))


@pytest.mark.slow
def test_predictions_are_antlrs():
    """The same rules are predicted, or the same failure is met, with nothing learnt in between."""
    from antlr4 import CommonTokenStream, InputStream
    from antlr4.atn.ATNConfigSet import ATNConfigSet
    from antlr4.atn.ParserATNSimulator import ParserATNSimulator
    from antlr4.atn.PredictionMode import PredictionMode
    from antlr4.dfa.DFA import DFA
    from antlr4.PredictionContext import PredictionContextCache
    from latex2sympy2_extended.gen.PSLexer import PSLexer
    from latex2sympy2_extended.gen.PSParser import PSParser

    from openrs.verify import prediction

    def predictions(kind, formula, mode):
        lexer = PSLexer(InputStream(formula))
        lexer.removeErrorListeners()
        parser = PSParser(CommonTokenStream(lexer))
        parser.removeErrorListeners()
        states = [DFA(state, i) for i, state in enumerate(parser.atn.decisionToState)]
        simulator = parser._interp = kind(parser, parser.atn, states, PredictionContextCache())
        simulator.predictionMode = mode
        made, predict = [], simulator.adaptivePredict

        def noted(*arguments):
            made.append(predict(*arguments))
            return made[-1]

        simulator.adaptivePredict = noted
        tree = parser.math()
        return made, tree.toStringTree(recog=parser), parser.getNumberOfSyntaxErrors()

    for mode in (PredictionMode.SLL, PredictionMode.LL):
        for formula in FORMULAS:
            theirs = predictions(ParserATNSimulator, formula, mode)
            prediction.install()
            try:
                assert predictions(prediction.Simulator, formula, mode) == theirs
            finally:
                prediction.runtime.ATNConfigSet = ATNConfigSet


def test_units_are_removed_as_the_library_removes_them():
    """Its pattern looks for a space where the unit is to begin, so that only ` m east` is ever removed."""
    from openrs.verify.shortcuts import UNITS

    rng, removed = random.Random(0), 0
    units = [*normalization.units, " ", "\t", "12", "x", "s", "es", ".", "\\text{", "}"]
    for _ in range(5000):
        text = "".join(rng.choice([" ", ""]) + rng.choice(units) for _ in range(rng.randint(1, 5)))
        theirs = normalization.units_regex.sub(r"\1\2", text)
        assert UNITS.sub(r"\1\2", text) == theirs
        removed += theirs != text
    assert removed > 10


def test_boxes_are_found_where_the_pattern_finds_them():
    from math_verify import LatexExtractionConfig
    from math_verify.parser import get_extraction_regexes

    targets = (LatexExtractionConfig(boxed_match_priority=0),)
    ((patterns, _),) = begun(get_extraction_regexes)(targets)
    (boxes,) = [pattern for pattern, _ in patterns if isinstance(pattern, Boxes)]
    rng = random.Random(2)
    parts = [
        "$",
        "$$",
        "\\[",
        "\\]",
        "\\(",
        "\\)",
        "\n",
        " ",
        "[",
        "]",
        "\\",
        "\\boxed{1}",
        "\\boxed{",
        "}",
        "7",
        "x",
        ", ",
    ]
    found = 0
    for _ in range(20_000):
        text = "".join(rng.choices(parts, k=rng.randint(1, 14)))
        theirs = [(match.span(), match.groups()) for match in boxes.pattern.finditer(text)]
        assert [(match.span(), match.groups()) for match in boxes.finditer(text)] == theirs, text
        found += len(theirs)
    assert found > 1000


@pytest.mark.slow
def test_sets_are_compared_as_the_library_compares_them():
    from math_verify.grader import sympy_compare_sets

    x = Symbol("x")
    items = [
        Integer(1),
        Rational(1, 3),
        sqrt(8),
        x,
        FiniteSet(1, 2),
        FiniteSet(2 * sqrt(2)),
        FiniteSet(x, 1),
        Tuple(1, 2),
        FiniteSet(Rational(1, 3), pi),
        FiniteSet(Number("0.333333"), pi),
        FiniteSet(1),
        Interval(1, 2),
        Tuple(2, 1),
        Interval(1, 2, True, True),
        Interval(x, 2),
        Union(Interval(0, 1), Interval(3, oo)),
        Interval(1, oo),
        Union(FiniteSet(5), Interval(0, 1)),
        FiniteSet(1 + x, 2),
        FiniteSet(x + 1, 2, 3),
    ]
    compare, equal = quicker(sympy_compare_sets), 0
    for one in items:
        for other in items:
            theirs = sympy_compare_sets(one, other, 6)
            assert compare(one, other, 6) == theirs, (one, other)
            equal += theirs
    assert len(items) <= equal < len(items) ** 2 / 2
