"""What a column of a row says: a problem, a gold answer, a choice, a difficulty or a worked solution.

Sources and benchmarks are read by these alone. What a value cannot be is never made up from its Python text:
it is `BadValue`, and its row is left out and counted under the reason.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from openrs.verify.boxes import boxes

PROBLEM, GOLD, CHOICE = "problem", "gold answer", "choice"

_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DOLLARS = re.compile(r"(?P<escaped>\\.)|\$", re.DOTALL)
_BRACES = re.compile(r"\\.|(?P<brace>[{}])", re.DOTALL)
_ROLES = {"user": "user", "human": "user", "system": "system", "assistant": "answer", "gpt": "answer"}
"""The speakers of a chat, by the names that chat formats give them."""


class BadValue(Exception):
    """A value that cannot be what its column is for; the message is the reason."""


def problem(value: Any) -> str:
    """The text of a problem; of a chat the user's message.

    Raises:
        BadValue: the value holds no problem.
    """
    value = _only(value)
    messages = _messages(value)
    if messages is not None:
        questions = [content for role, content in messages if _ROLES.get(role) == "user"]
        if not questions:
            raise BadValue("problem is a chat without a user's message")
        if len(questions) > 1:
            raise BadValue("problem is a chat of several turns")
        value = _content(questions[0])
    if isinstance(value, bool | int | float | Decimal) and not _missing(value):
        raise BadValue("problem is a number")
    return text(value, PROBLEM)


def answer(value: Any) -> str:
    """A source's final answer as it goes into a box: without dollar signs and without a box of its own.

    Raises:
        BadValue: the value holds no answer, or one that no box can hold.
    """
    gold = _math(after_hashes(text(value, GOLD)))
    inside = boxes(gold)
    if len(inside) > 1:
        raise BadValue("gold answer has several boxes")
    gold = _math(inside[0]) if inside else gold
    if not _visible(gold):
        raise BadValue("no gold answer")
    if not _balanced(gold):
        raise BadValue("gold answer has unbalanced braces")
    return gold


def gold(value: Any) -> str:
    """A benchmark's gold answer in the words of its file; of a worked solution what stands behind `####`.

    Raises:
        BadValue: the value holds no answer.
    """
    read = after_hashes(text(value, GOLD))
    if not any(_visible(_math(formula)) for formula in boxes(read) or [read]):
        raise BadValue("no gold answer")
    return read


def exact(value: Any) -> str:
    """An answer that is compared by its text; of a worked solution what stands behind `####`.

    Raises:
        BadValue: the value holds no answer.
    """
    return after_hashes(text(value, GOLD)).strip()


def choice(value: Any) -> str:
    """The letter of a choice: `B`, `b`, `(B)`, `B)` or `B.`.

    Raises:
        BadValue: the value holds none.
    """
    letter = _LETTER.fullmatch(text(value, GOLD).strip())
    if letter is None:
        raise BadValue("gold answer is no letter of a choice")
    return letter[1].upper()


ANSWERS: dict[str, Callable[[Any], str]] = {"math": answer, "exact": exact, "choice": choice}
"""The reader of answers of a kind."""


def text(value: Any, what: str) -> str:
    """The text of a text or a number; a list of one is its item, and a whole number has no decimals.

    Args:
        what: the value is, for the reason.

    Raises:
        BadValue: the value is missing, empty, or of another type.
    """
    value = _only(value)
    if _missing(value):
        raise BadValue(f"no {what}")
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise BadValue(f"{what} is bytes that are no UTF-8") from None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return _number(value, what)
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise BadValue(f"{what} is no Unicode text")
        if not _visible(value):
            raise BadValue(f"no {what}")
        return value
    raise BadValue(f"{what} is {_kind(value)}")


def difficulty(value: Any) -> Any:
    """The number that a text or a number says; any other value as it is, None where there is none."""
    if _missing(value) or isinstance(value, bool):
        return None
    if isinstance(value, str | Decimal):
        try:
            number = float(value)
        except ValueError:
            return value
        return number if math.isfinite(number) else None
    return value


def rates(value: Any) -> dict[str, float]:
    """The pass rates that `openrs curate` recorded of a problem: filter -> share of right answers."""
    stated = value if isinstance(value, dict) else {}
    numbers = {name: rate for name, rate in stated.items() if isinstance(rate, int | float)}
    return {name: float(rate) for name, rate in numbers.items() if 0 <= rate <= 1}


def worked(value: Any) -> str | None:
    """A worked solution; None where the row has none that is a text."""
    try:
        value = _only(value)
        return text(value, "worked solution") if isinstance(value, str | bytes) else None
    except BadValue:
        return None


def after_hashes(solution: str) -> str:
    """What stands behind the last `####` where a text's last line has one, as in GSM8K; else the text."""
    _, hashes, last = solution.rpartition("####")
    last = last.strip()
    return last if hashes and "\n" not in last else solution


def _only(value: Any) -> Any:
    """The item of a list of one, however deep."""
    while isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) == 1:
        (value,) = value
    return value


def _missing(value: Any) -> bool:
    if isinstance(value, float | Decimal):
        return math.isnan(value) if isinstance(value, float) else value.is_nan()
    return value is None or (isinstance(value, Sequence | Mapping) and not value)


def _visible(value: str) -> bool:
    return any(letter.isprintable() and not letter.isspace() for letter in value)


def _number(value: int | float | Decimal, what: str) -> str:
    """Digits alone: an exponent would be read as a product with e."""
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite():
        raise BadValue(f"{what} is infinite")
    digits = format(number, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits == "-0" else digits


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence):
        return "a list of several"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _messages(value: Any) -> list[tuple[str, Any]] | None:
    """(role, content) of each message of a chat; None where the value is no chat."""
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple) or not items:
        return None
    messages = []
    for item in items:
        if not isinstance(item, Mapping):
            return None
        for role, content in (("role", "content"), ("from", "value")):
            if isinstance(item.get(role), str) and content in item:
                messages.append((item[role], item[content]))
                break
        else:
            return None
    return messages


def _content(value: Any) -> Any:
    """What a message says; where it has parts, the texts of all."""
    if not isinstance(value, list | tuple):
        return value
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in value]
    said = [part for part in texts if isinstance(part, str)]
    if len(said) < len(texts):
        raise BadValue("problem has a part that is no text")
    return "\n".join(said)


def _math(gold: str) -> str:
    """The formula without the signs around it that LaTeX and some sets put there; `\\$` is a price."""
    bare = _DOLLARS.sub(lambda match: match["escaped"] or "", gold).strip()
    for opens, closes in ((r"\(", r"\)"), (r"\[", r"\]")):
        if bare.startswith(opens) and bare.endswith(closes) and bare.count(opens) == 1:
            bare = bare[2:-2].strip()
    # a backslash at the end would escape the brace that closes the box
    while (len(bare) - len(bare.rstrip("\\"))) % 2:
        bare = bare[:-1].strip()
    return bare


def _balanced(formula: str) -> bool:
    depth = 0
    for token in _BRACES.finditer(formula):
        if token["brace"]:
            depth += 1 if token["brace"] == "{" else -1
            if depth < 0:
                return False
    return depth == 0
