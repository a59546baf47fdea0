"""A folder of result files -> results with an experiment and a step; what cannot be read is named."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.analysis.importing import address, inspect_log, lighteval, lm_eval
from openrs.analysis.importing.result import FOREIGN, Left, Result, Unreadable, said
from openrs.errors import Mistake


@dataclass(frozen=True)
class Found:
    """A result and where it stood."""

    file: str
    """Relative to the folder that was imported."""
    sha256: str
    name: str
    step: int | None
    """None where no step is stated."""
    matched: bool
    """False where no pattern fits the file's path, and the name is the model's."""
    result: Result


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, or one task of it."""

    file: str
    reason: str
    task: str = ""


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
        raise Mistake(f"{path}: holds no result files (*.json, *.eval). Give one, or a folder of them.")
    return found


def read(path: Path, patterns: tuple[re.Pattern[str], ...]) -> Iterator[Found | Skipped]:
    """What each file holds, in the order of their paths."""
    for file in files(path):
        relative = file.relative_to(path).as_posix() if file != path else file.name
        try:
            content = file.read_bytes()
            results = _parse(file, content)
        except Unreadable as error:
            yield Skipped(relative, str(error))
            continue
        except OSError as error:
            yield Skipped(relative, f"cannot be opened ({error.strerror})")
            continue
        sha, place = hashlib.sha256(content).hexdigest(), address.place(file, path)
        for result in results:
            if isinstance(result, Left):
                yield Skipped(relative, result.reason, result.task)
                continue
            at = address.find(place, patterns, result.model)
            yield Found(relative, sha, at.name, at.step, at.matched, result)


def _parse(file: Path, content: bytes) -> list[Result | Left]:
    if inspect_log.is_archive(content):
        return _guarded(inspect_log, None, file)
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_nothing)
    except UnicodeDecodeError:
        raise Unreadable("is not text") from None
    except json.JSONDecodeError as error:
        whole = content.rstrip().endswith((b"}", b"]"))
        raise Unreadable(
            f"{'malformed' if whole else 'truncated or malformed'} JSON (line {error.lineno})"
        ) from None
    except RecursionError:
        raise Unreadable("foreign JSON: nested too deeply for a result file") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise Unreadable(f"foreign JSON ({error})") from None
    for reader in (lighteval, lm_eval, inspect_log):
        if reader.recognises(document):
            return _guarded(reader, document, file)
    raise Unreadable("foreign JSON: no results of lighteval, lm-evaluation-harness or Inspect")


def _nothing(constant: str) -> None:
    """NaN and Infinity, which no number of a result can be."""


def _guarded(reader: Any, document: Any, file: Path) -> list[Result | Left]:
    try:
        return reader.read(document, file)
    except FOREIGN as error:
        raise Unreadable(said(error)) from None
