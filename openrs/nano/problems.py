"""Nano's problems: task families, difficulty levels, sources and benchmarks.

Problems come from reasoning-gym's procedural generators. What they gave once is shipped as a pool
(`problems.jsonl.gz`), so that a data fingerprint never follows the version of a generator and a dry
run imports nothing; `python -m openrs.nano.build problems` makes the same file again.
"""

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from openrs.records.problem_ids import problem_id

POOL = Path(__file__).parent / "problems.jsonl.gz"

EASY, MEDIUM, HARD = 1, 3, 5
"""Difficulty levels, on the 1 to 5 scale of MATH."""

PLAIN: dict[str, Any] = {
    "min_digits": 1,
    "max_digits": 1,
    "operators": ["+", "-", "*"],
    "allow_parentheses": False,
    "allow_negation": False,
}

FAMILIES: dict[str, dict[int, dict[str, Any]]] = {
    "chain_sum": {
        EASY: {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 1},
        MEDIUM: {"min_terms": 4, "max_terms": 4, "min_digits": 1, "max_digits": 1},
        HARD: {"min_terms": 5, "max_terms": 6, "min_digits": 1, "max_digits": 1},
    },
    "products": {
        EASY: {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
        MEDIUM: {"min_terms": 3, "max_terms": 3, "min_digits": 1, "max_digits": 1},
        HARD: {"min_terms": 4, "max_terms": 4, "min_digits": 1, "max_digits": 1},
    },
    "gcd": {
        EASY: {"min_value": 2, "max_value": 25},
        MEDIUM: {"min_value": 2, "max_value": 36},
        HARD: {"min_value": 20, "max_value": 60},
    },
    "basic_arithmetic": {
        EASY: {"min_terms": 2, "max_terms": 2, **PLAIN},
        MEDIUM: {"min_terms": 3, "max_terms": 3, **PLAIN},
        HARD: {"min_terms": 4, "max_terms": 4, **PLAIN},
    },
    "fraction_simplification": {
        EASY: {"max_value": 6, "max_factor": 4, "styles": ["latex_frac"]},
        MEDIUM: {"max_value": 12, "max_factor": 6, "styles": ["latex_frac"]},
        HARD: {"max_value": 20, "max_factor": 8, "styles": ["latex_frac"]},
    },
}
"""reasoning-gym's data set -> difficulty -> its settings."""

BENCHMARKS: dict[str, tuple[str, int, int]] = {
    "aime24": ("products", HARD, 100),
    "math_500": ("chain_sum", MEDIUM, 100),
    "amc23": ("gcd", MEDIUM, 100),
    "minerva": ("basic_arithmetic", HARD, 100),
    "olympiadbench": ("fraction_simplification", HARD, 100),
}
"""Place in the table -> (family, difficulty, problems). Stand-ins: no AIME problem is in them."""

SOURCES: dict[str, tuple[tuple[int, int], ...]] = {
    "open_s1": ((MEDIUM, 1200), (HARD, 2523)),
    "open_deepscaler": ((MEDIUM, 2209), (HARD, 2000)),
    "deepscaler": ((EASY, 3854),),
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


def generate(family: str, difficulty: int, seed: int, size: int) -> Iterator[dict[str, Any]]:
    """Yields `size` problems of a family: problem, answer (as `$...$`), difficulty, family."""
    import reasoning_gym  # 2 s; only the build and its tests need it

    settings = FAMILIES[family][difficulty]
    for row in reasoning_gym.create_dataset(family, seed=seed, size=size, **settings):
        yield {
            "problem": row["question"],
            "answer": f"${row['answer'].strip('$')}$",
            "difficulty": difficulty,
            "family": family,
        }


@cache
def pool() -> tuple[dict[str, Any], ...]:
    """The shipped problems: problem, answer, difficulty, family, and `in`, the sets that hold it."""
    with gzip.open(POOL, "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one source or benchmark, in the pool's order."""
    if name == "s1":  # the raw pool, which is made with noise
        from openrs.nano import noise

        return list(noise.pool())
    return [row for row in pool() if name in row["in"]]
