"""Rows of sources and benchmarks, from the built-in pool, a file, a folder, or the Hub."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from string import ascii_uppercase
from typing import Any

from openrs.config.catalog import BenchmarkData, Catalog, SourceData
from openrs.config.own_data import field_of
from openrs.data import columns, files, hub_data
from openrs.data.rows import Row, Rows, Tally, nearest
from openrs.errors import Mistake
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import canonical, digest

KEPT = 16
"""Sources, and benchmarks, that a process keeps as it read them: the points of a sweep share them."""

Column = tuple[str, str, Callable[[Any], Any]]
"""The catalog's word for a column, the column's name, and the reader of its values."""


@dataclass(frozen=True)
class _Entry:
    """A source or a benchmark: equal for equal settings and content."""

    name: str
    settings: str
    stamp: tuple[Any, ...]
    catalog: Catalog = field(compare=False)
    data: Any = field(compare=False)

    @property
    def field(self) -> str:
        """The catalog's name for it."""
        return (
            f"catalog.benchmarks.{self.name}" if isinstance(self.data, BenchmarkData) else field_of(self.name)
        )


def _entry(catalog: Catalog, data: SourceData | BenchmarkData, name: str) -> _Entry:
    kind, stamp = catalog.kind_of(data), tuple[Any, ...]()
    if kind == "hub":
        stamp = (str(hub_data.snapshot(data.id, data.revision)),)
    elif kind != "nano":
        file = data.id if kind == "file" else _mirrored(catalog, data)
        stamp = (file, *files.stamp(file))
    return _Entry(name, f"{kind} {canonical(asdict(data))}", stamp, catalog, data)


def _mirrored(catalog: Catalog, data: SourceData | BenchmarkData) -> str:
    assert catalog.root is not None
    return files.mirrored(catalog.root, data.id, data.subset, data.split)


def _rows(entry: _Entry) -> list[Row]:
    data, kind = entry.data, entry.catalog.kind_of(entry.data)
    if kind == "nano":
        from openrs.nano import noise, problems

        return list(noise.pool()) if data.id == noise.ID else problems.rows(entry.name)
    if kind == "hub":
        rows = hub_data.rows(data.id, data.subset, data.split, data.revision)
    else:
        rows = files.rows(data.id if kind == "file" else _mirrored(entry.catalog, data))
    if not rows:
        split, one = ("", "a file") if kind == "file" else (f", split {data.split},", "a split")
        raise Mistake(
            f"{entry.field}: {data.id}{split} holds no rows. Give {one} that has some, or copy the file "
            "again."
        )
    return rows


def raw(root: str | None, id_: str, subset: str | None, split: str, revision: str | None) -> list[Row]:
    """Rows of one split as they are, in a mirror's folder or on the Hub; the subset `default` has no folder.

    Raises:
        Mistake: they are not there, or cannot be read.
    """
    if root is None:
        return hub_data.rows(id_, subset, split, revision)
    return files.rows(files.mirrored(root, id_, None if subset == "default" else subset, split))


def origin(catalog: Catalog, data: SourceData | BenchmarkData, rows: Rows) -> dict[str, Any]:
    """The origin of rows, for the run's records: id, split, number and content of the rows, how many were
    left out and why, the Hub's commit.

    Args:
        rows: those of `source` or `benchmark`.
    """
    gold, kind = "gold" if isinstance(data, BenchmarkData) else "solution", catalog.kind_of(data)
    split = None if kind in ("file", "lighteval") else data.split
    record: dict[str, Any] = {"catalog": kind, "id": data.id, "split": split, "rows": len(rows)}
    record["fingerprint"] = digest([[row["problem"], row[gold]] for row in rows])
    record |= {"task": rows.settings | rows.scoring} if rows.scoring else {}
    if rows.left_out:
        record["left_out"] = rows.left_out
    if kind == "hub":
        record |= {"revision": data.revision, "commit": hub_data.commit(data.id, data.revision)}
    return record


def source(catalog: Catalog, name: str) -> Rows:
    """Rows of a training source: problem, solution (the gold answer; boxed where mathematics judges it),
    answer_kind where that does not, difficulty and worked (the source's own solution), both None where the
    source has none, and rates, the pass rates of a curated one.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem or no answer.
    """
    return _source(_entry(catalog, catalog.sources[name], name))


