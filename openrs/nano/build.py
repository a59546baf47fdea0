"""Makes again what nano ships: problems, tokenizer and weights.

    python -m openrs.nano.build problems      # seconds
    python -m openrs.nano.build model         # tokenizer and weights, 22 minutes on 2 cores

Training that was stopped goes on from its last checkpoint.
"""

import argparse
import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

from openrs.nano import problems
from openrs.nano.families import FAMILIES
from openrs.records.files import grant_umask
from openrs.records.problem_ids import problem_id

MODEL = Path(__file__).parent / "model"


def _take(stream: Any, number: int, seen: set[str]) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    while len(taken) < number:
        row = next(stream)
        if (key := problem_id(row["problem"])) not in seen:
            seen.add(key)
            taken.append(row)
    return taken


def build_problems(path: Path = problems.POOL) -> None:
    """Writes the pool: benchmarks from the held-out side, sources from the other, each row once."""
    seen: set[str] = set()
    sets: dict[str, list[dict[str, Any]]] = {}
    for seed, (name, (family, difficulties, number)) in enumerate(problems.BENCHMARKS.items()):
        sets[name] = _take(problems.stream([family], difficulties, True, seed), number, seen)
    for seed, (name, (difficulty, number)) in enumerate(problems.SOURCES.items(), len(sets)):
        sets[name] = _take(problems.stream(list(FAMILIES), (difficulty,), False, seed), number, seen)
        Random(name).shuffle(sets[name])
    rows = {name: [row | {"in": [name]} for row in members] for name, members in sets.items()}
    for name, number in problems.OPEN_RS:
        for row in rows[name][:number]:
            row["in"].append("open_rs")
    for row in rows["open_deepscaler"]:
        row["in"].append("deepscaler")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for row in (row for members in rows.values() for row in members):
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def build_model(folder: Path = MODEL) -> None:
    """Writes tokenizer and weights."""
    from openrs.nano.supervision import train

    train(folder)
    grant_umask(folder)
    print(f"wrote {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["problems", "model"])
    if parser.parse_args().what == "problems":
        build_problems()
    else:
        build_model()


if __name__ == "__main__":
    main()
