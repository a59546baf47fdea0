"""The data stage: sources -> mix -> prompt order. Pure but for reading the catalog.

The order of prompts for the whole schedule is decided here and read unshuffled in training, so a run
that was stopped or is extended sees what an uninterrupted one sees, in every epoch.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openrs.config.catalog import BenchmarkData, Catalog, SourceData, is_table
from openrs.config.training import Data, Draw
from openrs.data import catalog
from openrs.data.decontamination import HeldOut
from openrs.data.filters import reasons
from openrs.data.rows import Row, Rows
from openrs.errors import Absent, Mistake, Unfetched
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest

CONTENT = ("problem", "solution", "answer_kind")
"""What of a row training depends on; mathematics needs no kind."""
RATE = "rate"
"""The pass rate that orders the rows, where one does."""
OTHER_GOLD = "same problem with another gold answer"
_MEANINGLESS = re.compile(r"\s|\\left|\\right|\\[!,;: ]|\^\\circ|\^\{\\circ\}|\.$|(?<![\d.])0+(?=\d)")
"""Spaces, the size of brackets, degrees, a full stop at the end, and zeros before a number."""


@dataclass(frozen=True)
class Mix:
    """The rows of a mix and what became of the others."""

    rows: tuple[Row, ...]
    """problem, solution, draw, id (of the problem), and rate where pass rates order them."""
    drawn: dict[str, int]
    """Rows per draw."""
    dropped: dict[str, dict[str, int]]
    """Rows left out: draw -> reason -> rows. Each row counts once, under the first reason that holds:
    no problem or gold answer, in another source, a filter, `in BENCHMARK`, duplicate (of equal or of other
    gold answer)."""
    conflicts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Rows left out whose problem was drawn with another gold answer: draw -> problem, its id, the kept and
    the other answer."""
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Source -> what was read (`catalog.origin`)."""
    not_held_out: dict[str, str] = field(default_factory=dict)
    """Benchmarks whose problems may be among the rows, as they are not there: name -> reason."""

    @property
    def fingerprint(self) -> str:
        """Names the content of the rows, whatever they were read from."""
        return digest([[row[name] for name in (*CONTENT, RATE) if name in row] for row in self.rows])


def mix(data: Data, sources: Mapping[str, Rows], held_out: dict[str, list[str]]) -> Mix:
    """Draws the rows of a mix, seeded, each problem once and none of a benchmark.

    Args:
        sources: rows per source name: problem, solution, and what the filters look at (difficulty, worked).
        held_out: problem texts per benchmark name.

    Raises:
        Mistake: a source has fewer rows than the draw, or lacks what a filter looks at.
    """
    ids = {name: [problem_id(row["problem"]) for row in rows] for name, rows in sources.items()}
    benchmarks = HeldOut(held_out, data.decontaminate_ngram)
    taken: list[Row] = []
    seen: dict[str, Row] = {}
    drawn, dropped, conflicts = {}, {}, {}
    for name, draw in data.draws.items():
        excluded = {
            key: source
            for source in reversed(draw.exclude)
            for key in (*ids[source], *map(problem_id, sources[source].without_gold))
        }
        filters = reasons(draw, name, sources[draw.source])
        fresh: dict[str, Row] = {}
        others: list[dict[str, str]] = []
        counts = Counter(sources[draw.source].left_out)
        for key, row in zip(ids[draw.source], sources[draw.source], strict=True):
            if key in excluded:
                counts[f"in {excluded[key]}"] += 1
            elif failed := next((reason for reason, fails in filters if fails(row)), None):
                counts[failed] += 1
            elif benchmark := benchmarks.benchmark(key, row["problem"]):
                counts[f"in {benchmark}"] += 1
            elif first := seen.get(key) or fresh.get(key):
                counts["duplicate" if (same := _same(first, row)) else OTHER_GOLD] += 1
                if not same:
                    others.append(
                        {"id": key, "problem": row["problem"], "kept": answer(first), "other": answer(row)}
                    )
            else:
                fresh[key] = {part: row[part] for part in CONTENT if part in row} | {"draw": name, "id": key}
                if (rate := row.get("rates", {}).get(data.pass_rate)) is not None:
                    fresh[key][RATE] = rate
        keys = _sample(data, name, draw, list(fresh))
        taken += [fresh[key] for key in keys]
        seen |= {key: fresh[key] for key in keys}
        drawn[name] = len(keys)
        dropped[name] = dict(counts)
        if others:
            conflicts[name] = others
    if data.pass_rate is not None:
        _refuse_unrated(data.pass_rate, taken, sources)
    if data.shuffled_golds:
        taken = _shuffled(taken, data.seed)
    return Mix(tuple(taken), drawn, dropped, conflicts)


def _refuse_unrated(key: str, rows: Sequence[Row], sources: Mapping[str, Rows]) -> None:
    rated = sum(RATE in row for row in rows)
    if 2 * rated < len(rows):
        there = sorted(
            {name for source in sources.values() for row in source for name in row.get("rates", {})}
        )
        remedy = " or ".join(there) or "the set that `openrs curate` made with a filter of pass rates"
        raise Mistake(
            f"data.pass_rate={key}: {rated} of {len(rows)} rows have a rate of this filter. Give {remedy}."
        )


def turns(rows: Sequence[Row], curriculum: Sequence[Sequence[str]] = ()) -> list[int]:
    """Each row's turn in an epoch: by the draws of a curriculum, or from the highest pass rate to the lowest,
    with rows without one last; none where nothing orders the rows."""
    place = {draw: number for number, group in enumerate(curriculum) for draw in group}
    rates = sorted({row[RATE] for row in rows if RATE in row}, reverse=True)
    ranks = {rate: number for number, rate in enumerate(rates)}
    if not place and not ranks:
        return []
    return [place[row["draw"]] if place else ranks.get(row.get(RATE), len(ranks)) for row in rows]


def _shuffled(rows: list[Row], seed: int) -> list[Row]:
    """The rows, each with the gold answer of another one: they pass it on in a seeded circle."""
    circle = random.Random(f"{seed} golds").sample(range(len(rows)), len(rows))
    golds = {
        place: {part: rows[other][part] for part in CONTENT[1:] if part in rows[other]}
        for place, other in zip(circle, circle[1:] + circle[:1], strict=True)
    }
    plain = [{key: value for key, value in row.items() if key not in CONTENT[1:]} for row in rows]
    return [row | golds[place] for place, row in enumerate(plain)]


def _same(one: Row, other: Row) -> bool:
    """Whether two gold answers differ at most in what LaTeX gives no meaning."""
    bare = [
        _MEANINGLESS.sub("", answer(row).replace("dfrac", "frac").replace("tfrac", "frac"))
        for row in (one, other)
    ]
    return bare[0] == bare[1]


def answer(row: Row) -> str:
    """The gold answer of a source's row without its box."""
    return row["solution"].removeprefix("$\\boxed{").removesuffix("}$")


