"""Differences of answers that are surely not zero, by their value at one point.

`simplify` takes 10 to 100 ms for a difference, and most are those of wrong answers. What is not zero at a
point is not zero, so no correct simplification makes it zero. All symbols are positive at the point: what
`simplify` assumes of symbols (sqrt(x^2) = x, say) holds there.
"""

from contextlib import suppress
from math import inf
from typing import Any

import sympy
from sympy import Add, Float, Rational, Symbol
from sympy.core.function import AppliedUndef

_KNOWN = (
    Add, sympy.Mul, sympy.Pow, Symbol, sympy.Number, sympy.NumberSymbol, type(sympy.I),
    sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc, sympy.asin,
    sympy.acos, sympy.atan, sympy.Abs, sympy.floor, sympy.factorial, sympy.binomial,
)  # fmt: skip
"""What sympy evaluates quickly and to all digits."""


def surely_nonzero(difference: Any) -> bool:
    """Says whether a difference cannot be zero; False where its value at the point does not tell."""
    calls = difference.atoms(AppliedUndef)  # f(x) may be any number, and f(y) another
    if all(argument.is_Symbol for call in calls for argument in call.args):
        difference = difference.xreplace({call: Symbol(str(call)) for call in calls})
    if not all(isinstance(node, _KNOWN) for node in sympy.preorder_traversal(difference)):
        return False
    symbols = difference.free_symbols
    names = sorted({symbol.name for symbol in symbols})
    point = {s: Rational(1009 + 613 * (i := names.index(s.name)), 1381 + 97 * i) for s in symbols}
    decimals = {number: Rational(str(number)) for number in difference.atoms(Float)}
    terms = Add.make_args(difference.xreplace(decimals))
    with suppress(Exception):  # PrecisionExhausted: a term is zero, as 5 (sqrt(2) sqrt(3) - sqrt(6)) is
        values = [complex(term.evalf(subs=point, strict=True)) for term in terms]
        # a millionth of the terms' sizes is far above what rounding leaves of a sum that is zero
        return 1e-6 * sum(map(abs, values)) < abs(sum(values)) < inf
    return False
