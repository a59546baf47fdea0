"""The grammar's choices that one token settles, or a token that is nowhere in the formula.

ANTLR finds the alternative that a formula takes by walking its whole grammar along the tokens ahead. Most
choices need no walk: only one alternative can begin with the next token (the first sets of LL(1) parsing,
as ANTLR's own analyzer finds them), or each other one needs a token that does not come any more, or cannot
take one that comes. The alternative that is left is the one that ANTLR would take in every formula of the
grammar; in others both meet a syntax error.
"""

from collections.abc import Sequence
from functools import cache

from antlr4.IntervalSet import IntervalSet
from antlr4.LL1Analyzer import LL1Analyzer
from antlr4.PredictionContext import PredictionContext
from latex2sympy2_extended.gen.PSParser import PSParser as P

_SET = frozenset((
    P.SET_NATURALS, P.SET_INTEGERS, P.SET_RATIONALS, P.SET_REALS, P.SET_COMPLEX, P.SET_PRIMES, P.SET_EMPTY,
    P.R_PAREN, P.R_PAREN_VISUAL, P.R_BRACKET, P.R_BRACE, P.R_BRACE_VISUAL, P.COMMA, P.SEMICOLON,
))  # fmt: skip
"""One of these is in every set, interval and tuple."""

NEEDED: dict[tuple[int, int], frozenset[int]] = {
    (P.RULE_math, 1): frozenset((P.IN, P.ASSIGNMENT)),  # set_elements_relation
    (P.RULE_math, 3): _SET,  # set_relation
    (P.RULE_element, 1): frozenset((P.PLUS_MINUS,)),  # plus_minus_expr
    (P.RULE_element, 2): _SET,  # set_atom
    (P.RULE_element_no_relation, 1): frozenset((P.PLUS_MINUS,)),
    (P.RULE_element_no_relation, 2): _SET,
    (P.RULE_atom_expr, 1): frozenset((P.UNDERSCORE,)),  # supexpr subexpr
    (P.RULE_atom_expr, 2): frozenset((P.CARET,)),  # subexpr supexpr
}
"""(rule, alternative): tokens of which one must come, as the alternative is derived in no other way."""

_OF_SETS = frozenset((P.UNION, P.INTERSECTION, P.SET_MINUS, P.SUPSET, P.SUBSET, P.NOTIN))
FOREIGN: dict[tuple[int, int], frozenset[int]] = {(P.RULE_math, 1): _OF_SETS, (P.RULE_math, 2): _OF_SETS}
"""(rule, alternative): tokens that no derivation has; these alternatives must derive all that is ahead."""


@cache
def _beginnings(decision: int) -> tuple[int, dict[int, tuple[int, ...]]]:
    """The decision's rule, and by token kind the alternatives that may begin with it."""
    state = P.atn.getDecisionState(decision)
    found: dict[int, tuple[int, ...]] = {}
    for alternative, transition in enumerate(state.transitions, 1):
        first = IntervalSet()
        LL1Analyzer(P.atn)._LOOK(
            transition.target, None, PredictionContext.EMPTY, first, set(), set(), True, False
        )
        for kind in first:
            found[kind] = (*found.get(kind, ()), alternative)
    return state.ruleIndex, found


def possible(decision: int, ahead: Sequence[int]) -> tuple[int, ...]:
    """The alternatives of a decision that the token kinds ahead allow; one of them is the right one."""
    rule, beginnings = _beginnings(decision)
    left = beginnings.get(ahead[0], ())
    if len(left) < 2:
        return left
    rest = set(ahead)
    return tuple(
        alternative
        for alternative in left
        if not rest.isdisjoint(NEEDED.get((rule, alternative), rest))
        and rest.isdisjoint(FOREIGN.get((rule, alternative), ()))
    )
