"""Gold answers that math-verify cannot judge: it reads no formula in them, or errs on their kind.

math-verify takes a tenth of a second for a formula, so a plan does not ask it about what is plainly one; what
it said of the others is kept in outputs/golds.jsonl, a line a gold answer, as mixes share their answers.
"""

import ast
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic

from openrs.records.files import read_lines
from openrs.records.problem_ids import problem_id
from openrs.records.run import versions

KEPT = "golds.jsonl"
PATIENCE = 10.0
"""Seconds for which a process asks math-verify about gold answers that are new to it; later plans go on."""
AT_ONCE = 32
LONGEST = 500
"""Characters of a gold answer that is looked at for its form."""
TINY = 1e-5
"""math-verify compares numbers rounded to 5 (evaluation) or 6 (training) decimals."""

_SPELLINGS = [
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\\left|\\right|\\displaystyle|(?<!\\)\\[,;:! ]|\s", ""),
        (r"\\[dt]frac", r"\\frac"),
        (r"\\frac(\d)(?=[\d{])", r"\\frac{\1}"),
        (r"(\\frac\{[^{}]*\})(\d)", r"\1{\2}"),
        (r"\\(?:pi|infty|theta|alpha|beta)(?![a-zA-Z])|(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])", "#"),
        (r"\d+(?:\.\d+)?|\.\d+", "#"),
    )
]
_STEPS = [
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\\frac\{[+-]?#\}\{#\}", "#"),
        (r"\\sqrt(?:\[#\])?(?:\{#\}|#)", "#"),
        (r"#\^(?:\{-?#\}|#(?!#))", "#"),
        (r"#(?:\^\\circ|\^\{\\circ\}|\\%|_\{#\}|_#)|\\\$#", "#"),
        (r"#\\(?:text|mbox)\{[^{}\\$.]*\}$", "#"),
        (r"\(-?#\)", "#"),
        (r"##+", "#"),
        (r"#(?:[-+*/]|\\cdot|\\times)#", "#"),
    )
]
_INTERVAL = r"[(\[]-?#,-?#[)\]]"
_FORMULA = re.compile(
    rf"-?#(?:=-?#)?|[(\[]-?#(?:,-?#)+[)\]]|\\\{{-?#(?:,-?#)*\\\}}|-?#(?:,-?#)+|{_INTERVAL}(?:\\cup{_INTERVAL})+"
    r"|\\begin\{pmatrix\}-?#(?:(?:&|\\\\)-?#)*(?:\\\\)?\\end\{pmatrix\}"
)


def plain(gold: str) -> bool:
    """Whether a gold answer is a formula by its form alone: numbers, letters, fractions, roots and powers,
    and pairs, sets, intervals and matrices of these.

    It says no to many formulas, and never yes to what is none.
    """
    left, before = gold if len(gold) <= LONGEST else "", ""
    for pattern, to in _SPELLINGS:
        left = pattern.sub(to, left)
    while left != before:
        before = left
        for pattern, to in _STEPS:
            left = pattern.sub(to, left)
    return bool(_FORMULA.fullmatch(left))


_WHOLE = re.compile(r"-?\d+")
_COMMANDS = re.compile(r"\\(?!(?:text|mbox|mathrm|textbf|textit|operatorname)\b)[a-zA-Z]+")
_WORDS = re.compile(r"[^\W\d_]{3,}|\b(?:yes|no)\b", re.IGNORECASE)
_IN_TEXT = re.compile(r"^\(?\\(?:text|mbox|mathrm|textbf)\s*\{[^{}]*[^\W\d_]")
_UNITS = re.compile(r"\d[\s\\]*(?:[,!;:] *)?\\(?:text|mbox|mathrm)\s*\{[^{}]*\}")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,(?:\\!)?|\\,)(?=\d{3}(?!\d))")
_LIST = re.compile(r"=[^=]*,")
_BASE = re.compile(r"[\dA-F}]\s*_\s*(?:\{\s*)?(?:\d{1,2}\b|\\text)")
_TRAILING = re.compile(r"[a-zA-Z]\s*_")
_SPELLED_OTHERWISE = {
    "percents": re.compile(r".*\d\s*\\?%"),
    "equations": re.compile(r"[^=]*(?:[-+^]|\d[a-zA-Z])[^=,]*=[^=,]+"),
    "vectors": re.compile(r"\\(?:left)?\s*\\?langle.*"),
}
"""Kinds of which math-verify refuses a right answer in another spelling."""
_ARITHMETIC = [
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\\left|\\right|\\[,;:! ]|\s", ""),
        (r"\\[dt]?frac\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", r"((\1)/(\2))"),
        (r"\\cdot|\\times", "*"),
        (r"\^", "**"),
        (r"\{", "("),
        (r"\}", ")"),
        (r"(?<=\d)(?=\()", "*"),
    )
]
_SUM = re.compile(r"[-+*/().\d]{1,200}")
_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


