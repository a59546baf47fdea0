"""The dotted names of the schema: the type that stands under one, and the names that are near a wrong one."""

import types
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from omegaconf._utils import split_key

from openrs.config.fields import Limits
from openrs.config.schema import Config
from openrs.config.trl_words import WORDS
from openrs.errors import Mistake

WHOLE = ("experiment", "scale", "sweeps")
"""Groups whose options are parts of the whole config."""
CUTOFF = 0.6
"""How alike two names must be to be suggested for one another."""

SYNONYMS = {
    "lr": "algorithm.learning_rate",
    "kl": "algorithm.beta",
    "kl_coef": "algorithm.beta",
    "max_prompt_length": "length.prompt",
    "model_name_or_path": "model",
    "system_prompt": "prompt.system",
    "answer_kind": "data.answer_kind",
    "lora_r": "adapter.rank",
    "lora_alpha": "adapter.alpha",
    "lora_dropout": "adapter.dropout",
    "lora_target_modules": "adapter.modules",
    "target_modules": "adapter.modules",
} | {theirs: field for theirs, field in WORDS.items() if theirs != field.rpartition(".")[2]}
"""What other trainers call a field."""


@dataclass(frozen=True)
class Place:
    """What stands under a name: its type, and the limits of its numbers."""

    annotation: Any
    limits: Limits | None = None


def place(name: str) -> Place | None:
    """What stands under a dotted name, with Hydra's own fields under `hydra`; None: it is no name."""
    standing: Place | None = Place(Config)
    keys = [str(key) for key in split_key(name)]
    if keys[0] == "hydra":
        from hydra.conf import HydraConf  # which tab completion of our own fields does not wait for

        standing, keys = Place(HydraConf), keys[1:]
    for key in keys:
        standing = inner(standing, key) if standing else None
    return standing


def inner(group: Place, key: str) -> Place | None:
    """What stands under a key of a group, of an open dictionary, or of a list."""
    if group.annotation is Any:
        return group
    for one in alternatives(group.annotation):
        if is_dataclass(one) and key in (inside := hints(one)):
            metadata = next(field.metadata for field in fields(one) if field.name == key)
            return Place(inside[key], metadata.get("limits"))
        if get_origin(one) is dict:
            return Place(get_args(one)[1], group.limits)
        if get_origin(one) is list and key.isdecimal():
            return Place(get_args(one)[0], group.limits)
    return None


def hints(group: Any) -> dict[str, Any]:
    """The fields of a dataclass and their types."""
    return _hints(group)


@cache
def _hints(group: Any) -> dict[str, Any]:
    types_of = get_type_hints(group)
    return {field.name: types_of[field.name] for field in fields(group)}  # without class variables


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation joins."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def is_open(annotation: Any) -> bool:
    """Whether a dictionary stands there, whose keys are the user's."""
    return any(get_origin(one) is dict for one in alternatives(annotation))


def open_dictionary(name: str) -> str | None:
    """The open dictionary of which a name is an entry, or lies in one, or which it is."""
    keys = [str(key) for key in split_key(name)]
    for length in range(1, len(keys) + 1):
        above = place(".".join(keys[:length]))
        if above is not None and is_open(above.annotation) and keys[0] != "hydra":
            return ".".join(keys[:length])
    return None


def unknown(name: str, value: object = None) -> NoReturn:
    """Raises the mistake of a name that the schema does not have."""
    stated = name if value is None else f"{name}={value}"
    close = nearest(name)
    if close:
        raise Mistake(f"{stated}: is no option. Did you mean {' or '.join(close)}?")
    above = name.rpartition(".")[0]
    while above and not (place(above) and keys_of(above)):
        above = above.rpartition(".")[0]
    listed = ", ".join(dict.fromkeys((*keys_of(above), *([] if above else WHOLE))))
    raise Mistake(f"{stated}: is no option. Known{f' in {above}' if above else ''}: {listed}.")


def keys_of(name: str) -> list[str]:
    """The fields of the group under a name; none where it is no group."""
    group = place(name) if name else Place(Config)
    kinds = alternatives(group.annotation) if group else ()
    return [key for one in kinds if is_dataclass(one) for key in hints(one)]


def nearest(name: str, number: int = 3) -> list[str]:
    """The names of the whole schema that are most like a wrong one."""
    above, _, last = name.rpartition(".")
    if last in SYNONYMS:
        return [SYNONYMS[last]]
    if dictionary := open_dictionary(name):
        inside = above.removeprefix(dictionary).split(".")[2:]
        above = ".".join([dictionary, "NAME", *inside])
    within: type = Config
    start = ""
    if name.split(".")[0] == "hydra":
        from hydra.conf import HydraConf

        within, start = HydraConf, "hydra."
    scores = {}
    for field in (*dotted(within, start), *([] if start else WHOLE)):
        around, _, end = field.rpartition(".")
        scores[field] = _alike(last, end) - (0 if around == above else 0.15)
    best = sorted(scores, key=lambda field: (-scores[field], field.count(".")))
    limit = max(CUTOFF, scores[best[0]] - 0.1)
    return [field for field in best if scores[field] >= limit][:number]


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


def dotted(group: Any, path: str = "") -> Iterator[str]:
    """Every name of a group, with NAME for the keys of its open dictionaries."""
    for key, annotation in hints(group).items():
        yield f"{path}{key}"
        for one in alternatives(annotation):
            if is_dataclass(one):
                yield from dotted(one, f"{path}{key}.")
            elif get_origin(one) is dict and is_dataclass(get_args(one)[1]):
                yield from dotted(get_args(one)[1], f"{path}{key}.NAME.")


def words(annotation: Any) -> str:
    """A type for a person."""
    named = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        type(None): "null",
    }
    parts = []
    for one in alternatives(annotation):
        origin, arguments = get_origin(one), get_args(one)
        if origin is Literal:
            parts.append(f"one of {', '.join(map(str, arguments))}")
        elif origin is list:
            parts.append(f"a list, of which each item is {words(arguments[0])}")
        elif origin is dict:
            parts.append(f"names, each of which is {words(arguments[1])}")
        elif is_dataclass(one):
            parts.append(f"a group of fields ({', '.join(hints(one))})")
        else:
            parts.append(named.get(one, "any value"))
    return " or ".join(parts)
