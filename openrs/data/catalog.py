"""Rows of sources and benchmarks, from the built-in pool, a folder, or the Hub."""

import json
import random
from collections import Counter
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from openrs.config.catalog import BenchmarkData, Catalog, SourceData
from openrs.data import columns, hub_data
from openrs.data.rows import Row, Rows, Tally
from openrs.errors import Mistake
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest


def _mirror(root: str, id_: str, subset: str | None, split: str) -> list[Row]:
    name = f"{id_}/{subset}/{split}" if subset else f"{id_}/{split}"
    lines, table = Path(root) / f"{name}.jsonl", Path(root) / f"{name}.parquet"
    if lines.exists():
        return _json_lines(lines)
    if table.exists():
        return _parquet(table)
    raise Mistake(
        f"catalog.root={root}: holds no {name}.jsonl and no {name}.parquet. "
        "Put the file there, choose other data, or use catalog=hub."
    )


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
            f"{path}, line {number}: cannot be read ({error}). Each line must be one JSON object, in UTF-8: "
            "mend the file, or copy it again."
        ) from error
    return row


def _parquet(path: Path) -> list[Row]:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path).to_pylist()
    except (OSError, ValueError, ArrowException) as error:  # ValueError: text that is no UTF-8, say
        raise Mistake(
            f"{path}: cannot be read as Parquet ({error}). Mend the file, or copy it again."
        ) from error


def _rows(catalog: Catalog, data: SourceData | BenchmarkData, name: str) -> list[Row]:
    if catalog.kind == "nano":
        from openrs.nano import problems

        return problems.rows(name)
    subset = data.subset if isinstance(data, BenchmarkData) else None
    if catalog.kind == "mirror":
        assert catalog.root is not None
        rows = _mirror(catalog.root, data.id, subset, data.split)
    else:
        rows = hub_data.rows(data.id, subset, data.split, data.revision)
    if not rows:
        group = "benchmarks" if isinstance(data, BenchmarkData) else "sources"
        raise Mistake(
            f"catalog.{group}.{name}: {data.id}, split {data.split}, holds no rows. Give a split that has "
            "some, or copy the file again."
        )
    return rows


def origin(catalog: Catalog, data: SourceData | BenchmarkData, rows: Rows) -> dict[str, Any]:
    """The origin of rows, for the run's records: id, split, number and content of the rows, how many were
    left out and why, the Hub's commit.

    Args:
        rows: those of `source` or `benchmark`.
    """
    gold = "gold" if isinstance(data, BenchmarkData) else "solution"
    record: dict[str, Any] = {"catalog": catalog.kind, "id": data.id, "split": data.split, "rows": len(rows)}
    record["fingerprint"] = digest([[row["problem"], row[gold]] for row in rows])
    if rows.left_out:
        record["left_out"] = rows.left_out
    if catalog.kind == "hub":
        record |= {"revision": data.revision, "commit": hub_data.commit(data.id, data.revision)}
    return record


def _refuse_absent(rows: list[Row], named: list[tuple[str, str]], id_: str) -> None:
    """Refuses a column that no row has; where some rows have it, it is null in the others.

    Args:
        named: (field of the catalog, name of its column).
    """
    known = dict.fromkeys(column for row in rows for column in row)
    for field, column in named:
        if rows and column not in known:
            raise Mistake(
                f"{field}={column}: {id_} has no such column. It has: {', '.join(known)}. "
                f"Give its name, as {field}=COLUMN."
            )


def source(catalog: Catalog, name: str) -> Rows:
    """Rows of a training source: problem, solution (the gold answer, boxed), difficulty and worked (the
    source's own solution), both None where the source has none.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem or no answer.
    """
    data, field = catalog.sources[name], f"catalog.sources.{name}"
    raw = _rows(catalog, data, name)
    _refuse_absent(raw, [(f"{field}.problem", data.problem), (f"{field}.answer", data.answer)], data.id)
    read, without_gold, tally = [], [], Tally(field, data.id)
    for row in raw:
        column, problem = "problem", None
        try:
            problem = columns.problem(row.get(data.problem))
            column = "answer"
            answer = columns.answer(row.get(data.answer))
        except columns.Unreadable as reason:
            tally.leave_out(column, str(reason))
            without_gold += [] if problem is None else [problem]
            continue
        read.append(
            {
                "problem": problem,
                "solution": f"$\\boxed{{{answer}}}$",
                "difficulty": columns.difficulty(row.get(data.difficulty)) if data.difficulty else None,
                "worked": columns.worked(row.get(data.solution)),
            }
        )
    tally.refuse_most(data, len(raw), ("problem", "answer"))
    return Rows(read, tally.left_out, without_gold)


def benchmark(catalog: Catalog, name: str) -> Rows:
    """Problems of a benchmark in file order: id (of the problem, unique), problem, gold; instruction where
    the benchmark has its own; choices (letters) where it is multiple choice.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem or no gold
            answer.
    """
    rows, tally, number = _benchmark(catalog, name)
    tally.refuse_most(catalog.benchmarks[name], number, ("question", "gold", "wrong"))
    return rows


def held_out(catalog: Catalog, name: str) -> list[str]:
    """Problem texts of a benchmark, also of the rows without a gold answer.

    Raises:
        Mistake: the file, the data set or a column is missing, or most rows hold no problem.
    """
    rows, tally, number = _benchmark(catalog, name)
    tally.refuse_most(catalog.benchmarks[name], number, ("question",))
    return [*(row["problem"] for row in rows), *rows.without_gold]


def _benchmark(catalog: Catalog, name: str) -> tuple[Rows, Tally, int]:
    """The readable rows, the count of the others, and the number of all."""
    data, field = catalog.benchmarks[name], f"catalog.benchmarks.{name}"
    raw = _rows(catalog, data, name)
    named = [("question", data.question), ("gold", data.gold), *(("wrong", wrong) for wrong in data.wrong)]
    _refuse_absent(raw, [(f"{field}.{column}", name) for column, name in named], data.id)
    times: Counter[str] = Counter()
    read, without_gold, tally = [], [], Tally(field, data.id)
    for row in raw:
        column, problem = "question", None
        try:
            problem = columns.problem(row.get(data.question))
            column = "gold"
            value = row.get(data.gold)
            gold = columns.text(value, columns.GOLD) if data.wrong else columns.gold(value)
            column = "wrong"
            wrong = [columns.text(row.get(choice), columns.CHOICE) for choice in data.wrong]
        except columns.Unreadable as reason:
            tally.leave_out(column, str(reason))
            without_gold += [] if problem is None else [problem]
            continue
        key = problem_id(problem)
        times[key] += 1
        item: Row = {
            "id": key if times[key] == 1 else f"{key}-{times[key]}",
            "problem": problem,
            "gold": gold,
        }
        if data.wrong:
            item |= _lettered(problem, gold, wrong, key)
        if data.instruction:
            item["instruction"] = data.instruction
        read.append(item)
    return Rows(read, tally.left_out, without_gold), tally, len(raw)


def _lettered(question: str, right: str, wrong: list[str], key: str) -> Row:
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
