"""Mutated files of every kind: each is read or named, and what is stored is in range."""

import json
import random
from pathlib import Path

import pytest

from openrs.analysis import run_records
from openrs.analysis.importing import address, reading, store
from tests.helpers.mutations import damaged, mutated
from tests.helpers.result_files import harness, new, old, put

DATA = Path(__file__).parents[2] / "data" / "imports" / "lm_eval"
EARLY = {
    "results": {"gsm8k": {"acc": 0.25, "acc_stderr": 0.25}},
    "versions": {},
    "config": {"model": "hf", "model_args": "pretrained=m", "gen_kwargs": "temperature=nan,top_k=inf"},
}


def real():
    """The harness's real results and samples."""
    (results,), (samples,) = DATA.glob("results_*.json"), DATA.glob("samples_*.jsonl")
    return json.loads(results.read_text()), results.name, samples


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(10))
def test_a_mutated_file_is_read_in_range_or_named(tmp_path, seed):
    chance, (document, name, samples) = random.Random(seed), real()
    sources = [
        old(),
        new({"extractive_match": 0.3, "avg@n:n=4": 0.25}),
        harness({"acc,none": 0.2}),
        EARLY,
        document,
    ]
    for number in range(30):
        place = tmp_path / f"in/Exp1_{number}"
        put(place / name, mutated(chance.choice(sources), chance))
        if chance.random() < 0.5:
            put(place / name, json.dumps(document))
            (place / samples.name).write_bytes(damaged(samples.read_bytes(), chance))
        elif chance.random() < 0.2:
            (place / name).write_bytes(damaged((place / name).read_bytes(), chance))
    items = list(reading.read(tmp_path / "in", address.pattern(None)))
    assert {item.file if isinstance(item, reading.Skipped) else item.origin["file"] for item in items} == {
        f"Exp1_{number}/{name}" for number in range(30)
    }
    store.store(items, tmp_path / "out", "logs")
    for path in (tmp_path / "out").rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)
    for run in run_records.load_all(tmp_path / "out", imported=True):
        for score in run.scores:
            assert 0 <= score.value <= 1
            assert score.n >= 1
            assert not score.ids or sum(score.correct) == pytest.approx(score.value * score.n)
