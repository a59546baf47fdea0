"""Mutated files of problems: each is read as text that can be learned from, or refused in a line."""

import csv
import json
import random
from dataclasses import replace

import pytest

from openrs.data import catalog
from openrs.errors import Mistake
from tests.helpers.mutations import damaged, mutated

ROWS = [{"question": f"What is {i} plus 8?", "result": str(i + 8), "level": i % 5} for i in range(12)]


def write(path, chance):
    """Writes rows of which values or bytes are others than they should be."""
    rows = [*ROWS]
    for index in chance.sample(range(len(rows)), 3):
        rows[index] = json.loads(mutated(rows[index], chance))
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
            csv.writer(file).writerows([[*ROWS[0]], *(list(row.values()) for row in rows)])
    else:
        from pyarrow import Table, parquet

        parquet.write_table(Table.from_pylist(ROWS), path)
    if path.suffix == ".parquet" or chance.random() < 0.3:
        path.write_bytes(damaged(path.read_bytes(), chance))


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["math", "exact", "choice", "none"])
def test_a_mutated_file_of_problems_is_read_or_refused(composed, tmp_path, seed, kind):
    chance, whole = random.Random(seed), tmp_path / "whole.jsonl"
    whole.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    columns = ["data.problem=question", "data.answer=result"]
    if kind == "none":
        columns = ["data.problem=question", "reward.cosine=null"]  # no answer is there to judge
    config = composed("experiment=exp3", f"data={whole}", *columns, f"answer.kind={kind}")
    own, refusals = config.catalog.sources["own"], []
    for number in range(6):
        path = tmp_path / f"{number}{chance.choice(('.jsonl', '.csv', '.parquet'))}"
        write(path, chance)
        sources = {"own": replace(own, id=str(path))}
        try:
            rows = catalog.source(replace(config.catalog, sources=sources), "own")
        except Mistake as error:
            refusals.append(str(error))
            continue
        assert len(rows) + sum(rows.left_out.values()) <= len(ROWS) + 1
        for row in rows:
            assert row["problem"].strip()
            row["problem"].encode()
            row["solution"].encode()
            assert kind == "none" or row["solution"].strip()
    assert not any("\n" in refusal for refusal in refusals)
