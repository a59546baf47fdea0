"""Differences of answers that are not zero, by their value at one point.

`simplify` takes 10 to 100 ms, mostly for wrong answers. What is not zero at a point is not zero, so no correct
simplification makes it zero. All symbols are positive there, as `simplify` may assume (sqrt(x^2) = x, say).
"""

from contextlib import suppress
from math import inf
from typing import Any

import sympy
from sympy import Add, Float, Rational, Symbol
from sympy.core.function import AppliedUndef

_EXACT = (
    Add, sympy.Mul, sympy.Pow, Symbol, sympy.Number, sympy.NumberSymbol, type(sympy.I), sympy.exp, sympy.log,
    sympy.sin, sympy.cos, sympy.atan, sympy.Abs, sympy.floor,
)  # fmt: skip
"""What sympy evaluates to as many digits as are asked (sympy.core.evalf); tan, say, it does not."""


def surely_nonzero(difference: Any) -> bool:
    """Says whether a difference cannot be zero; False where its value at the point does not tell."""
    with suppress(Exception):  # PrecisionExhausted: a term is zero, as 5 (sqrt(2) sqrt(3) - sqrt(6)) is
        calls = difference.atoms(AppliedUndef)  # f(x) may be any number, and f(y) another
        if all(argument.is_Symbol for call in calls for argument in call.args):
            difference = difference.xreplace({call: Symbol(str(call)) for call in calls})
        symbols, decimals = difference.free_symbols, difference.atoms(Float)
        if (
            not all(isinstance(node, _EXACT) for node in sympy.preorder_traversal(difference))
            or any(symbol.is_real is False for symbol in symbols)
            or not all(1e-30 < abs(number) < 1e30 for number in decimals)
        ):
            return False
        names = sorted({symbol.name for symbol in symbols})
        point = {s: Rational(1009 + 613 * (i := names.index(s.name)), 1381 + 97 * i) for s in symbols}
        terms = Add.make_args(difference.xreplace({number: Rational(str(number)) for number in decimals}))
        values = [complex(term.evalf(subs=point, strict=True)) for term in terms]
        # a millionth of the terms' sizes is far above what rounding to 15 digits leaves of their sum
        return 1e-6 * sum(map(abs, values)) < abs(sum(values)) < inf
    return False
