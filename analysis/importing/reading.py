"""A folder of result files -> results with an experiment and a step; what cannot be read is named."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.importing import inspect_log, lighteval, lm_eval
from analysis.importing.result import Result, Unreadable
from openrs.mistake import Mistake

PATTERNS = (
    r"(?P<name>[^/]+)/(?:global_)?(?:step|checkpoint)[-_]?(?P<step>\d+)/",
    r"(?P<name>[^/]+?)[-_](?:(?:step|checkpoint)[-_]?)?(?P<step>\d+)/(?:.*/)?results/",
)
"""Where experiment and step are looked for in a file's path, in this order: a folder `step-100` (its
parent is the name), or a folder such as `Exp1_100` above lighteval's own results/."""


@dataclass(frozen=True)
class Found:
    """A result and where it stood."""

    file: str
    """Relative to the folder that was imported."""
    sha256: str
    name: str
    step: int
    result: Result


@dataclass(frozen=True)
class Skipped:
    """A file that was left out."""

    file: str
    reason: str


def pattern(text: str | None) -> tuple[re.Pattern[str], ...]:
    """The user's pattern, or the built-in ones.

    Raises:
        Mistake: it is no regular expression, or has no group `name`.
    """
    try:
        made = tuple(re.compile(item) for item in ((text,) if text is not None else PATTERNS))
    except re.error as error:
        raise Mistake(f"pattern={text}: is no regular expression ({error}).") from None
    if any("name" not in item.groupindex for item in made):
        raise Mistake(
            f"pattern={text}: needs a group (?P<name>...) for the experiment, and (?P<step>...) for the step."
        )
    return made


def files(path: Path) -> list[Path]:
    """Files of a folder that may hold results, or the one that was given.

    Raises:
        Mistake: there is nothing there.
    """
    if path.is_file():
        return [path]
    found = sorted(
        item for suffix in ("json", "eval") for item in path.rglob(f"*.{suffix}") if item.is_file()
    )
    if not found:
        raise Mistake(f"{path}: no result files (*.json, *.eval) there. Give a file or a folder of them.")
    return found


def read(path: Path, patterns: tuple[re.Pattern[str], ...]) -> Iterator[Found | Skipped]:
    """What each file holds, in the order of their paths."""
    for file in files(path):
        relative = file.relative_to(path).as_posix() if file != path else file.name
        content = file.read_bytes()
        try:
            results = _parse(file, content)
        except Unreadable as error:
            yield Skipped(relative, str(error))
            continue
        sha = hashlib.sha256(content).hexdigest()
        place = file.as_posix() if file == path else f"{path.name}/{relative}"
        for result in results:
            name, step = _address(place, patterns, result.model)
            yield Found(relative, sha, name, step, result)


def _parse(file: Path, content: bytes) -> list[Result]:
    if inspect_log.is_archive(content):
        return _guarded(inspect_log, None, file)
    try:
        document = json.loads(content.decode())
    except UnicodeDecodeError:
        raise Unreadable("is no text") from None
    except json.JSONDecodeError as error:
        whole = content.rstrip().endswith((b"}", b"]"))
        raise Unreadable(
            f"{'malformed' if whole else 'truncated or malformed'} JSON (line {error.lineno})"
        ) from None
    for reader in (lighteval, lm_eval, inspect_log):
        if reader.recognises(document):
            return _guarded(reader, document, file)
    raise Unreadable("foreign JSON: no results of lighteval, lm-evaluation-harness or Inspect")


def _guarded(reader: Any, document: Any, file: Path) -> list[Result]:
    try:
        return reader.read(document, file)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"not of the documented form ({type(error).__name__}: {error})") from None


def _address(place: str, patterns: tuple[re.Pattern[str], ...], model: str) -> tuple[str, int]:
    for item in patterns:
        if found := item.search(place):
            groups = found.groupdict()
            step = groups.get("step")
            return found["name"], int(step) if step and step.isdigit() else 0
    return model, 0