def kinds(gold: str) -> list[str]:
    """The kinds of gold answers on which math-verify is known to err that this one is of.

    A word is read as the product of its letters (`angle` is `galen`), what follows the first comma of a list
    after `=` is not compared, digits of any base are decimal, and numbers are rounded before they are
    compared: wrong answers are right. Right ones are wrong where they spell a percent, an equation or a
    vector in another way. A test shows each with a wrong verdict.
    """
    if _WHOLE.fullmatch(gold):
        return []
    gold = gold[:LONGEST]
    named = []
    words = _COMMANDS.sub(" ", _UNITS.sub("1", gold))
    if _WORDS.search(re.sub(r"\\[a-z]+", " ", words)) or _IN_TEXT.match(words):
        named.append("texts")
    if _LIST.search(_THOUSANDS.sub("", gold)):
        named.append("lists after =")
    if _BASE.search(gold) and not _TRAILING.search(gold):
        named.append("other bases")
    if 0 < abs(_value(gold)) < TINY:
        named.append("tiny numbers")
    return named + [kind for kind, form in _SPELLED_OTHERWISE.items() if not named and form.fullmatch(gold)]


def _value(gold: str) -> float:
    """What arithmetic of numbers comes to; 1 where the gold answer is anything else."""
    for pattern, to in _ARITHMETIC:
        gold = pattern.sub(to, gold)
    if not _SUM.fullmatch(gold):
        return 1.0
    try:
        return _evaluated(ast.parse(re.sub(r"(?<![\d.])0+(?=\d)", "", gold), mode="eval").body)
    except (SyntaxError, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        return 1.0


def _evaluated(node: ast.AST) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        value = _evaluated(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        raise ValueError("no arithmetic")
    left, right = _evaluated(node.left), _evaluated(node.right)
    if isinstance(node.op, ast.Div):
        return left / right
    return _OPERATIONS[type(node.op)](left, right)


def known_to_err(golds: Iterable[str]) -> dict[str, int]:
    """Kind -> gold answers of it, of the kinds on which math-verify is known to err."""
    return dict(Counter(kind for gold in golds for kind in kinds(gold)))


@dataclass(frozen=True)
class Unparsed:
    """What math-verify says of the gold answers of rows."""

    golds: int
    unparsed: int
    """Gold answers from which it reads no formula: then only their very text is right, or nothing."""
    untried: int
    """Gold answers for which the time did not suffice."""


def unparsed(golds: Sequence[str], outputs: Path) -> Unparsed:
    """Counts the gold answers of training rows that math-verify cannot parse.

    Args:
        golds: of the rows, without their box.
        outputs: the folder in which what it said is kept.
    """
    times = Counter(golds)
    compared = {gold: rows for gold, rows in times.items() if not plain(gold)}
    if not compared:
        return Unparsed(len(golds), 0, 0)
    parsed = _kept(outputs / KEPT)
    # in the order of a hash, so that what is tried first is a fair part of all
    new = sorted(compared.keys() - parsed.keys(), key=problem_id)
    parsed |= _tried(new, outputs / KEPT)
    return Unparsed(
        len(golds),
        sum(rows for gold, rows in compared.items() if parsed.get(gold) is False),
        sum(rows for gold, rows in compared.items() if gold not in parsed),
    )


def _versions() -> str:
    return " ".join(versions().get(name, "") for name in ("math-verify", "latex2sympy2-extended"))


def _kept(path: Path) -> dict[str, bool]:
    """Gold answer -> whether math-verify of today's version read a formula from it."""
    lines = read_lines(path)
    return {
        line["gold"]: line["parsed"]
        for line in lines
        if line.get("versions") == _versions()
        and isinstance(line.get("gold"), str)
        and isinstance(line.get("parsed"), bool)
    }


@cache
def _deadline() -> float:
    """When the process stops asking, counted from its first question."""
    return monotonic() + PATIENCE


def _tried(golds: list[str], path: Path) -> dict[str, bool]:
    """What math-verify says of the first of these gold answers, until the time is up."""
    said: dict[str, bool] = {}
    if not golds or monotonic() > _deadline():
        return said
    from openrs.verify import Verifier

    verifier = Verifier()
    try:
        for start in range(0, len(golds), AT_ONCE):
            if monotonic() > _deadline():
                break
            some = golds[start : start + AT_ONCE]
            verdicts = verifier.verify([(f"$\\boxed{{{gold}}}$", "") for gold in some], "formula")
            said |= {gold: verdict.correct for gold, verdict in zip(some, verdicts, strict=True)}
    finally:
        verifier.close()
    lines = [{"gold": gold, "parsed": read, "versions": _versions()} for gold, read in said.items()]
    with suppress(OSError):  # a plan needs no folder that can be written to
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return said
