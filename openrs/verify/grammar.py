"""LaTeX to sympy as latex2sympy2_extended does it, with less of ANTLR's searching.

Two thirds of math-verify's time is ANTLR's search for the next grammar rule, in plain Python. Its result
depends on the kinds of a formula's tokens alone (the grammar has no predicate but precedence), so the
predictions made for `\\frac{1}{2}` are used again for `\\frac{7}{12}`: the same tree by the same generated
parser. Written for latex2sympy2_extended 1.0.6; the tests hold the verdicts against the library's own.
"""

import re
from typing import Any

from antlr4 import CommonTokenStream, InputStream
from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended.gen.PSLexer import PSLexer
from latex2sympy2_extended.gen.PSParser import PSParser
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from sympy import Float, Integer, Number

from openrs.verify.lookahead import possible
from openrs.verify.prediction import Simulator

LONGEST_KEPT = 1000
"""Tokens of a formula above which nothing is kept."""
MOST_KEPT = 20_000
"""Kinds of formulas whose predictions are kept."""

_predictions: dict[tuple[int, ...], tuple[int, ...] | None] = {}
"""By token kinds: the predictions in the order they are asked for; None for a syntax error."""


class _Recorder:
    """ANTLR's simulator where the tokens ahead do not settle it, with the predictions written down."""

    def __init__(self, simulator: Any, kinds: tuple[int, ...]) -> None:
        self.simulator, self.atn, self.kinds = simulator, simulator.atn, kinds
        self.made: list[int] = []

    def adaptivePredict(self, tokens: Any, decision: int, context: Any) -> int:
        left = possible(decision, self.kinds[tokens.index :])
        prediction = left[0] if len(left) == 1 else self.simulator.adaptivePredict(tokens, decision, context)
        if prediction not in left and self.simulator.predictionMode == PredictionMode.SLL:
            # of alternatives in conflict SLL prediction takes the first
            self.simulator.predictionMode = PredictionMode.LL
            prediction = self.simulator.adaptivePredict(tokens, decision, context)
            self.simulator.predictionMode = PredictionMode.SLL
        self.made.append(prediction)
        return prediction


class _Replayer:
    """Gives the predictions that were made for the same kinds of tokens."""

    def __init__(self, atn: Any, made: tuple[int, ...]) -> None:
        self.atn, self.next = atn, iter(made).__next__

    def adaptivePredict(self, *_: Any) -> int:
        return self.next()


class _NoErrors:
    """ANTLR's error strategy where the parse is known to meet no error."""

    def sync(self, _: Any) -> None:
        """Nothing is out of step."""

    reportMatch = sync

    def inErrorRecoveryMode(self, _: Any) -> bool:
        """Never."""
        return False


class _Grammar:
    """Stands where latex2sympy expects ANTLR's parser of one formula.

    New kinds are parsed in ANTLR's two stages: SLL prediction is faster and gives the tree of LL
    prediction or a syntax error, after which LL has the word (documentation of PredictionMode).
    """

    def __init__(self, tokens: Any, listener: Any) -> None:
        self.tokens, self.listener = tokens, listener

    def _parser(self) -> Any:
        self.tokens.seek(0)
        parser = PSParser(self.tokens)
        parser._interp = Simulator(parser, parser.atn, parser.decisionsToDFA, parser.sharedContextCache)
        parser.removeErrorListeners()
        parser.addErrorListener(self.listener)
        return parser

    def math(self) -> Any:
        """The tree of the grammar's first rule."""
        kinds = tuple(token.type for token in self.tokens.tokens)
        if kinds in _predictions:
            made = _predictions[kinds]
            if made is None:
                raise ValueError("tokens of these kinds were a syntax error before")
            parser = self._parser()
            parser._interp, parser._errHandler = _Replayer(parser.atn, made), _NoErrors()
            return parser.math()
        for mode in (PredictionMode.SLL, PredictionMode.LL):
            parser = self._parser()
            simulator = parser._interp
            simulator.predictionMode = mode
            recorder = parser._interp = _Recorder(simulator, kinds)
            try:
                tree = parser.math()
            except Exception as error:
                # where SLL prediction met no conflict, LL prediction would have been the same; an exception
                # that is not the listener's (recursion, memory) says nothing of the grammar
                final = mode == PredictionMode.LL or not simulator.conflicted
                if final and type(error) is Exception:
                    _keep(kinds, None)
                if final:
                    raise
                continue
            _keep(kinds, tuple(recorder.made))
            return tree


def _keep(kinds: tuple[int, ...], made: tuple[int, ...] | None) -> None:
    if len(_predictions) >= MOST_KEPT:
        _predictions.clear()
    if len(kinds) <= LONGEST_KEPT:
        _predictions[kinds] = made


_whole, _decimal = re.compile(r"0|[1-9][0-9]{0,999}"), re.compile(r"[0-9]{0,500}\.[0-9]{1,500}")


def number(text: str) -> Any:
    """sympy.Number(text), which makes and evaluates a program that says Integer or Float."""
    if _whole.fullmatch(text):
        return Integer(text)
    return Float(text) if _decimal.fullmatch(text) else Number(text)


class Reader(_Latex2Sympy):
    """LaTeX to sympy, through the grammar above."""

    def create_parser(self, latex_str: str) -> Any:
        listener = self.MathErrorListener(latex_str)
        lexer = PSLexer(InputStream(latex_str))
        lexer.removeErrorListeners()
        lexer.addErrorListener(listener)
        tokens = CommonTokenStream(lexer)
        tokens.fill()  # the first rule asks for the end of the text: what cannot be lexed fails anyway
        return _Grammar(tokens, listener)

    def parse_number(self, text: str) -> Any:
        text = text.replace(",", "")
        return number((text.lstrip("0") or "0") if text.isdigit() else text)
