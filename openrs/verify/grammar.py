"""LaTeX to sympy as latex2sympy2_extended does it, with less of ANTLR's searching.

Two thirds of math-verify's time is ANTLR's search for the next grammar rule, in plain Python. Its result
depends on the kinds of a formula's tokens alone (the grammar has no predicate but precedence), so the tree
that was made for `\\frac{1}{2}` is that of `\\frac{7}{12}` with other tokens in it. Written for
latex2sympy2_extended 1.0.6; the tests hold the verdicts against the library's own.
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

LONGEST_KEPT = 300
"""Tokens of a formula above which nothing is kept."""
MOST_KEPT = 100_000
"""Tokens of the formulas whose trees are kept, about 1.3 kB each."""

Kinds = tuple[int, ...]


class _Trees:
    """Trees by the kinds of their tokens; None for a syntax error."""

    def __init__(self) -> None:
        self.kept: dict[Kinds, tuple[list[Any], Any] | None] = {}
        self.tokens = 0

    def keep(self, kinds: Kinds, made: tuple[list[Any], Any] | None) -> None:
        """Keeps the tokens and the tree that holds them."""
        if len(kinds) > LONGEST_KEPT:
            return
        if self.tokens > MOST_KEPT:
            self.kept.clear()
            self.tokens = 0
        if kinds not in self.kept:
            self.tokens += len(kinds)
        self.kept[kinds] = made


_trees = _Trees()


class _Ahead:
    """ANTLR's simulator, asked only where the tokens ahead do not settle it."""

    def __init__(self, simulator: Any, kinds: Kinds) -> None:
        self.simulator, self.atn, self.kinds = simulator, simulator.atn, kinds

    def adaptivePredict(self, tokens: Any, decision: int, context: Any) -> int:
        left = possible(decision, self.kinds[tokens.index :])
        prediction = left[0] if len(left) == 1 else self.simulator.adaptivePredict(tokens, decision, context)
        if prediction not in left and self.simulator.predictionMode == PredictionMode.SLL:
            # of alternatives in conflict SLL prediction takes the first
            self.simulator.predictionMode = PredictionMode.LL
            prediction = self.simulator.adaptivePredict(tokens, decision, context)
            self.simulator.predictionMode = PredictionMode.SLL
        return prediction


def _filled(tokens: list[Any], others: list[Any]) -> None:
    """Makes tokens, which a tree holds in many places, say what the others say."""
    for token, other in zip(tokens, others, strict=True):
        token.source, token.start, token.stop = other.source, other.start, other.stop
        token.line, token.column, token._text = other.line, other.column, other._text


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
        tokens = self.tokens.tokens
        kinds = tuple(token.type for token in tokens)
        if kinds in _trees.kept:
            kept = _trees.kept[kinds]
            if kept is None:
                raise ValueError("tokens of these kinds were a syntax error before")
            _filled(kept[0], tokens)
            return kept[1]
        for mode in (PredictionMode.SLL, PredictionMode.LL):
            parser = self._parser()
            simulator = parser._interp
            simulator.predictionMode = mode
            parser._interp = _Ahead(simulator, kinds)
            try:
                tree = parser.math()
            except Exception as error:
                # where SLL prediction met no conflict, LL prediction would have been the same; an exception
                # that is not the listener's (recursion, memory) says nothing of the grammar
                final = mode == PredictionMode.LL or not simulator.conflicted
                if final and type(error) is Exception:
                    _trees.keep(kinds, None)
                if final:
                    raise
                continue
            _trees.keep(kinds, (tokens, tree))
            return tree


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
