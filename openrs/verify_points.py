"""Whether two expressions surely differ, by their values at a point.

`simplify` costs 10 to 100 ms, most of it on answers that are wrong. A difference that is not zero at a
point is not zero, so no correct simplification makes it zero. This covers elementary arithmetic, where
sympy's evaluation is quick and sure, and takes a positive point: what `simplify` assumes of a symbol
(sqrt(x^2) = x, log(x^2) = 2 log(x)) holds there.
"""

from typing import Any

from sympy import Abs, Expr, Number, Rational, Symbol, cos, exp, log, preorder_traversal, sin, tan

_PLAIN = (Symbol, Number, sin, cos, tan, exp, log, Abs)


def _plain(node: Any) -> bool:
    return isinstance(node, _PLAIN) or node.is_Add or node.is_Mul or node.is_Pow or node.is_NumberSymbol


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
    there = [item.evalf(15, subs=point) for item in (first, second, first - second)]
    if not all(item.is_number and item.is_finite for item in there):
        return False
    sizes = [abs(complex(item)) for item in there]
    return sizes[2] > 1e-6 * max(1.0, sizes[0], sizes[1])
