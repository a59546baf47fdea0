"""Caches and quick paths for math-verify, in a process that only verifies; the verdicts are the same.

In GRPO's groups and repeated evaluations most formulas come again: they and their comparisons are kept. What
is new is parsed in ANTLR's two stages. Written for math-verify 0.5.2 and latex2sympy2-extended 1.0.6.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from math_verify import grader, parser
from sympy import Integer, S, simplify

from openrs.verify.nonzero import surely_nonzero

KEPT = 4096
LONGEST_KEPT = 1000  # characters


def _kept_by_text(function: Callable[..., Any]) -> Callable[..., Any]:
    kept = lru_cache(KEPT)(function)
    return lambda text, **settings: (kept if len(text) <= LONGEST_KEPT else function)(text, **settings)


def _kept_by_identity(compare: Callable[..., bool]) -> Callable[..., bool]:
    kept: dict[tuple[Any, ...], tuple[bool, Any, Any]] = {}

    def comparison(first: Any, second: Any, *settings: Any) -> bool:
        key = (id(first), id(second), *settings)
        if key not in kept:
            verdict = compare(first, second, *settings)
            if len(kept) >= KEPT:
                kept.clear()
            kept[key] = verdict, first, second  # held alive, so that an id names one formula only
        return kept[key][0]

    return comparison


class _FirstStage(_Latex2Sympy):
    """latex2sympy with ANTLR's quick first stage (SLL), which finds the tree of full prediction or none."""

    parse_number = staticmethod(_kept_by_text(_Latex2Sympy().parse_number))

    def create_parser(self, latex: str) -> Any:
        parser = super().create_parser(latex)
        parser._interp.predictionMode = PredictionMode.SLL
        return parser


def _earliest(text: str) -> int:
    """The first place where a formula with a box may begin: math-verify would try each place before it, too.

    It is in the line of the first box, or where $$...$$ or \\[...\\] may be open, which alone may hold lines.
    """
    box = text.find("\\boxed{")  # in a text without one nothing is found, wherever the search begins
    opened = text.rfind("$$", 0, box), text.find("\\[", text.rfind("\\]", 0, box) + 1, box)
    first = min([text.rfind("\n", 0, box), *(place for place in opened if place >= 0)])
    return max(0, first - 1)  # of $$$ the first two may be the formula's


def _quick_searches(*searches: tuple[re.Pattern[str], int]) -> list[tuple[Any, int]]:
    *others, (boxed, priority), any_box = searches  # in math-verify's order
    search = SimpleNamespace(finditer=lambda text: boxed.finditer(text, _earliest(text)))
    return [*others, (search, priority), any_box]


def install() -> None:
    """Puts them in place of what math-verify has; its own caches hold 20 formulas."""
    in_full = parser.parse_latex_with_timeout.__wrapped__

    def read(latex: str, timeout_seconds: int) -> Any:
        if latex.isascii() and latex.isdecimal():
            return Integer(latex)
        with suppress(Exception):
            return _FirstStage(is_real=not grader.should_treat_as_complex(latex)).parse(latex)
        with suppress(Exception):
            return in_full(latex, timeout_seconds)
        return None  # math-verify takes None as it takes an error, and None can be kept

    searches = parser.lazy_latex_regex
    parser.lazy_latex_regex = cache(lambda settings: _quick_searches(*searches(settings)))
    parser.parse_latex_with_timeout = _kept_by_text(read)
    grader.sympy_expr_eq = _kept_by_identity(grader.sympy_expr_eq)
    grader.simplify = lambda item: S.One if surely_nonzero(item) else simplify(item)
