"""Rows of sources and benchmarks, from the built-in pool, a folder, or the Hub."""

import json
import random
from collections import Counter
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from openrs.config.catalog import BenchmarkData, Catalog, SourceData
from openrs.data import hub_data
from openrs.errors import Mistake
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest

Row = dict[str, Any]


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
    except (OSError, ArrowException) as error:
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
        return _mirror(catalog.root, data.id, subset, data.split)
    return hub_data.rows(data.id, subset, data.split, data.revision)


def origin(catalog: Catalog, data: SourceData | BenchmarkData, rows: list[Row]) -> dict[str, Any]:
    """The origin of rows, for the run's records: id, split, number and content of the rows, the Hub's commit.

    Args:
        rows: those of `source` or `benchmark`.
    """
    gold = "gold" if isinstance(data, BenchmarkData) else "solution"
    record: dict[str, Any] = {"catalog": catalog.kind, "id": data.id, "split": data.split, "rows": len(rows)}
    record["fingerprint"] = digest([[row["problem"], row[gold]] for row in rows])
    if catalog.kind == "hub":
        record |= {"revision": data.revision, "commit": hub_data.commit(data.id, data.revision)}
    return record


def _column(row: Row, column: str, id_: str, field: str) -> Any:
    if column not in row:
        raise Mistake(
            f"{field}={column}: {id_} has no such column. It has: {', '.join(row)}. "
            f"Give its name, as {field}=COLUMN."
        )
    return row[column]


def _bare(answer: Any) -> str:
    """The answer without the dollar signs that some sets put around it."""
    return str(answer).strip().strip("$").strip()


def source(catalog: Catalog, name: str) -> list[Row]:
    """Rows of a training source: problem, solution (the gold answer, boxed), difficulty and worked (the
    source's own solution), both None where the source has none.

    Raises:
        Mistake: the file, the data set or a column is missing.
    """
    data, field = catalog.sources[name], f"catalog.sources.{name}"
    return [
        {
            "problem": str(_column(row, data.problem, data.id, f"{field}.problem")),
            "solution": f"$\\boxed{{{_bare(_column(row, data.answer, data.id, f'{field}.answer'))}}}$",
            "difficulty": row.get(data.difficulty) if data.difficulty else None,
            "worked": row.get(data.solution),
        }
        for row in _rows(catalog, data, name)
    ]


def benchmark(catalog: Catalog, name: str) -> list[Row]:
    """Problems of a benchmark in file order: id (of the problem, unique), problem, gold; instruction where
    the benchmark has its own; choices (letters) where it is multiple choice.

    Raises:
        Mistake: the file, the data set or a column is missing.
    """
    data, field = catalog.benchmarks[name], f"catalog.benchmarks.{name}"
    times: Counter[str] = Counter()
    problems = []
    for row in _rows(catalog, data, name):
        problem = str(_column(row, data.question, data.id, f"{field}.question"))
        gold = str(_column(row, data.gold, data.id, f"{field}.gold"))
        key = problem_id(problem)
        times[key] += 1
        item: Row = {
            "id": key if times[key] == 1 else f"{key}-{times[key]}",
            "problem": problem,
            "gold": gold,
        }
        if data.wrong:
            wrong = [str(_column(row, column, data.id, f"{field}.wrong")) for column in data.wrong]
            item |= _lettered(problem, gold, wrong, key)
        if data.instruction:
            item["instruction"] = data.instruction
        problems.append(item)
    return problems


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
