"""How long the data stage takes on a source of 40,000 real problems (limit: 20 s of CPU time).

The rows are the mirror's DeepScaleR problems, repeated with variation until there are as many as the public
set has; every filter is on, and 13-word runs are looked up in all five benchmarks.
"""

import json
import random
import re
import time

import pytest

from openrs.data import mix

pytestmark = pytest.mark.benchmark

ROWS = 40_315
LIMIT = 20.0
"""Seconds of CPU time, which a busy machine does not stretch as it does wall time."""


def varied(row, number):
    """The row with other numbers and a word more: another problem, as long as the first."""
    draw = random.Random(number)
    problem = re.sub(r"\d+", lambda found: str(draw.randrange(1, 10 ** len(found[0]))), row["problem"])
    return row | {"problem": f"Case {number}. {problem}"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_forty_thousand_rows(composed, mirror, tmp_path, kind):
    from pyarrow import Table, parquet

    name = "agentica-org/DeepScaleR-Preview-Dataset/train"
    real = [json.loads(line) for line in (mirror / f"{name}.jsonl").read_text("utf-8").splitlines()]
    rows = [row if i < len(real) else varied(row, i) for i in range(ROWS) for row in [real[i % len(real)]]]
    for benchmark in mirror.glob("*/*/*.jsonl"):
        link = tmp_path / benchmark.relative_to(mirror)
        link.parent.mkdir(parents=True)
        if str(link) != f"{tmp_path}/{name}.jsonl":
            link.symlink_to(benchmark)
    if kind == "jsonl":
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, "utf-8")
    else:
        parquet.write_table(Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    config = composed(
        "catalog=mirror", f"catalog.root={tmp_path}", "data=deepscaler", "data.draws.deepscaler.boxed=true",
        "data.draws.deepscaler.single_part=true", "data.draws.deepscaler.difficulty_min=1",
        "data.draws.deepscaler.count=20000", "data.decontaminate_ngram=13",
    )  # fmt: skip
    began, cpu_began = time.perf_counter(), time.process_time()
    made = mix.load_mix(config.data, config.catalog)
    fingerprint = made.fingerprint
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    print(
        f"\n{kind}: {ROWS} rows: {cpu:.1f} s of CPU time, {took:.1f} s; left out {made.dropped['deepscaler']}"
    )
    origin = made.origins["deepscaler"]
    assert origin["rows"] + sum(origin["left_out"].values()) == ROWS
    assert len(made.rows) == 20_000
    assert len(fingerprint) == 64
    assert cpu < LIMIT
