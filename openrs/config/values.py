"""Whether a value is of the type that the schema has under its name, and what to say where it is not."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, NoReturn, get_args, get_origin

from hydra.core.override_parser.types import Quote, QuotedString

from openrs.config import names
from openrs.config.names import Place
from openrs.errors import refuse

SWITCHES = ("true", "false", "yes", "no", "on", "off", "y", "n", "1", "0")
"""The texts that OmegaConf reads as true or false."""


def require(name: str, value: Any, texts: Mapping[str, str]) -> None:
    """Checks a value, and those inside it.

    Args:
        texts: values as the user spelled them, by name.

    Raises:
        Mistake: a value of another type, a name inside it that there is not, or nothing where it joins
            something.
    """
    group = names.place(name)
    if group is None:
        names.unknown(name, texts.get(name, spell(value)))
    for at, stands, wrong in misfits(name, group, value):
        spelled = texts.get(at, spell(wrong))
        if stands is None:
            names.unknown(at, spelled)
        refuse_value(at, stands, wrong, spelled)
    joins = names.is_open(group.annotation) or is_dataclass(group.annotation)  # null is what `{}` turns on
    if value == {} and joins:
        refuse(
            name,
            "{}",
            "changes nothing, because it joins what is there",
            f"Take an entry away, as ~{name}.NAME" if names.is_open(group.annotation) else "Leave it out",
        )


def misfits(name: str, stands: Place, value: Any) -> Iterator[tuple[str, Place | None, Any]]:
    """The innermost values of another type: their names, what should stand there (None: it is no name), and
    the values."""
    kinds = names.alternatives(stands.annotation)
    if isinstance(value, dict):
        if stands.annotation is Any:
            return
        if not any(is_dataclass(kind) or get_origin(kind) is dict for kind in kinds):
            yield name, stands, value
            return
        for key, item in value.items():
            inside = names.inner(stands, str(key))
            if inside is None:
                yield f"{name}.{key}", None, item
            else:
                yield from misfits(f"{name}.{key}", inside, item)
        return
    lists = [kind for kind in kinds if get_origin(kind) is list]
    if isinstance(value, list) and lists:
        for item in value:
            for at, inside, wrong in misfits(name, Place(get_args(lists[0])[0], stands.limits), item):
                yield at, stands if at == name else inside, wrong  # of an item the list is shown
    elif not any(_fits(kind, value) for kind in kinds):
        yield name, stands, value


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value that is no list or group is of a type, or becomes one without loss."""
    if isinstance(value, str) and ("${" in value or value == "???"):
        return True  # what it becomes is only known in the whole config
    if kind is Any or value is None:
        return kind is Any or (value is None and kind is type(None))
    if get_origin(kind) is Literal:
        return value in get_args(kind) and not isinstance(value, bool)
    if kind is bool:
        return value in (True, False) if not isinstance(value, str) else value.lower() in SWITCHES
    if kind is str:
        return isinstance(value, str | int | float) and not isinstance(value, bool)
    if kind is int and not isinstance(value, str):
        return type(value) is int
    if kind in (int, float) and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            kind(value)
        except (ValueError, OverflowError):
            return False
        return True
    return False


def refuse_value(name: str, stands: Place, value: Any, spelled: str) -> NoReturn:
    """Raises the mistake of a value of another type."""
    refuse(name, spelled, f"must be {names.words(stands.annotation)}", _remedy(name, stands, value, spelled))


def _remedy(name: str, stands: Place, value: Any, spelled: str) -> str:
    """What to give instead of a value of another type, as a sentence without its full stop."""
    kinds = [kind for kind in names.alternatives(stands.annotation) if kind is not type(None)]
    kind = kinds[0]
    if str in kinds and isinstance(value, bool | int | float):
        return f"In quotes it is a text: {name}=\"'{spelled}'\""
    if get_origin(kind) is list and _fits(get_args(kind)[0], value):
        return f"Give {name}=[{spelled}]"
    if get_origin(kind) is list and get_origin(get_args(kind)[0]) is Literal:
        close = get_close_matches(str(value), get_args(get_args(kind)[0]), 1, 0.5)
        return f"Give {name}=[{close[0] if close else example(get_args(kind)[0], stands)}]"
    if get_origin(kind) is dict:
        return f"Give for example {name}.NAME={example(get_args(kind)[1], stands)}"
    if is_dataclass(kind):
        field, inside = next(iter(names.hints(kind).items()))
        return f"Give its fields, as {name}.{field}={example(inside, stands)}"
    if get_origin(kind) is Literal:
        close = get_close_matches(spelled, map(str, get_args(kind)), 1, 0.5)
        return f"Give {name}={close[0] if close else example(kind, stands)}"
    if kind is int and isinstance(value, float) and value.is_integer():
        return f"Give {name}={int(value)}"
    if meant := number(kind, stands, spelled):
        return f"Give {name}={meant}"
    if name == "seed" and (ends := re.fullmatch(r"(\d+)\s*(?:\.\.\.?|-|:)\s*(\d+)", spelled)):
        return _seeds(int(ends[1]), int(ends[2]))
    return f"Give for example {name}={example(kind, stands)}"


MULTIPLES = {"k": 1_000, "m": 1_000_000}
"""Letters after a number that say how many of it."""


def number(kind: Any, stands: Place, spelled: str) -> str:
    """The number that a text begins with, in the spelling of a field; nothing where the field takes none.

    Of 4k it is 4000, and of 1e-5x it is 1e-5.
    """
    parts = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z%$€]*)", spelled, re.IGNORECASE)
    if kind not in (int, float) or parts is None:
        return ""
    times = MULTIPLES.get(parts[2].lower(), 1)
    value = float(parts[1]) * times
    if not math.isfinite(value) or (kind is int and not value.is_integer()):
        return ""
    if stands.limits is not None and not stands.limits.hold(value):
        return ""
    return (
        parts[1] if times == 1 and kind is float else str(int(value)) if value.is_integer() else f"{value:g}"
    )


def _seeds(first: int, last: int) -> str:
    """How a range of training seeds is said."""
    listed = range(first, last + 1)
    if not 1 < len(listed) <= 20:
        return "Give -m and seed=1,2,3"
    return f"Give -m and seed={','.join(map(str, listed))}, or replicates={len(listed)}"


def example(annotation: Any, stands: Place) -> str:
    """A value of a type, within the limits of a place."""
    kind = names.alternatives(annotation)[0]
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    if get_origin(kind) is list:
        return f"[{example(get_args(kind)[0], stands)}]"
    if stands.limits is not None and kind in (int, float):
        return f"{stands.limits.example:g}"
    return {bool: "true", int: "1", float: "0.5", str: "text"}.get(kind, "{}")


def spell(value: Any) -> str:
    """A value as an override spells it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(spell, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{spell(item)}' for key, item in value.items())}}}"
    return str(value)


def quoted(text: str) -> str:
    """A text in the quotes of Hydra's grammar."""
    return QuotedString(text, Quote.single).with_quotes()
