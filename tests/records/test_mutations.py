"""Mutated records of real runs: each command names them in a line, and no value out of range is shown."""

import json
import random
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from openrs.analysis import run_records
from openrs.command import verbs
from openrs.errors import Mistake
from openrs.records import ledger, training
from openrs.records.resumption import resumption
from openrs.records.run import Run
from tests.helpers.mutations import damaged, mutated

RUNS = Path(__file__).parents[1] / "data" / "old_outputs" / "outputs" / "runs"
NAMES = ("base-24ff8cb5", "exp2-0479e72d", "exp2-365ae646")


def harm(path, chance):
    """Changes one record, or one line of a file of lines."""
    content = path.read_text()
    if chance.random() < 0.3:
        path.write_bytes(damaged(content.encode(), chance))
    elif path.suffix == ".json":
        path.write_text(mutated(json.loads(content), chance))
    else:
        lines = content.splitlines()
        index = chance.randrange(len(lines))
        lines[index] = mutated(json.loads(lines[index]), chance)
        path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(10))
def test_a_mutated_record_is_read_in_range_or_named(tmp_path, capsys, seed):
    chance = random.Random(seed)
    for number in range(15):
        outputs = tmp_path / str(number)
        for name in NAMES:
            shutil.copytree(RUNS / name, outputs / "runs" / name)
        records = sorted(path for path in outputs.rglob("*.json*") if path.stat().st_size)
        for path in chance.sample(records, chance.randint(1, 3)):
            harm(path, chance)
        for verb, *more in (
            ["table1"],
            ["compare", "exp2"],
            ["ablation", "--rows", "seed"],
            ["export", "--to", str(tmp_path / "export")],
        ):
            with suppress(Mistake):
                verbs.run(verb, [str(outputs), *more])
        for name in NAMES:
            run = Run(outputs / "runs" / name, "", {})
            for read in (
                lambda run=run: run.train_record,
                lambda run=run: training.logged_steps(run.folder / "train"),
                lambda run=run: training.segments(run.folder / "train"),
                lambda run=run: ledger.spent(run.folder),
                lambda run=run: resumption(run.folder / "train", 8),
            ):
                with suppress(Mistake):
                    read()
        with suppress(Mistake):
            for run in run_records.load_all(outputs):
                for score in run.scores:
                    assert 0 <= score.value <= 1
                    assert score.n == len(score.ids) >= 1
                    assert sum(score.outcomes) == pytest.approx(score.value * score.n)
                    assert score.stderr is None or 0 <= score.stderr <= 1
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        assert not re.search(r"\bnan\b", shown.out.lower())
