"""Whether two expressions surely differ, by their values at a point.

`simplify` costs 10 to 100 ms, most of it on answers that are wrong. A difference that is not zero at a
point is not zero, so no correct simplification makes it zero. This covers what sympy evaluates quickly and
surely, and takes a positive point: what `simplify` assumes of a symbol (sqrt(x^2) = x, log(x^2) = 2 log(x))
holds there. A function that is not known, as f(x), is some number for each of its arguments' values.
"""

import random
from typing import Any

import sympy
from sympy import Expr, Float, Number, Rational, Symbol, preorder_traversal
from sympy.core.function import AppliedUndef

_PLAIN = (
    Symbol, Number, AppliedUndef,
    sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc, sympy.asin, sympy.acos, sympy.atan,
    sympy.sinh, sympy.cosh, sympy.tanh, sympy.exp, sympy.log, sympy.Abs,
    sympy.floor, sympy.ceiling, sympy.factorial, sympy.binomial,
)  # fmt: skip


def _plain(node: Any) -> bool:
    return isinstance(node, _PLAIN) or node.is_Add or node.is_Mul or node.is_Pow or node.is_NumberSymbol


def _some_number(call: Any, point: dict[Any, Any]) -> Any:
    """A number for an unknown function's call, the same for the same name and values of its arguments."""
    values = [complex(argument.evalf(15, subs=point)) for argument in call.args]
    named = [call.func.__name__, *(f"{value.real:.9g} {value.imag:.9g}" for value in values)]
    return Float(random.Random("|".join(named)).uniform(0.3, 0.9))


def differ(first: Any, second: Any) -> bool:
    """Whether the expressions surely differ; False where that cannot be said."""
    if not (isinstance(first, Expr) and isinstance(second, Expr)):
        return False
    nodes = [*preorder_traversal(first), *preorder_traversal(second)]
    if not all(isinstance(node, Expr) and _plain(node) for node in nodes):
        return False
    names = sorted({node.name for node in nodes if isinstance(node, Symbol)})
    place = {name: Rational(1009 + 613 * i, 1381 + 97 * i) for i, name in enumerate(names)}
    point = {node: place[node.name] for node in nodes if isinstance(node, Symbol)}
    both = [first, second]
    if any(isinstance(node, AppliedUndef) for node in nodes):
        both = [
            item.replace(lambda node: isinstance(node, AppliedUndef), lambda call: _some_number(call, point))
            for item in both
        ]
    there = [item.evalf(15, subs=point) for item in (*both, both[0] - both[1])]
    if not all(item.is_number and item.is_finite for item in there):
        return False
    sizes = [abs(complex(item)) for item in there]
    return sizes[2] > 1e-6 * max(1.0, sizes[0], sizes[1])