@lru_cache(KEPT)
def _source(entry: _Entry) -> Rows:
    data, kind = entry.data, entry.data.answer_kind
    own = {} if kind == "math" else {"answer_kind": kind}
    read: list[Column] = [("problem", data.problem, columns.problem)]
    if kind != "none":
        read.append(("answer", data.answer, columns.ANSWERS[kind]))

    def row_of(row: Row, problem: str, answer: str = "") -> Row:
        return {
            "problem": problem,
            "solution": f"$\\boxed{{{answer}}}$" if kind == "math" else answer,
            **own,
            "difficulty": columns.difficulty(row.get(data.difficulty)) if data.difficulty else None,
            "worked": columns.worked(row.get(data.solution)),
        } | ({"rates": rates} if (rates := columns.rates(row.get("rates"))) else {})

    raw = _rows(entry)
    rows, tally = _readable(raw, Tally(entry.field, data.id), read, row_of)
    tally.refuse_most(data, len(raw), ("problem", "answer"))
    return rows


def benchmark(catalog: Catalog, name: str) -> Rows:
    """Problems of a benchmark in file order: id (of the problem, unique), problem, gold; instruction where
    the benchmark has its own; choices (letters) where it is multiple choice.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem or no gold
            answer.
    """
    data = catalog.benchmarks[name]
    rows, tally, number = _benchmark(_entry(catalog, data, name))
    tally.refuse_most(data, number, ("question", "gold", "wrong"))
    return rows


def held_out(catalog: Catalog, name: str) -> list[str]:
    """Problem texts of a benchmark, also of the rows without a gold answer.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem.
    """
    data = catalog.benchmarks[name]
    rows, tally, number = _benchmark(_entry(catalog, data, name))
    tally.refuse_most(data, number, ("question",))
    return [*(row["problem"] for row in rows), *rows.without_gold]


@lru_cache(KEPT)
def _benchmark(entry: _Entry) -> tuple[Rows, Tally, int]:
    """The readable rows, the count of the others, and the number of all."""
    data = entry.data
    times: Counter[str] = Counter()

    def gold(value: Any) -> str:
        if data.gold_kind in ("exact", "choice"):
            return columns.ANSWERS[data.gold_kind](value)
        return columns.text(value, columns.GOLD) if data.wrong else columns.gold(value)

    def row_of(_: Row, problem: str, gold: str, *wrong: str) -> Row:
        key = problem_id(problem)
        times[key] += 1
        item: Row = {
            "id": key if times[key] == 1 else f"{key}-{times[key]}",
            "problem": problem,
            "gold": gold,
        }
        if wrong:
            item |= _lettered(problem, gold, wrong, key)
        if data.instruction:
            item["instruction"] = data.instruction
        return item

    read: list[Column] = [("question", data.question, columns.problem), ("gold", data.gold, gold)]
    read += [("wrong", wrong, lambda value: columns.text(value, columns.CHOICE)) for wrong in data.wrong]
    raw = _rows(entry)
    return *_readable(raw, Tally(entry.field, data.id), read, row_of), len(raw)


def _readable(
    raw: list[Row], tally: Tally, read: Sequence[Column], row_of: Callable[..., Row]
) -> tuple[Rows, Tally]:
    """The rows of which every column is readable; the others are counted.

    Args:
        read: the columns; the first is the problem's.
        row_of: makes a row of the raw one and of what its columns say.

    Raises:
        Mistake: no row has one of the columns. (Where some rows have it, it is null in the others.)
    """
    there = list(dict.fromkeys(column for row in raw for column in row))
    for word, column, _ in read:
        if raw and column not in there:
            field, near = f"{tally.field}.{word}", nearest(column, word, there)
            raise Mistake(
                f"{field}={column}: {tally.id} has no such column. It has: {', '.join(there)}. "
                f"Give its name, as {field}={near or 'COLUMN'}."
            )
    rows, without_gold = [], []
    for row in raw:
        values: list[Any] = []
        for word, column, reader in read:
            try:
                values.append(reader(row.get(column)))
            except columns.BadValue as reason:
                tally.leave_out(word, str(reason))
                without_gold += values[:1]
                break
        else:
            rows.append(row_of(row, *values))
    return Rows(rows, tally.left_out, without_gold), tally


def _lettered(question: str, right: str, wrong: Sequence[str], key: str) -> Row:
    """A multiple-choice problem: the question with its choices A), B), ..., and the right one's letter.

    The right choice's place is drawn by the problem's id (simple-evals and the paper's code draw it anew
    in each process), so that a score is a function of weights, problem and seed.
    """
    place = random.Random(key).randrange(len(wrong) + 1)
    texts = [*wrong[:place], right, *wrong[place:]]
    letters = list(ascii_uppercase[: len(texts)])
    lines = [f"{letter}) {text.strip()}" for letter, text in zip(letters, texts, strict=True)]
    return {
        "problem": "\n".join([question.strip(), "", *lines]),
        "gold": letters[place],
        "choices": letters,
    }
