"""A folder of result files -> scores with an experiment and a step; unreadable files are named."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from openrs.analysis.importing import address, beside, inspect_log, lighteval, lm_eval
from openrs.analysis.importing.choice import RULES, Choice
from openrs.analysis.importing.result import FOREIGN, Result, Unread, Unreadable, reason
from openrs.errors import Mistake
from openrs.records.files import is_unicode
from openrs.records.scores import Score


@dataclass(frozen=True)
class ForeignScore:
    """A score and the experiment that it belongs to."""

    score: Score
    """With the file that it comes from; at step 0 where no step is stated."""
    name: str
    """The experiment, else the model."""
    stepped: bool
    """False where no step is stated."""
    matched: bool
    """False where no pattern fits the file's path, and the name is the model's."""
    note: str = ""
    """A remark on how the value was read, which the import prints."""

    @property
    def origin(self) -> dict[str, Any]:
        """The score's source."""
        return origin(self.score)


def origin(score: Score) -> dict[str, Any]:
    """The source of an imported score: file, format, model, hashes."""
    assert score.imported is not None  # every score under imported/ states its source
    return score.imported


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, or one task of it."""

    file: str
    reason: str
    task: str = ""


def files(path: Path) -> list[Path]:
    """Files of a folder that may hold results, or the one file.

    Raises:
        Mistake: there is nothing there.
    """
    if path.is_file():
        return [path]
    paths = sorted(
        item for suffix in ("json", "eval") for item in path.rglob(f"*.{suffix}") if item.is_file()
    )
    if not paths:
        raise Mistake(f"{path}: holds no result files (*.json, *.eval). Give one, or a folder of them.")
    return paths


def read(
    path: Path, patterns: tuple[re.Pattern[str], ...], choice: Choice = RULES
) -> Iterator[ForeignScore | Skipped]:
    """The scores of each file, in the order of the paths.

    Args:
        choice: the user's metric, filter and scorer.
    """
    for file in files(path):
        relative = file.relative_to(path).as_posix() if file != path else file.name
        try:
            content = file.read_bytes()
            results = _parse(file, content, choice)
        except Unreadable as error:
            yield Skipped(relative, str(error))
            continue
        except OSError as error:
            yield Skipped(relative, f"cannot be opened ({error.strerror})")
            continue
        source = {"file": relative, "sha256": hashlib.sha256(content).hexdigest()}
        place = address.place(file, path)
        for result in results:
            if isinstance(result, Unread):
                yield Skipped(relative, result.reason, result.task)
                continue
            imported = source | (result.score.imported or {})
            branch = imported.get("branch") or imported["revision"]
            at = address.find(place, patterns, imported["model"], branch)
            score = replace(result.score, step=at.step or 0, imported=imported)
            if not is_unicode([relative, at.name, asdict(score)]):
                yield Skipped(relative, "holds a name or text that is no Unicode", result.score.title)
                continue
            yield ForeignScore(score, at.name, at.step is not None, at.matched, result.note)


def _parse(file: Path, content: bytes, choice: Choice) -> list[Result | Unread]:
    if inspect_log.is_archive(content):
        return _guarded(inspect_log, None, file, choice)
    beside.refuse_pointer(content)
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
            return _guarded(reader, document, file, choice)
    raise Unreadable("foreign JSON: no results of lighteval, lm-evaluation-harness or Inspect")


def _nothing(constant: str) -> None:
    """NaN and Infinity, which no number of a result can be."""


def _guarded(reader: Any, document: Any, file: Path, choice: Choice) -> list[Result | Unread]:
    try:
        return reader.read(document, file, choice)
    except FOREIGN as error:
        raise Unreadable(reason(error)) from None
