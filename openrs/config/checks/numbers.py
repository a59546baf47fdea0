"""Checks of each field by itself: it is one of the schema's, and a number is within its limits."""

import math
from dataclasses import fields, is_dataclass
from typing import Any

from openrs.config import names
from openrs.config.fields import LARGEST, Limits
from openrs.errors import refuse

LONGEST = 100
"""Characters of a name at most: with what is put around it, it names files and a repository on the Hub."""
SHOWN = 60
"""Characters of a value that an error shows."""
EVERY = Limits({"at_least": -LARGEST, "at_most": LARGEST}, "no quantity here is larger")


def check(node: Any, path: str = "") -> None:
    """Checks that a group has no field beside the schema's, and that every number is within its limits."""
    limits = {field.name: field.metadata.get("limits") for field in fields(node)}
    for name, value in vars(node).items():
        if name not in limits:
            names.unknown(path + name, value)
        _numbers(value, path + name, limits[name])


def _numbers(value: Any, path: str, limits: Limits | None) -> None:
    if is_dataclass(value):
        check(value, f"{path}.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if len(str(key)) > LONGEST:
                refuse(path, short(str(key)), f"is a name of more than {LONGEST} characters", "Shorten it")
            _numbers(inner, f"{path}.{key}", limits)
    elif isinstance(value, list):
        for inner in value:
            _numbers(inner, path, limits)
    elif isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            refuse(path, value, "is no finite number", "Give one that is")
        if limits is not None and not limits.hold(value):
            refuse(path, short(value), f"must be {limits}", f"Give for example {path}={limits.example}")
        if not EVERY.hold(value):
            refuse(path, short(value), f"must be {EVERY}", "Give a smaller number")


def short(value: Any) -> str:
    """A value as an error shows it; of a long one its beginning."""
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # more digits than Python spells
        return "a number of more digits than can be read"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"
