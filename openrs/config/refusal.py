"""What Hydra and OmegaConf say about a command that they cannot compose, in one line."""

import re
from dataclasses import is_dataclass
from difflib import get_close_matches
from traceback import walk_tb

from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import YAMLError, safe_load

from openrs.config import names, values
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.paths import CONF

LINE = re.compile(r"(?:Error merging override|To append to your config use) [+~]*(.*)")
"""Where Hydra names the override that failed."""

MISSING = re.compile(r"^In '(.+)': Could not find '(.+)/([^/]+)'$", re.MULTILINE)
"""Where Hydra has a group, and not the option that a file or the command line chooses."""

RAISED = re.compile(r"^\w+ raised while resolving interpolation: ")


def refusal(error: BaseException) -> str:
    """An error of composition in one line: field, value, rule and remedy where a field of the schema is
    wrong, else its cause and the existing options, without Hydra's list of folders and OmegaConf's list of
    keys."""
    cause = _cause(error)
    if missing := MISSING.search(str(error)):
        listed = str(error).partition("\nConfig search path")[0].splitlines()
        if options := [line.strip() for line in listed if line.startswith("\t")]:
            return _no_option(missing[1], missing[2], missing[3], options)
    line = LINE.search(str(error))
    return _explained(cause, line[1] if line else "") or _shortened(error, cause)


def circle(error: RecursionError) -> str | None:
    """The option whose defaults lead back to it, in one line; None where something else has no end."""
    paths = [
        frame.f_locals["root"].node.get_config_path()
        for frame, _ in walk_tb(error.__traceback__)
        if frame.f_code.co_name == "_create_defaults_tree_impl"
    ]
    return (
        f"{paths[-1]}: its defaults list leads back to it. Take that line out of the list." if paths else None
    )


def _no_option(file: str, group: str, option: str, options: list[str]) -> str:
    """What to say of an option that a group does not have."""
    where = "" if file == "config" else f"{file}.yaml: "
    close = get_close_matches(option, options, 1)
    meant = f"Did you mean {close[0]}? " if close else ""
    path = " A folder is written ./NAME, and a model of the Hub ORG/NAME." if group == "model" else ""
    return f"{where}{group}={option}: is no option of {group}. {meant}Known: {', '.join(options)}.{path}"


def _cause(error: BaseException) -> BaseException:
    """OmegaConf's error behind Hydra's. An error of OmegaConf is its own cause: under a tracer (a debugger,
    coverage) OmegaConf hangs the unworded original on it."""
    if not isinstance(error, OmegaConfBaseException) and isinstance(error.__cause__, OmegaConfBaseException):
        return error.__cause__
    return error


def _explained(cause: BaseException, line: str) -> str:
    """What is wrong with a field of the schema; nothing where no field is."""
    key = re.sub(r"\[(\w+)\]", r".\1", str(getattr(cause, "full_key", None) or ""))
    text = line.partition("=")[2]
    if off := re.search(r"Cannot set '(.+)' because '(.+)' is None", str(cause)):
        return _switched_off(off[1], off[2], text)
    if not key or names.place(key.split(".")[0]) is None:
        return ""
    if isinstance(cause, MissingMandatoryValue):
        return f"{key}: has no value, and needs one. {_source(key)}."
    if isinstance(cause, InterpolationResolutionError):
        problem = RAISED.sub("", str(cause).splitlines()[0]).rstrip(".")
        return f"{key}: cannot be resolved ({problem}). Give a value, or ${{...}} with the name of a field."
    stands = names.place(key)
    try:
        if isinstance(cause, ConfigKeyError | ConfigAttributeError):
            if stands is None:
                names.unknown(key, text if line.startswith(f"{key}=") else None)
            if dictionary := names.open_dictionary(key):
                entry = _entry(dictionary)
                return f"{line or key}: {dictionary} has no such entry here. Add it whole, as {entry}."
        elif isinstance(cause, ValidationError) and stands is not None and line.startswith(f"{key}="):
            values.refuse_value(key, stands, text, text)
    except Mistake as mistake:
        return str(mistake)
    return ""


def _entry(dictionary: str) -> str:
    """An entry of an open dictionary, as an override adds it."""
    stands = names.place(f"{dictionary}.NAME")
    group = stands is not None and is_dataclass(stands.annotation)
    fields = "{FIELD: VALUE, ...}" if group else "VALUE"
    return f"'{dictionary}={{NAME: {fields}}}'"


def _switched_off(name: str, group: str, text: str) -> str:
    """What to say where a group is null, and one of its fields is given a value."""
    off, options = f"{name}={text}: {group} is off (null) here", " or ".join(_having(group)[:2])
    if "." not in group:
        return f"{off}. Choose {options}."
    field = name.removeprefix(f"{group}.")
    on = f"{group}={{{field}: {text}}}"
    return f"{off}. Turn it on, as '{on}'{options and f', or choose {options}'}."


def _having(name: str) -> list[str]:
    """The options that turn a group on."""
    group, _, field = name.partition(".")
    having = []
    for path in sorted((CONF / group).glob("*.yaml")):
        try:
            content = safe_load(path.read_bytes())
        except YAMLError:
            continue
        whole = content if isinstance(content, dict) else {}
        if (whole.get(field) if field else whole.get(group, whole)) is not None:
            having.append(f"{group}={path.stem}")
    return having


def _source(key: str) -> str:
    """Where a missing value comes from."""
    if (CONF / key).is_dir() and key in names.hints(Config):
        return f"Choose an option, as {key}={sorted(path.stem for path in (CONF / key).glob('*.yaml'))[0]}"
    return f"Give it, as {key}=VALUE"


def _shortened(error: BaseException, cause: BaseException) -> str:
    """The library's own words in one line."""
    text = str(error).split("\nConfig search path")[0]
    if cause is not error:
        text += f"\n{cause}"
    sentences, options = [], []
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("\t"):
            options.append(line.strip())
        elif not line.startswith(("    ", "To append to your", "See https://hydra.cc")):
            sentences.append(line.strip().removesuffix("."))
    listed = f" {', '.join(options)}" if options else ""
    end = "" if sentences[-1:] and sentences[-1].endswith("?") else "."
    return f"{'. '.join(sentences)}{listed}{end}"
