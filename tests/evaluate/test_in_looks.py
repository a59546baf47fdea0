"""The command with evaluation=sequential: verdicts of the whole, fewer answers, and a start that goes on."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from openrs.analysis import run_records
from openrs.analysis.decision import decide, side
from openrs.plan import resolve
from openrs.records.checkpoints import mark_whole
from openrs.records.training import Checkpoint, TrainRecord
from tests.helpers import commands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SMALL = ["experiment=exp2", "scale=nano", "steps.total=2", "steps.save_every=1", "report_step=1",
         "stages=[evaluate,collect]", "evaluation.benchmarks=[aime24,amc23]", "evaluation.max_problems=30",
         "evaluation.max_new_tokens=64", "evaluation.checkpoints=['0','1','2']"]  # fmt: skip
LOOKS = ["evaluation=sequential", *SMALL]


@pytest.fixture(scope="module")
def outputs(composed, tmp_path_factory):
    """A run with two checkpoints: the base model again, and one whose output layer is silent."""
    folder = tmp_path_factory.mktemp("outputs")
    run = resolve(composed(*SMALL, f"outputs={folder}")).run
    model = Path(__file__).parents[2] / "openrs/nano/model"
    for step in (1, 2):
        checkpoint = shutil.copytree(model, run.folder / f"train/checkpoint-{step}")
        if step == 2:
            weights = load_file(checkpoint / "model.safetensors")
            save_file({name: 0 * value for name, value in weights.items()}, checkpoint / "model.safetensors",
                      metadata={"format": "pt"})  # fmt: skip
        mark_whole(checkpoint, step)
    saved = tuple(Checkpoint(step, f"train/checkpoint-{step}") for step in (1, 2))
    run.write_train_record(
        TrainRecord(
            checkpoints=saved, last_step=2, wall_seconds=1.0, device_hours=0.1, rows={}, dropped={},
            metrics={}, segments=(),
        )
    )  # fmt: skip
    return folder


def openrs(*arguments):
    done = commands.openrs(*arguments, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_looks_end_early_with_the_verdicts_of_the_whole_and_go_on_where_they_stopped(outputs, tmp_path):
    whole = Path(shutil.copytree(outputs, tmp_path / "whole"))
    done = openrs(*LOOKS, f"outputs={outputs}")
    (run,) = (item for item in run_records.load_all(outputs) if item.name == "exp2")
    same, silent = run.sequential
    assert (same.verdict, same.effect, same.look) == ("undecided", 0.0, 5)
    assert (silent.verdict, silent.look < 5) == ("worse", True)
    assert silent.high < 0
    assert "Sequential differences to base-" in done.stdout
    assert f"| {silent.look} of 5 | worse |" in done.stdout

    # one look is lost: it alone is measured again, with the same outcome
    files = sorted(run.folder.glob("eval/step-00002/*/seed-*.json"))
    assert len(files) == 2 * 2 * silent.look  # texts and scores of two benchmarks
    before = {path: path.read_text() for path in files}
    lost = [path for path in files if path.parent == files[0].parent]
    for path in lost:
        path.unlink()
    openrs(*LOOKS, f"outputs={outputs}")
    for path in files:
        now, then = json.loads(path.read_text()), json.loads(before[path])
        assert (now == then) == (path not in lost)
        assert now.get("correct") == then.get("correct")
    again = openrs(*LOOKS, f"outputs={outputs}")
    assert f"look {silent.look} of 5" in again.stderr
    assert "nothing further to evaluate" in again.stderr

    # the fixed evaluation says the same of both checkpoints
    openrs(*SMALL, f"outputs={whole}")
    runs = run_records.load_all(whole)
    verdicts = [decide(side(runs, "base"), side(runs, f"exp2@{step}")).checkpoints.verdict for step in (1, 2)]
    assert verdicts == ["undecided", "worse"]
