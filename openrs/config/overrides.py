"""Overrides before Hydra reads them: what it cannot compose is refused by name, and what it says otherwise is
rewritten.

Entries of open dictionaries need `+` and the whole group in Hydra's grammar, fields and groups must not have
one; here both spellings are right. Numbers where a text is wanted keep their spelling.
"""

import itertools
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf._utils import split_key

from openrs.config import names, option_folders, values
from openrs.config.catalog import TABLES
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.paths import CONF

OPTIONAL = ("experiment", "sweeps", "curation")
"""Groups of which no option need be chosen."""


OWN = {"model": "weights", "data": "rows"}
"""Groups that also take a path or an id of the Hub, and what that names."""

FUNCTION = re.compile(r"(choice|range|interval|tag|sort|shuffle|glob)\(")
"""What Hydra's grammar has for sweeps."""


def prepared(lines: Sequence[str], folders: Sequence[Path] = (), multirun: bool = False) -> list[str]:
    """The overrides of a command line as Hydra composes them.

    Args:
        folders: of options beside conf/ and the working directory's.
        multirun: whether lists and intervals are swept.

    Raises:
        Mistake: an override has a name that there is not, a value of another type, or cannot be read.
    """
    searched, written = (CONF, *folders), []
    entries: dict[str, Any] = {}
    for line in itertools.chain.from_iterable(_own(line, searched) for line in lines):
        override = _parsed(line, searched)
        _check(override, line, searched, multirun)
        joined = _entry(override, searched)
        if joined is None:
            written.append(_spelled(override, line, searched))
            continue
        dictionary, entry = joined
        if dictionary not in entries:  # one override holds all its entries: a sweep knows one a name
            written.append(dictionary)
        entries[dictionary] = _merged(entries.get(dictionary, {}), entry)
    return [f"+{line}={_text(entries[line])}" if line in entries else line for line in written]


def _own(line: str, folders: Sequence[Path]) -> list[str]:
    """An override that names what is no option: `model=PATH_OR_HUB_ID` weights, `data=PATH_OR_HUB_ID` rows.
    `answer.kind` says how the answers of these rows are judged."""
    key, _, text = line.partition("=")
    if key == "answer.kind":
        return [f"data.answer_kind={text}"]
    plain = text.strip("'\"")
    named = "/" in plain or plain.startswith((".", "~"))
    if key == "data" and (suffix := Path(plain).suffix) and not named:
        if suffix.lower() not in TABLES:
            raise Mistake(f"{line}: is no option of data, and files of rows end with {', '.join(TABLES)}.")
        named = True
    if key not in OWN or not named or text.startswith(("[", "{")):
        return [line]
    options = _options(key, folders)
    if text in options:
        return [line]
    if mixed := [part for part in text.split(",") if part in options]:
        raise Mistake(
            f"{line}: {', '.join(mixed)} is an option and the rest names {OWN[key]}, and one list holds one "
            f"kind. Write a file conf/{key}/NAME.yaml for each of the others, or sweep them apart."
        )
    return [*(["data=own"] if key == "data" else []), f"{key}.id={text}"]


def _parsed(line: str, folders: Sequence[Path]) -> Override:
    """Reads one override.

    Raises:
        Mistake: it is none, or its value needs quotes.
    """
    key, equals, text = line.partition("=")
    bare = key.lstrip("+~")
    if not equals and not line.startswith("~"):
        meaning = meant(line, folders) or "openrs --help lists the groups and their options"
        raise Mistake(f"{line or repr(line)}: is no FIELD=VALUE or GROUP=OPTION. {meaning}.")
    try:
        override = OverridesParser.create().parse_override(line)
    except HydraException:
        _unreadable(bare.partition("@")[0], text, folders)
    if not override.key_or_group:
        raise Mistake(f"{line}: names no field before `=`. Give FIELD=VALUE or GROUP=OPTION.")
    return override


def meant(word: str, folders: Sequence[Path] = (CONF,)) -> str:
    """What a word without `=` may have meant: a stage, or an option; nothing where it is neither."""
    stages = get_args(get_args(names.hints(Config)["stages"])[0])
    if word in stages:
        return f"All stages run unless you say stages=[{word}]"
    groups = (
        folder.relative_to(root) for root in folders for folder in sorted(root.iterdir()) if folder.is_dir()
    )
    choices = [f"{group}={word}" for group in groups if word in _options(str(group), folders)]
    return f"Say {' or '.join(choices)}" if choices else ""