def _sample(data: Data, name: str, draw: Draw, keys: list[str]) -> list[str]:
    if draw.count is None:
        return keys
    if draw.count > len(keys):
        raise Mistake(
            f"data.draws.{name}.count={draw.count}: source {draw.source} has only {len(keys)} rows "
            f"to draw from after filters, benchmark problems and duplicates. Give "
            f"data.draws.{name}.count={len(keys)} or less."
        )
    return random.Random(f"{data.seed} {name}").sample(keys, draw.count)


def load_mix(data: Data, bindings: Catalog) -> Mix:
    """Reads the catalog and draws the mix."""
    names = sorted({name for draw in data.draws.values() for name in (draw.source, *draw.exclude)})
    sources = {name: catalog.source(bindings, name) for name in names}
    origins = {name: catalog.origin(bindings, bindings.sources[name], sources[name]) for name in names}
    # a network that is down would change the rows of what comes from it, and with them the run
    fetched = any(origin["catalog"] == "hub" for origin in origins.values())
    held_out, absent = dict[str, list[str]](), dict[str, str]()
    drawn = {_address(bindings.sources[name]) for name in names}
    for name, benchmark in bindings.benchmarks.items():
        if benchmark.held_out and _address(benchmark) in drawn:
            absent[name] = f"{benchmark.id} is what is trained on"
            continue
        if benchmark.held_out and bindings.kind_of(benchmark) == "lighteval":
            absent[name] = f"{benchmark.id} words its problems itself"
            continue
        try:
            held_out |= {name: catalog.held_out(bindings, name)} if benchmark.held_out else {}
        except (Absent, Unfetched) as error:
            if fetched and isinstance(error, Unfetched):
                raise
            absent[name] = str(error)
    return replace(mix(data, sources, held_out), origins=origins, not_held_out=absent)


def _address(data: SourceData | BenchmarkData) -> tuple[str | None, ...]:
    return data.id, data.subset, data.split if data.kind != "file" and not is_table(data.id) else None


def enough(num_rows: int, prompts_per_step: int) -> None:
    """Refuses a mix that is smaller than one step.

    Raises:
        Mistake: it is.
    """
    if num_rows < prompts_per_step:
        raise Mistake(
            f"algorithm.prompts_per_step={prompts_per_step}: the mix has only {num_rows} rows, less "
            "than one step. Draw more rows or take fewer prompts a step."
        )


def prompt_order(
    num_rows: int, prompts_per_step: int, steps: int, seed: int, turns: Sequence[int] = ()
) -> list[int]:
    """Row indices in the order of training, `prompts_per_step` a step, for the whole schedule.

    Each epoch is a permutation of its own; what does not fill a step is left out of that epoch, as
    TRL's sampler does.

    Args:
        turns: of a curriculum, each row's turn: in every epoch rows of a smaller number come first.

    Raises:
        Mistake: the mix is smaller than one step.
    """
    enough(num_rows, prompts_per_step)
    order: list[int] = []
    whole = num_rows - num_rows % prompts_per_step
    for epoch in range(-(-steps * prompts_per_step // whole)):
        rows = list(range(num_rows))
        random.Random(f"{seed} {epoch}").shuffle(rows)
        if turns:
            rows.sort(key=turns.__getitem__)  # stable: shuffled within a turn
        order += rows[:whole]
    return order[: steps * prompts_per_step]
