"""Pools go through their filters: each problem gets a verdict, and the counts of the stages add up."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openrs.config.catalog import Catalog
from openrs.config.curation import Curation, Filter, Pool
from openrs.curate.filters import FilterVerdict
from openrs.data import catalog
from openrs.data.rows import Row
from openrs.records.problem_ids import problem_id

Judge = Callable[[str, Filter, list[Row]], list[FilterVerdict] | None]
"""Title of a filter, filter and rows -> verdicts; None: they need answers that a plan does not wait for."""


@dataclass(frozen=True)
class Stage:
    """What a stage of a pool left."""

    name: str
    left: int
    reasons: dict[str, int] = field(default_factory=dict)
    """Why problems were left out -> how many."""
    published: int | None = None
    at_most: bool = False
    """A plan: what the models will leave out is not known."""


@dataclass(frozen=True)
class FilteredPool:
    """One pool after its filters."""

    raw: list[Row]
    """All readable problems, each once."""
    kept: list[Row]
    stages: list[Stage]
    verdicts: dict[str, dict[str, FilterVerdict]]
    """Problem id -> verdicts by the name of the filter, or of the stage that left it out."""
    origin: dict[str, Any]


def raw(curation: Curation, bindings: Catalog) -> dict[str, FilteredPool]:
    """The pools before their filters; one of rejects is still empty, with its source's rows behind it."""
    pools: dict[str, FilteredPool] = {}
    bindings = replace(bindings, sources=curation.sources | bindings.sources)
    for name, pool in curation.pools.items():
        if pool.source is not None:
            pools[name] = _read(pool, bindings, pool.source)
        else:
            behind = pools[_rejecting(pool)[0]]
            pools[name] = FilteredPool(behind.raw, [], [], {}, behind.origin)
    return pools


def _read(pool: Pool, bindings: Catalog, source: str) -> FilteredPool:
    rows = catalog.source(bindings, source)
    unique: dict[str, Row] = {}
    for row in rows:
        unique.setdefault(key := problem_id(row["problem"]), row | {"id": key})
    reasons = dict(rows.left_out)
    if len(unique) < len(rows):
        reasons["duplicate"] = len(rows) - len(unique)
    stages = [Stage("raw", len(rows) + sum(rows.left_out.values()), {}, pool.published)]
    if reasons:
        stages.append(Stage("readable, each once", len(unique), reasons))
    kept = list(unique.values())
    return FilteredPool(kept, kept, stages, {}, catalog.origin(bindings, bindings.sources[source], rows))


def _rejecting(pool: Pool) -> tuple[str, str]:
    """The pool and the filter whose rejects a pool takes."""
    name, _, key = (pool.rejects or "").partition(".")
    return name, key


def filtered(curation: Curation, pools: Mapping[str, FilteredPool], judge: Judge) -> dict[str, FilteredPool]:
    """Takes every pool through its filters.

    Args:
        pools: as `raw` reads them.
    """
    outcomes: dict[str, FilteredPool] = {}
    for name, pool in curation.pools.items():
        before = pools[name]
        if pool.rejects is not None:
            other, key = _rejecting(pool)
            said = {id_: verdicts.get(key) for id_, verdicts in outcomes[other].verdicts.items()}
            rows = [row for row in before.raw if (verdict := said.get(row["id"])) and not verdict.kept]
            unknown = any(stage.at_most for stage in outcomes[other].stages)
            stages = [Stage(f"rejects of {pool.rejects}", len(rows), {}, pool.published, unknown)]
            before = replace(before, kept=rows, stages=stages)
        outcomes[name] = _filtered(curation, name, pool, before, judge)
    return outcomes


def _filtered(curation: Curation, name: str, pool: Pool, before: FilteredPool, judge: Judge) -> FilteredPool:
    rows, stages = before.kept, list(before.stages)
    verdicts: dict[str, dict[str, FilterVerdict]] = {row["id"]: {} for row in rows}

    def drawn(count: int | None, stage: str) -> None:
        nonlocal rows
        unknown = stages[-1].at_most
        if count is None or count >= len(rows):
            return
        places = sorted(random.Random(f"{curation.seed} {name} {stage}").sample(range(len(rows)), count))
        taken = {rows[place]["id"] for place in places}
        for row in rows:
            if row["id"] not in taken:
                verdicts[row["id"]][stage] = FilterVerdict(False, "not drawn")
        stages.append(Stage(stage, count, {"not drawn": len(rows) - count}, None, unknown))
        rows = [row for row in rows if row["id"] in taken]

    drawn(curation.max_problems, "drawn first")
    for key, item in pool.filters.items():
        said = judge(f"{name}.{key}", item, rows) if rows else []
        if said is None:
            stages.append(Stage(key, len(rows), {}, item.published, True))
            continue
        for row, verdict in zip(rows, said, strict=True):
            verdicts[row["id"]][key] = verdict
        reasons = Counter(verdict.reason for verdict in said if not verdict.kept)
        rows = [row for row, verdict in zip(rows, said, strict=True) if verdict.kept]
        stages.append(Stage(key, len(rows), dict(reasons), item.published, stages[-1].at_most))
    drawn(pool.keep, "drawn")
    return replace(before, kept=rows, stages=stages, verdicts=verdicts)


def curated(outcomes: Mapping[str, FilteredPool]) -> list[Row]:
    """What all pools keep, each problem once, with the name of its pool."""
    rows: dict[str, Row] = {}
    for name, outcome in outcomes.items():
        for row in outcome.kept:
            rows.setdefault(row["id"], row | {"pool": name})
    return list(rows.values())


def control(outcomes: Mapping[str, FilteredPool], kept: Sequence[Row], seed: int) -> list[Row]:
    """As many problems of each pool as are kept, drawn before its filters, each problem once."""
    taken: dict[str, Row] = {}
    for name, number in Counter(row["pool"] for row in kept).items():
        free = [row for row in outcomes[name].raw if row["id"] not in taken]
        for row in random.Random(f"{seed} {name} control").sample(free, min(number, len(free))):
            taken[row["id"]] = row | {"pool": name}
    return list(taken.values())
