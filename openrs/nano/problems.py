"""Nano's problems: benchmarks, sources, and the shipped pool.

What the families (`families`) drew once is shipped as a pool (`problems.jsonl.gz`), so that a data
fingerprint never follows Python's random numbers; `python -m openrs.nano.build problems` makes the
same file again.
"""

import gzip
import json
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from openrs.nano.families import EASY, FAMILIES, HARD, MEDIUM
from openrs.nano.solutions import work
from openrs.records.problem_ids import problem_id

POOL = Path(__file__).parent / "problems.jsonl.gz"

BENCHMARKS: dict[str, tuple[str, tuple[int, ...], int]] = {
    "aime24": ("products", (HARD,), 100),
    "math_500": ("chain_sum", (EASY, MEDIUM), 100),
    "amc23": ("digit_sum", (MEDIUM,), 100),
    "minerva": ("basic_arithmetic", (MEDIUM, HARD), 100),
    "olympiadbench": ("stock", (HARD,), 100),
}
"""Place in the table -> (family, difficulties in equal shares, problems). Stand-ins: no AIME problem is
in them."""

SOURCES: dict[str, tuple[int, int]] = {
    "open_s1": (HARD, 3723),
    "open_deepscaler": (MEDIUM, 4209),
    "deepscaler": (EASY, 3854),
}
"""Source -> (difficulty, rows) of its own: a fifth of the paper's 18,615, 21,044 and 19,271 rows.

Raw deepscaler also holds every row of open_deepscaler, which the paper filtered out of it.
"""

OPEN_RS = (("open_s1", 600), ("open_deepscaler", 600), ("deepscaler", 200))
"""The fixed draw that plays the published open-rs set: a fifth of 3,000 + 3,000 + 1,000."""


def held_out(problem: str) -> bool:
    """Says whether a problem text belongs to benchmarks (an eighth of all texts) or to training.

    Training and benchmarks are apart by construction: the text alone decides, for every seed.
    """
    return int(problem_id(problem)[:2], 16) % 8 == 0


def stream(
    families: list[str], difficulties: tuple[int, ...], of_benchmarks: bool, seed: int
) -> Iterator[dict[str, Any]]:
    """Yields problems of one side without end, families and difficulties in turn; they may repeat.

    A row holds problem, answer (as `$...$`), difficulty, family.
    """
    rng = Random(seed)
    for difficulty, family in cycle((level, family) for level in difficulties for family in families):
        while held_out(problem := FAMILIES[family](difficulty, rng)) != of_benchmarks:
            pass
        answer = f"${work(family, problem)[1]}$"
        yield {"problem": problem, "answer": answer, "difficulty": difficulty, "family": family}


@cache
def pool() -> tuple[dict[str, Any], ...]:
    """The shipped problems: problem, answer, difficulty, family, and `in`, the sets that hold it."""
    with gzip.open(POOL, "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one source or benchmark, in the pool's order."""
    return [row for row in pool() if name in row["in"]]
