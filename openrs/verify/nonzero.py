"""Answers that are surely unequal: their difference is not zero at a point.

`simplify` takes 10 to 100 ms, mostly for wrong answers. What is not zero at a point is not zero, so no
correct simplification makes it zero. Symbols are positive there, or not real where latex2sympy says so.
"""

from contextlib import suppress
from math import inf
from typing import Any

import sympy
from sympy import Add, Float, Rational, Symbol
from sympy.core.function import AppliedUndef

_KNOWN = (
    Add, sympy.Mul, sympy.Pow, Symbol, sympy.Number, sympy.NumberSymbol, type(sympy.I), sympy.exp, sympy.log,
    sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.asin, sympy.acos, sympy.atan, sympy.Abs, sympy.floor,
    sympy.factorial, sympy.binomial,
)  # fmt: skip


def surely_nonzero(difference: Any) -> bool:
    """Says whether a difference cannot be zero; False where its value at the point does not tell."""
    with suppress(Exception):  # PrecisionExhausted: a term is zero, as 5 (sqrt(2) sqrt(3) - sqrt(6)) is
        calls = difference.atoms(AppliedUndef)  # f(x) may be any number, and f(y) another
        if all(argument.is_Symbol for call in calls for argument in call.args):
            difference = difference.xreplace({call: Symbol(str(call)) for call in calls})
        symbols, decimals = difference.free_symbols, difference.atoms(Float)
        evaluable = all(isinstance(node, _KNOWN) for node in sympy.preorder_traversal(difference))
        if not evaluable or not all(1e-30 < abs(number) < 1e30 for number in decimals):
            return False
        names = sorted({symbol.name for symbol in symbols})
        point = {s: Rational(1009 + 613 * (i := names.index(s.name)), 1381 + 97 * i) for s in symbols}
        point |= {s: value + sympy.I for s, value in point.items() if s.is_real is False}
        terms = Add.make_args(difference.xreplace({number: Rational(str(number)) for number in decimals}))
        values, again = ([complex(t.evalf(n, subs=point, strict=True)) for t in terms] for n in (15, 40))
        # rounding leaves less than a millionth of the terms; where 15 digits are wrong, 40 differ: tan(10^30)
        error = sum(abs(a - b) for a, b in zip(values, again, strict=True))
        return 1e-6 * sum(map(abs, values)) + 1e3 * error < abs(sum(values)) < inf
    return False
