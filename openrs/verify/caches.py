"""Caches of what math-verify parses and compares, for a process that only verifies.

Most of math-verify's time goes into parsing formulas, and in GRPO's groups and repeated evaluations most
formulas come again. Formulas and verdicts are kept by all that they depend on; the library's own functions
judge everything new. Tests hold the verdicts against plain calls. Written for math-verify 0.5.2.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import math_verify.parser
from math_verify.grader import verify
from sympy import Float, Integer, Rational

KEPT = 4096
LONGEST_KEPT = 1000
"""Characters above which nothing is kept."""

_WHOLE = re.compile(r"-?[0-9]{1,300}")
_DECIMAL = re.compile(r"-?[0-9]{0,300}\.[0-9]{1,300}")
_FRACTION = re.compile(r"(-?)\\frac\{([0-9]{1,300})\}\{(0*[1-9][0-9]{0,200})\}")


def plain_number(latex: str) -> Any:
    """The number that latex2sympy reads from a plain integer, decimal or fraction; None for other texts."""
    if _WHOLE.fullmatch(latex):
        return Integer(latex)
    if _DECIMAL.fullmatch(latex):
        return Float(latex)
    if match := _FRACTION.fullmatch(latex):
        return Rational(int(match[1] + match[2]), int(match[3]))
    return None


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a text and settings, with its results for short texts kept."""
    kept = lru_cache(KEPT)(function)

    def of_text(text: str, **settings: Any) -> Any:
        return (kept if len(text) <= LONGEST_KEPT else function)(text, **settings)

    return of_text


def install() -> None:
    """Puts the caches in front of math-verify's own, which hold 20 formulas and one set of patterns."""
    parser = math_verify.parser
    parse_latex = parser.parse_latex_with_timeout.__wrapped__

    def read(latex: str, timeout_seconds: int) -> Any:
        number = plain_number(latex)
        return parse_latex(latex, timeout_seconds) if number is None else number

    parser.parse_latex_with_timeout = _kept(read)
    parser.normalize_latex = _kept(parser.normalize_latex)
    parser.lazy_latex_regex = lru_cache(None)(parser.lazy_latex_regex.__wrapped__)
    parser.lazy_expr_regex = lru_cache(None)(parser.lazy_expr_regex.__wrapped__)


_verdicts: dict[tuple[Any, ...], tuple[bool, list[Any], list[Any]]] = {}


def same(first: list[Any], second: list[Any], precision: int) -> bool:
    """math-verify's verify() of two lists of extracted answers: whether any two of them are equal.

    Two short paths need no algebra: equal texts are equal, a text never equals a formula; and fractions are
    compared as such.
    """
    texts = {item.strip() for item in first if isinstance(item, str)} - {""}
    if any(isinstance(item, str) and item.strip() in texts for item in second):
        return True
    first = [item for item in first if not isinstance(item, str)]
    second = [item for item in second if not isinstance(item, str)]
    if all(isinstance(item, Rational) for item in (*first, *second)):
        return any(a == b for a in first for b in second)
    # an entry holds its answers alive, so that an id names one answer only
    key = (precision, tuple(map(id, first)), tuple(map(id, second)))
    if key not in _verdicts:
        if len(_verdicts) >= KEPT:
            _verdicts.clear()
        verdict = bool(verify(first, second, precision=precision, timeout_seconds=0))
        _verdicts[key] = (verdict, first, second)
    return _verdicts[key][0]
