"""Files that are whole or absent: JSON records, lines of JSON, and any other text.

A record is one JSON file. It is written last, so its existence means "done".
"""

import glob
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from openrs.errors import Mistake

PARTIAL = ".*.[0-9]*"
"""Matches the names of files that are being written: `.train.json.4711`, with the number of the process."""
SECONDS = 3600.0
"""A file that was being written for so long is one whose process died: a write takes moments."""


def write_file(path: Path, content: str | bytes) -> None:
    """Writes beside the file's place and moves the file there, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(path.parent.glob(f".{glob.escape(path.name)}.[0-9]*"), SECONDS)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        error.filename = str(path)  # the file that is wanted, for the one line that is told of it
        raise


def remove_partial(paths: Iterable[Path], older: float = 0.0) -> None:
    """Removes files that processes left half-written, of those that are older than so many seconds."""
    for path in paths:
        with suppress(OSError):
            if path.suffix[1:].isdigit() and path.stat().st_mtime <= time.time() - older:
                path.unlink()


def write_record(path: Path, record: Any) -> None:
    """Writes a value as JSON, atomically."""
    write_file(path, json.dumps(record, ensure_ascii=False, indent=1))


def read_record(path: Path) -> dict[str, Any] | None:
    """The record, or None where the work is not done.

    Raises:
        Mistake: `write_record` did not write this file, or the file was damaged since.
    """
    try:
        text = path.read_text(encoding="utf-8")
        record = _in_unicode(json.loads(text), "\\u" in text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise Mistake(
            f"{path}: cannot be read as a record ({_damage(error)}). Put it back from a copy, or remove it "
            "to have its part done again."
        ) from error
    if not isinstance(record, dict):
        raise Mistake(f"{path}: holds no record. Put it back from a copy, or remove it.")
    return record


def _damage(error: OSError | ValueError | RecursionError) -> str:
    """What keeps a file from being read as JSON, in words."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def is_unicode(value: Any) -> bool:
    """Whether the texts of a JSON value can be written: JSON may escape half of a surrogate pair, which is no
    character, and names of files may hold bytes that are none."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_unicode(value: Any, escapes: bool) -> Any:
    """A JSON value with `?` for each half of a surrogate pair: a text of a model may hold one, no file does.

    Args:
        escapes: whether its text has any: without one it holds no half.
    """
    if not escapes or is_unicode(value):
        return value
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def write_lines(path: Path, items: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line, atomically."""
    write_file(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; lines that a kill has torn are left out. No file has none."""
    return [item for _, item in numbered_lines(path) if item is not None]


def numbered_lines(path: Path, grows: bool = True) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number and object of each line of a file of JSON lines; None where a line holds no object.

    Args:
        grows: whether lines are added one by one. Then a last line without its end is one that a kill has
            torn, or that is being written, and is passed over unless it is whole.
    """
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        item = None
        with suppress(ValueError, RecursionError):
            item = _in_unicode(json.loads(line), b"\\u" in line)
        if isinstance(item, dict):
            yield number, item
        elif line.strip() and (number < len(lines) or not grows):
            yield number, None


def set_aside(path: Path, folder: Path) -> Path:
    """Moves what is in a folder into its folder `replaced-<n>`, never over anything; returns where."""
    number, name = 1, path.relative_to(folder)
    while (aside := folder / f"replaced-{number}" / name).exists():
        number += 1
    aside.parent.mkdir(parents=True, exist_ok=True)
    path.rename(aside)
    return aside


def grant_umask(folder: Path) -> None:
    """Gives every file below a folder the mode that the umask grants: safetensors makes its files for the
    owner alone."""
    probe = folder / f".mode.{os.getpid()}"
    probe.touch()
    mode = probe.stat().st_mode
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)
