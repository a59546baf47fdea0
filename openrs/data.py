"""The data stage: sources -> mix -> prompt order. Pure but for reading the catalog.

The order of prompts for the whole schedule is decided here and read unshuffled in training, so a run
that was stopped or is extended sees what an uninterrupted one sees, in every epoch.
"""

import random
from dataclasses import dataclass
from typing import Any

from openrs import catalog
from openrs.config import Catalog, Data, Draw
from openrs.mistake import Mistake
from openrs.recipe import digest
from openrs.text import problem_id

Row = dict[str, Any]


@dataclass(frozen=True)
class Mix:
    """The rows of a mix and what became of the others."""

    rows: tuple[Row, ...]
    """problem, solution, draw, id (of the problem)."""
    drawn: dict[str, int]
    """Rows per draw."""
    duplicates: int
    """Rows left out because their problem was there already."""
    in_benchmarks: dict[str, int]
    """Rows left out per draw because a benchmark holds the same problem."""

    @property
    def fingerprint(self) -> str:
        """Names the content of the rows, whatever they were read from."""
        return digest([[row["problem"], row["solution"]] for row in self.rows])


def _fits(row: Row, draw: Draw, name: str) -> bool:
    if draw.difficulty_min is None and draw.difficulty_max is None:
        return True
    if row["difficulty"] is None:
        raise Mistake(
            f"data.draws.{name}.difficulty_max={draw.difficulty_max}: source {draw.source} states no "
            f"difficulty. Name its column, as catalog.sources.{draw.source}.difficulty=COLUMN, or "
            "drop the filter."
        )
    low = -float("inf") if draw.difficulty_min is None else draw.difficulty_min
    high = float("inf") if draw.difficulty_max is None else draw.difficulty_max
    return low <= row["difficulty"] <= high


def mix(data: Data, sources: dict[str, list[Row]], held_out: frozenset[str]) -> Mix:
    """Draws the rows of a mix, seeded, each problem once and none of a benchmark.

    Args:
        sources: rows per source name: problem, solution, difficulty.
        held_out: ids of the problems of all benchmarks.

    Raises:
        Mistake: a source has fewer rows than asked, or no difficulty to filter by.
    """
    ids = {name: [problem_id(row["problem"]) for row in rows] for name, rows in sources.items()}
    taken: list[Row] = []
    seen: set[str] = set()
    drawn, in_benchmarks, duplicates = {}, {}, 0
    for name, draw in data.draws.items():
        excluded = set().union(*(ids[source] for source in draw.exclude))
        fresh: dict[str, Row] = {}
        in_benchmarks[name] = 0
        for key, row in zip(ids[draw.source], sources[draw.source], strict=True):
            if key in excluded or not _fits(row, draw, name):
                continue
            if key in held_out:
                in_benchmarks[name] += 1
            elif key in seen or key in fresh:
                duplicates += 1
            else:
                fresh[key] = {
                    "problem": row["problem"],
                    "solution": row["solution"],
                    "draw": name,
                    "id": key,
                }
        if draw.count is not None and draw.count > len(fresh):
            raise Mistake(
                f"data.draws.{name}.count={draw.count}: source {draw.source} has only {len(fresh)} rows "
                f"to draw from after filters and duplicates. Give "
                f"data.draws.{name}.count={len(fresh)} or less."
            )
        keys = list(fresh)
        if draw.count is not None:
            keys = random.Random(f"{data.seed} {name}").sample(keys, draw.count)
        taken += [fresh[key] for key in keys]
        seen.update(keys)
        drawn[name] = len(keys)
    return Mix(tuple(taken), drawn, duplicates, in_benchmarks)


def load_mix(data: Data, bindings: Catalog) -> Mix:
    """Reads the catalog and draws the mix."""
    names = {name for draw in data.draws.values() for name in (draw.source, *draw.exclude)}
    sources = {name: catalog.source(bindings, name) for name in sorted(names)}
    held_out = frozenset(
        problem_id(row["problem"])
        for name in bindings.benchmarks
        for row in catalog.benchmark(bindings, name)
    )
    return mix(data, sources, held_out)


def prompt_order(num_rows: int, prompts_per_step: int, steps: int, seed: int) -> list[int]:
    """Row indices in the order of training, `prompts_per_step` a step, for the whole schedule.

    Each epoch is a permutation of its own; what does not fill a step is left out of that epoch, as
    TRL's sampler does.

    Raises:
        Mistake: the mix is smaller than one step.
    """
    if num_rows < prompts_per_step:
        raise Mistake(
            f"algorithm.prompts_per_step={prompts_per_step}: the mix has only {num_rows} rows, less "
            "than one step. Draw more rows or take fewer prompts a step."
        )
    order: list[int] = []
    whole = num_rows - num_rows % prompts_per_step
    for epoch in range(-(-steps * prompts_per_step // whole)):
        rows = list(range(num_rows))
        random.Random(f"{seed} {epoch}").shuffle(rows)
        order += rows[:whole]
    return order[: steps * prompts_per_step]
