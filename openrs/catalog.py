"""Rows of sources and benchmarks, from the built-in pool, a folder, or the Hub."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from openrs.config import BenchmarkData, Catalog, SourceData
from openrs.mistake import Mistake
from openrs.text import problem_id

Row = dict[str, Any]


def _mirror(root: str, id_: str, split: str) -> list[Row]:
    folder = Path(root) / id_
    lines, table = folder / f"{split}.jsonl", folder / f"{split}.parquet"
    if lines.exists():
        with lines.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    if table.exists():
        from pyarrow import parquet

        return parquet.read_table(table).to_pylist()
    raise Mistake(
        f"catalog.root={root}: holds no {id_}/{split}.jsonl and no {id_}/{split}.parquet. "
        "Put the file there, choose other data, or use catalog=hub."
    )


def _hub(id_: str, split: str, revision: str | None) -> list[Row]:
    from datasets import load_dataset

    try:
        return list(load_dataset(id_, split=split, revision=revision))
    except Exception as error:  # the Hub's client raises many kinds; the user needs one sentence
        raise Mistake(
            f"catalog=hub: {id_} (split {split}) cannot be loaded: {error}. Check the network and "
            "`hf auth login`, or use catalog=mirror catalog.root=PATH."
        ) from error


def _rows(catalog: Catalog, data: SourceData | BenchmarkData, name: str) -> list[Row]:
    if catalog.kind == "nano":
        from openrs.nano import problems

        return problems.rows(name)
    if catalog.kind == "mirror":
        assert catalog.root is not None
        return _mirror(catalog.root, data.id, data.split)
    return _hub(data.id, data.split, data.revision)


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
    """Rows of a training source: problem, solution (the gold answer, boxed), difficulty (or None).

    Raises:
        Mistake: the file, the data set or a column is missing.
    """
    data, field = catalog.sources[name], f"catalog.sources.{name}"
    return [
        {
            "problem": str(_column(row, data.problem, data.id, f"{field}.problem")),
            "solution": f"$\\boxed{{{_bare(_column(row, data.answer, data.id, f'{field}.answer'))}}}$",
            "difficulty": row.get(data.difficulty) if data.difficulty else None,
        }
        for row in _rows(catalog, data, name)
    ]


def benchmark(catalog: Catalog, name: str) -> list[Row]:
    """Problems of a benchmark in file order: id (of the problem, unique), problem, gold.

    Raises:
        Mistake: the file, the data set or a column is missing.
    """
    data, field = catalog.benchmarks[name], f"catalog.benchmarks.{name}"
    seen: Counter[str] = Counter()
    problems = []
    for row in _rows(catalog, data, name):
        problem = str(_column(row, data.question, data.id, f"{field}.question"))
        key = problem_id(problem)
        seen[key] += 1
        problems.append(
            {
                "id": key if seen[key] == 1 else f"{key}-{seen[key]}",
                "problem": problem,
                "gold": str(_column(row, data.gold, data.id, f"{field}.gold")),
            }
        )
    return problems