def _unreadable(key: str, text: str, folders: Sequence[Path]) -> NoReturn:
    """Raises the mistake of an override that is outside Hydra's grammar."""
    try:
        stands = names.place(key)
    except Exception:  # a name that is none by its characters
        stands = None
    if is_group(key, folders):
        raise Mistake(f"{key}={text}: is no option of {key}. Known: {', '.join(_options(key, folders))}.")
    if stands is None:
        names.unknown(key, text)
    if text.startswith("{") and text.count("{") > text.count("}"):
        raise Mistake(
            f"{key}={text}: its braces do not close. A shell splits a word at spaces and at braces that hold "
            f"commas: put the whole word in single quotes, as '{key}={{NAME: VALUE, ...}}'."
        )
    if text.startswith(("[", "{")):
        raise Mistake(
            f"{key}={text}: cannot be read. Close every bracket, and put texts with ~, =, a colon or letters "
            f"beyond ASCII in quotes, as {key}=\"['a=b']\"."
        )
    if FUNCTION.match(text):
        raise Mistake(f"{key}={text}: cannot be read. Give numbers, as interval(0,1), range(1,4) or 1,2,3.")
    if str not in names.alternatives(stands.annotation) and stands.annotation is not Any:
        values.refuse_value(key, stands, text, text)
    remedy = values.quoted(str(Path(text).expanduser()) if text.startswith("~") else text)
    marks = " (only a shell replaces a leading `~`)" if text.startswith("~") else ""
    raise Mistake(
        f"{key}={text}: holds characters that must stand in quotes, as ~, =, a comma, a bracket or a letter "
        f'beyond ASCII{marks}. Give {key}="{remedy}".'
    )


def _check(override: Override, line: str, folders: Sequence[Path], multirun: bool) -> None:
    """Refuses what no composition can hold."""
    key, swept = override.key_or_group, override.is_sweep_override()
    text = line.partition("=")[2]
    if swept and not multirun:
        stated = f"Say openrs -m {line}{_one_value(key, text, folders)}"
        raise Mistake(f"{line}: is many runs, and a command without -m is one. {stated}.")
    if is_group(key, folders):
        _check_group(override, line, text, folders)
        return
    if "/" in key or override.package is not None:
        names.unknown(override.get_key_element().lstrip("+~"), text)
    stands = names.place(key)
    if stands is None:
        names.unknown(key, text)
    if key == "hydra.run.dir":
        raise Mistake(f"{line}: openrs writes nothing there. Give the folder of results, as outputs=PATH.")
    if override.is_delete():
        entry = names.open_dictionary(key) == key.rpartition(".")[0] != ""
        if not entry and not key.startswith("hydra."):
            raise Mistake(
                f"{line}: a field cannot be taken away. Give it another value, as {key}={_off(stands)}."
            )
    elif not swept and not key.startswith("hydra."):
        values.require(key, override.value(), {key: text})


def _one_value(key: str, text: str, folders: Sequence[Path]) -> str:
    """How a text with commas is said to be one value, where it can be."""
    stands = names.place(key)
    kinds = names.alternatives(stands.annotation) if stands else ()
    if str in kinds:
        return f', or for one text {key}="{values.quoted(text)}"'
    listed = is_group(key, folders) or any(get_origin(kind) is list for kind in kinds)
    return f", or for one list {key}=[{text}]" if listed else ""


def _off(stands: names.Place) -> str:
    """The value that says least."""
    return "null" if type(None) in names.alternatives(stands.annotation) else "VALUE"


def _check_group(override: Override, line: str, text: str, folders: Sequence[Path]) -> None:
    """Refuses what is no choice of an option."""
    group = override.key_or_group
    options = _options(group, folders)
    remedy = f"Known: {', '.join(options)}" if options else "openrs --help lists them"
    ours = not group.startswith("hydra")
    if ours and override.package is not None:
        raise Mistake(f"{line}: {group} has one place, and no other. Say {group}={text}.")
    if override.is_delete():
        if ours and group not in OPTIONAL:
            raise Mistake(f"{line}: one option of {group} is always chosen. {remedy}.")
        return
    if override.is_sweep_override():
        return
    value = override.value()
    if isinstance(value, dict) and ours:
        values.require(group, value, {group: text})
        return
    choice = value if isinstance(value, list) else [value]
    if not choice or not all(isinstance(one, str) and one and "${" not in one for one in choice):
        example = _field_meant(group, text) if _is_number(value) else ""
        off = "Leave it out for none. " if value is None and group in OPTIONAL else ""
        raise Mistake(f"{line}: {group} takes the name of an option. {off}{example}{remedy}.")


