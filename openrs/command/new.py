"""Writes a small study of one's own: conf/, sweeps/, data/, and a README with its commands."""

import json
import sys
from importlib import metadata
from pathlib import Path

from openrs.errors import Mistake
from openrs.nano import problems
from openrs.records.files import write_file
from openrs.terminal.parser import Parser

STATUS = "Exit status: 0 written; 1 the folder holds something already; 2 the words of the command are wrong."
STUDY = Path(__file__).parent / "study"
TRAINING, HELD_OUT = 20, 10
"""Problems to train on, and of each built-in benchmark to evaluate on."""


def parser() -> Parser:
    """The parser of the words."""
    parser = Parser(prog="openrs new", description=__doc__, epilog=STATUS)
    parser.add_argument("folder", nargs="+", help="a folder that is empty or not there yet")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(words: list[str]) -> int:
    """Parses the words, writes and prints; returns the exit status."""
    of_words = parser()
    arguments = of_words.read(words)
    if len(arguments.folder) > 1:
        name = " ".join(arguments.folder)
        of_words.error(f"a folder is one word. Say {name.replace(' ', '-')}, or quote it, as '{name}'")
    folder = Path(arguments.folder[0])
    try:
        files = write(folder)
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"files": [str(path) for path in files]}, indent=1))
    else:
        print(*files, sep="\n")
        print(f"Next: cd {folder}, and the commands of README.md.")
    return 0


def write(folder: Path) -> list[Path]:
    """Writes the study; returns its files.

    Raises:
        Mistake: the folder holds something already, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise Mistake(f"{folder}: holds something already. Name an empty folder, or a new one.")
        files = {folder / path: text for path, text in sorted(_content().items())}
        for path, text in files.items():
            write_file(path, text)
    except OSError as error:
        raise Mistake(f"{folder}: cannot be written ({error.strerror}). Name another folder.") from None
    return list(files)


def _content() -> dict[str, str]:
    """Path in the study -> text."""
    content = {
        path.relative_to(STUDY).as_posix(): path.read_text(encoding="utf-8")
        for path in STUDY.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held_out = [row for name in problems.BENCHMARKS for row in problems.rows(name)[:HELD_OUT]]
    return content | {
        "data/problems.jsonl": _lines(problems.rows("open_rs")[:TRAINING]),
        "data/held_out.jsonl": _lines(held_out),
        "requirements.txt": f"openrs=={metadata.version('openrs')}\n",
    }


def _lines(rows: list[dict[str, str]]) -> str:
    pairs = ({"problem": row["problem"], "answer": row["answer"].strip("$")} for row in rows)
    return "".join(f"{json.dumps(pair, ensure_ascii=False)}\n" for pair in pairs)
