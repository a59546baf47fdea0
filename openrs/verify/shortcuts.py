"""math-verify's verdicts for less work: what it computes again and again is computed once.

Texts are kept with what they are normalised to, formulas by their normalised text, extracted answers by the
groups of the match, verdicts by the answers they compare; fractions are compared as such, and `simplify` is
not asked whether a difference is zero that is not zero at a point (`openrs.verify.points`). All that is new
goes to the library's own functions. `install` puts this into math-verify's modules; it is for the verifying
process alone. Written for math-verify 0.5.2; the tests hold the verdicts against the library's own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import latex2sympy2_extended.math_normalization as normalization
import math_verify.grader
import math_verify.parser
from latex2sympy2_extended.math_normalization import (
    NormalizationConfig,
    extract_boxed_content,
    normalize_latex,
)
from math_verify.grader import should_treat_as_complex, verify
from sympy import Rational

from openrs.verify import prediction
from openrs.verify.boxes import begun
from openrs.verify.grammar import Reader, number
from openrs.verify.points import differ
from openrs.verify.sets import quicker

KEPT = 4096
LONGEST_KEPT = 1000
"""Characters above which nothing is kept."""


def _read(latex: str) -> Any:
    return Reader(is_real=not should_treat_as_complex(latex)).parse(latex)


_read_kept = lru_cache(KEPT)(_read)


def _read_latex(latex: str, timeout_seconds: int) -> Any:
    """math-verify's parse_latex_with_timeout; the verifying process has a limit of its own."""
    del timeout_seconds
    return (_read_kept if len(latex) <= LONGEST_KEPT else _read)(latex)


_spaced = [unit for unit in normalization.units if unit[:1].isspace()]
UNITS = re.compile(f"()()(?:{'|'.join(_spaced)})(?:s|es)?(?:$|\\W)" if _spaced else "(?!)()()")
"""The units that latex2sympy2_extended's pattern can match, which wants a space at each unit's first letter:
one of 140. The empty groups are those that its replacement names; those hold nothing there
either, where none of the first two units matches (1.0.6; the tests hold the patterns against each other)."""

_normalize_kept = lru_cache(KEPT)(normalize_latex)
_unboxed = lru_cache(None)(lambda config: replace(config, boxed="none"))


def _normalize(text: str, config: NormalizationConfig) -> str:
    """normalize_latex, which looks at nothing but what is in the box, where it is to look for one."""
    if config.boxed in ("all", "last"):
        text, config = extract_boxed_content(text, mode=config.boxed), _unboxed(config)
    return (_normalize_kept if len(text) <= LONGEST_KEPT else normalize_latex)(text, config)


@dataclass(frozen=True)
class _Groups:
    """The part of a match that extraction looks at, equal for equal texts: groups that hold something, which
    are three or four of seventy."""

    items: tuple[tuple[str, str], ...]

    def groupdict(self) -> dict[str, str]:
        return dict(self.items)


Extract = Callable[..., tuple[Any, str]]


def _remembering(extract: Extract) -> Extract:
    kept = lru_cache(KEPT)(extract)

    def extract_match(match: Any, target_type: Any, timeout_seconds: int) -> tuple[Any, str]:
        groups = _Groups(tuple((name, text) for name, text in match.groupdict().items() if text))
        short = sum(len(text) for _, text in groups.items) <= LONGEST_KEPT
        return (kept if short else extract)(groups, target_type, timeout_seconds)

    return extract_match


def _doubting(equal: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """sympy_symbolic_eq, which simplifies a difference, for those that may be equal."""

    def sympy_symbolic_eq(a: Any, b: Any) -> bool:
        try:
            if differ(a, b):
                return False
        except Exception:  # whatever cannot be evaluated is the library's to judge
            pass
        return equal(a, b)

    return sympy_symbolic_eq


def install() -> None:
    """Puts all this into this process's math-verify. For a process that only verifies."""
    prediction.install()
    normalization.units_regex = UNITS
    math_verify.parser.normalize_latex = _normalize
    math_verify.parser.parse_latex_with_timeout = _read_latex
    math_verify.parser.get_extraction_regexes = begun(math_verify.parser.get_extraction_regexes)
    math_verify.parser.Number = number
    math_verify.parser.extract_match = _remembering(math_verify.parser.extract_match)
    math_verify.grader.sympy_compare_sets = quicker(math_verify.grader.sympy_compare_sets)
    math_verify.grader.sympy_symbolic_eq = _doubting(math_verify.grader.sympy_symbolic_eq)


_verdicts: dict[tuple[Any, ...], tuple[bool, list[Any], list[Any]]] = {}


def same(first: list[Any], second: list[Any], precision: int) -> bool:
    """math-verify's verify() of two lists of extracted answers: whether any two of them are equal.

    Equal texts settle it, so they are looked at before any algebra; a text never equals a formula.
    """
    texts = {item.strip() for item in first if isinstance(item, str)} - {""}
    if any(isinstance(item, str) and item.strip() in texts for item in second):
        return True
    first = [item for item in first if not isinstance(item, str)]
    second = [item for item in second if not isinstance(item, str)]
    if all(isinstance(item, Rational) for item in (*first, *second)):
        return any(a == b for a in first for b in second)
    # what is kept holds its answers alive, so that an id names one answer only
    key = (precision, tuple(map(id, first)), tuple(map(id, second)))
    if key not in _verdicts:
        if len(_verdicts) >= KEPT:
            _verdicts.clear()
        verdict = bool(verify(first, second, precision=precision, timeout_seconds=0))
        _verdicts[key] = (verdict, first, second)
    return _verdicts[key][0]