def _field_meant(group: str, text: str) -> str:
    """The field that takes a number which was given to its group, as a sentence."""
    if group == "steps":
        return (
            f"To end after {text} steps say steps.stop_at={text}; steps.total={text} is another recipe, "
            f"whose schedule has {text} steps. "
        )
    return f"For one value name its field, as {_field_of(group)}={text}. "


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _field_of(group: str) -> str:
    """The field of a group that a bare number most likely means."""
    stands = names.place(group)
    for kind in names.alternatives(stands.annotation) if stands else ():
        inside = {
            key: names.alternatives(one)[0] for key, one in getattr(kind, "__annotations__", {}).items()
        }
        numbers = [key for key, one in inside.items() if one in (int, float)]
        if numbers:
            return f"{group}.{next((key for key in numbers if key in ('total', 'completion')), numbers[0])}"
    return f"{group}.FIELD"


def is_group(key: str, folders: Sequence[Path] = (CONF,)) -> bool:
    """Whether a name is a group of options."""
    return any((folder / key).is_dir() for folder in folders) or key == "hydra" or key.startswith("hydra/")


@cache
def _listed(group: str, folders: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(option_folders.options(group, folders))


def _options(group: str, folders: Sequence[Path]) -> tuple[str, ...]:
    """The options of a group, in the working directory too."""
    return _listed(group, _everywhere(folders))


def _everywhere(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Folders of options, and the working directory's."""
    here = option_folders.own()
    return (*folders, here) if here and here not in folders else tuple(folders)


def _entry(override: Override, folders: Sequence[Path]) -> tuple[str, dict[str, Any]] | None:
    """The open dictionary that an override writes an entry of which no option has, and the entry."""
    key = override.key_or_group
    if (
        override.is_delete()
        or override.is_sweep_override()
        or is_group(key, folders)
        or key.startswith("hydra")
    ):
        return None
    dictionary = names.open_dictionary(key)
    if dictionary is None:
        return None
    inside = [str(part) for part in split_key(key)[len(split_key(dictionary)) :]]
    value: Any = override.value()
    if (not inside or inside[0] in _entries(dictionary, _everywhere(folders))) and not isinstance(
        value, dict
    ):
        return None
    for part in reversed(inside):
        value = {part: value}
    return dictionary, value


@cache
def _entries(dictionary: str, folders: tuple[Path, ...]) -> frozenset[str]:
    """The entries of an open dictionary that options of its group have."""
    group, *below = dictionary.split(".")
    entries: set[str] = set()
    for folder in folders:
        for path in (folder / group).glob("*.yaml"):
            try:
                node = yaml.safe_load(path.read_bytes())
            except yaml.YAMLError:  # whoever chooses the file is told
                continue
            for key in below:
                node = node.get(key) if isinstance(node, dict) else None
            entries |= set(map(str, node)) if isinstance(node, dict) else set()
    return frozenset(entries)


def _merged(base: Any, over: Any) -> Any:
    """Two trees as one; the second wins."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return base | {key: _merged(base.get(key), value) for key, value in over.items()}


def _text(value: Any) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_text(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return values.quoted(value) if isinstance(value, str) else values.spell(value)


def _spelled(override: Override, line: str, folders: Sequence[Path]) -> str:
    """An override without the `+` that a name of the schema does not need, and a text as it was written."""
    key, _, text = line.partition("=")
    if override.key_or_group.startswith("hydra"):
        return line
    if override.is_add() or override.is_force_add():
        key = key.lstrip("+")
    stands = None if is_group(override.key_or_group, folders) else names.place(override.key_or_group)
    if stands is not None and not override.is_delete() and not override.is_sweep_override():
        value = override.value()
        if str in names.alternatives(stands.annotation) and _is_number(value) and str(value) != text:
            return f"{key}={values.quoted(text.strip())}"
    return f"{key}={text}" if "=" in line else key
