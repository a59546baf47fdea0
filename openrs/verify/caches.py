"""Caches and quick paths for math-verify, in a process that only verifies; the verdicts are the same.

In GRPO's groups and repeated evaluations most formulas come again: they and their comparisons are kept. What
is new is parsed in ANTLR's two stages. Written for math-verify 0.5.2 and latex2sympy2-extended 1.0.6.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from math_verify import grader, parser
from sympy import S, simplify

from openrs.verify.nonzero import surely_nonzero, surely_unequal

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


def install() -> None:
    """Puts the caches in place of math-verify's own, which hold 20 formulas."""
    in_full = parser.parse_latex_with_timeout.__wrapped__

    def read(latex: str, timeout_seconds: int) -> Any:
        with suppress(Exception):
            return _FirstStage(is_real=not grader.should_treat_as_complex(latex)).parse(latex)
        with suppress(Exception):
            return in_full(latex, timeout_seconds)
        return None  # math-verify takes None as it takes an error, and None can be kept

    compare_sets = grader.sympy_compare_sets
    parser.parse_latex_with_timeout = _kept_by_text(read)
    grader.sympy_expr_eq = _kept_by_identity(grader.sympy_expr_eq)
    grader.sympy_compare_sets = lambda *a: not surely_unequal(*a[:2]) and compare_sets(*a)
    grader.simplify = lambda item: S.One if surely_nonzero(item) else simplify(item)
