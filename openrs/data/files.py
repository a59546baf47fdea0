"""Rows of files: JSON lines, Parquet and CSV."""

import csv
import json
import os
from difflib import get_close_matches
from pathlib import Path

from openrs.config.catalog import TABLES
from openrs.data.rows import Row
from openrs.errors import Absent, Mistake

POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS puts in the place of a large one."""


def mirrored(root: str, id_: str, subset: str | None, split: str) -> str:
    """The file of a data set in a folder that is laid out like the Hub.

    Raises:
        Mistake: the file is not there (`Absent`).
    """
    name = f"{id_}/{subset}/{split}" if subset else f"{id_}/{split}"
    for suffix in (".jsonl", ".parquet"):
        if (path := Path(root) / f"{name}{suffix}").exists():
            return str(path)
    raise Absent(
        f"catalog.root={root}: holds no {name}.jsonl and no {name}.parquet. "
        "Put the file there, choose other data, or use catalog=hub."
    )


def rows(file: str) -> list[Row]:
    """Rows of a file that ends with .jsonl, .parquet or .csv.

    Raises:
        Mistake: the file is not there (`Absent`), or cannot be read.
    """
    path = Path(file)
    if not path.exists():
        raise Absent(f"{file}: is a path, and no file is there. {_nearest(path)}")
    if _is_pointer(path):
        raise Mistake(f"{path}: is a Git LFS pointer, and not the rows. Fetch them, as with `git lfs pull`.")
    return {".parquet": _parquet, ".csv": _csv}.get(path.suffix.lower(), _json_lines)(path)


def stamp(file: str) -> tuple[int, ...]:
    """What changes when a file does; nothing of a file that is not there."""
    try:
        state = os.stat(file)
    except OSError:  # whoever reads it names the reason
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns


def _nearest(path: Path) -> str:
    """The file that a wrong path may have meant, and from where a relative path is read."""
    tables = [one.name for one in path.parent.glob("*") if one.suffix.lower() in TABLES]
    close = get_close_matches(path.name, tables, 1)
    meant = f"Did you mean {path.with_name(close[0])}? " if close else ""
    where = "" if path.is_absolute() else f" The working directory is {Path.cwd()}."
    return f"{meant}Give the path of a .jsonl, .parquet or .csv.{where}"


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(POINTER)) == POINTER
    except OSError:  # whoever reads it names the reason
        return False


def _json_lines(path: Path) -> list[Row]:
    try:
        with path.open("rb") as file:
            return [_object(line, path, n) for n, line in enumerate(file, start=1) if line.strip()]
    except OSError as error:
        raise Mistake(f"{path}: cannot be read ({error.strerror}). Put a file there.") from error


def _object(line: bytes, path: Path, number: int) -> Row:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("no object of columns")
    except (ValueError, RecursionError) as error:
        raise Mistake(
            f"{path}, line {number}: cannot be read ({_one_line(error)}). Each line must be one JSON object, "
            "in UTF-8: mend the file, or copy it again."
        ) from error
    return row


def _parquet(path: Path) -> list[Row]:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path).to_pylist()
    except (OSError, ValueError, ArrowException) as error:  # ValueError: text that is no UTF-8, say
        raise Mistake(
            f"{path}: cannot be read as Parquet ({_one_line(error)}). Mend the file, or copy it again."
        ) from error


def _csv(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file, strict=True)
            header = next(table, [])
            if twice := next((name for name in header if header.count(name) > 1), None):
                raise ValueError(f"the column {twice!r} is named twice")
            read = []
            for cells in filter(None, table):
                if len(cells) != len(header):
                    raise ValueError(f"line {table.line_num} has {len(cells)} cells of {len(header)} columns")
                read.append(dict(zip(header, cells, strict=True)))
            return read
    except (OSError, ValueError, csv.Error) as error:
        raise Mistake(
            f"{path}: cannot be read as CSV ({_one_line(error)}). The first line names the columns, and "
            "cells with commas stand in quotes: mend the file, in UTF-8."
        ) from error


def _one_line(error: Exception) -> str:
    """What a library says, which may quote the file's own line ends."""
    return " ".join(str(error).split())
