"""Three checkpoints on five benchmarks: openrs in one command against the lighteval command fifteen times.

The paper's script calls `lighteval` once for every checkpoint and task. Both sides get the same weights,
problems, instruction, cap (256 new tokens), batch size, precision (float64), engine (transformers) and
greedy decoding, and their scores must agree. Of the stock command (`helpers/stock_lighteval.py`) one thing
is changed, as it stops it without a network: the built-in task file `tiny_benchmarks`, which downloads a
pickle at import, is left out. The tasks' problems come from a folder, as a custom-tasks file may say. Its
search for the largest batch that fits is spared by naming our batch size; on a CPU it costs more than
the answers.

`PROBLEMS` is the number of problems per benchmark, by default all 100. The checkpoints are those of three
training steps, made before the clock starts.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openrs.models.files import packaged
from openrs.nano import problems
from openrs.paths import ROOT
from openrs.records.paper import BENCHMARKS

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

PROBLEMS = int(os.environ.get("PROBLEMS", "100"))
STEPS = (1, 2, 3)


def seconds(command, **environment):
    """Wall seconds of a command."""
    began = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, check=True, env=os.environ | environment, stdout=subprocess.DEVNULL
    )  # fmt: skip
    return time.perf_counter() - began


def stock(config, checkpoint, task, folder):
    """Wall seconds of the stock command for one checkpoint and task."""
    model = {
        "model_name": checkpoint,
        "tokenizer": packaged(config.model),
        "dtype": "float64",
        "batch_size": config.hardware.evaluation_batch,
        "generation_parameters": "{temperature:0}",
    }
    return seconds(
        [
            *(sys.executable, "tests/helpers/stock_lighteval.py", "accelerate"),
            ",".join(f"{key}={value}" for key, value in model.items()),
            *(f"nano_{task}|0", "--custom-tasks", "tests/helpers/stock_tasks.py"),
            *("--output-dir", str(folder / "results"), "--no-remove-reasoning-tags"),
        ],
        STOCK_DATA=str(folder / "data"),
        STOCK_INSTRUCTION=config.evaluation.instruction,
        STOCK_NEW_TOKENS=str(config.evaluation.max_new_tokens),
        HF_HOME=str(folder / "home"),
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
    )


def rows_of(folder):
    """The benchmarks' problems as a custom-tasks file reads them."""
    for name in BENCHMARKS:
        (folder / name).mkdir(parents=True)
        lines = [
            json.dumps({"problem": row["problem"], "gold": row["answer"]}) + "\n"
            for row in problems.rows(name)[:PROBLEMS]
        ]
        (folder / name / "test.jsonl").write_text("".join(lines), encoding="utf-8")


def stock_scores(folder):
    """(step, benchmark) -> accuracy, from lighteval's result files."""
    found = {}
    for path in folder.rglob("results_*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        step = int(Path(record["config_general"]["model_name"]).name.removeprefix("checkpoint-"))
        for task, values in record["results"].items():
            if task != "all":
                name = task.split(":")[0].split("|")[0].removeprefix("nano_")
                found[(step, name)] = values["extractive_match"]
    return found


def our_scores(run):
    """(step, benchmark) -> accuracy, from the run's score records."""
    found = {}
    for path in run.glob("eval/step-*/*/seed-*.json"):
        if path.name.endswith(".text.json"):
            continue
        correct = json.loads(path.read_text(encoding="utf-8"))["correct"]
        benchmark = path.parent.name.rsplit("-", 1)[0]
        found[(int(path.parents[1].name.removeprefix("step-")), benchmark)] = sum(correct) / len(correct)
    return found


def test_a_quarter_of_the_time(composed, tmp_path):
    settings = [
        *("experiment=exp3", "data=mixed", "scale=nano", f"outputs={tmp_path}", "engine=transformers"),
        *("steps.save_every=1", f"steps.stop_at={STEPS[-1]}", "evaluation.temperature=0"),
        f"evaluation.checkpoints=[{','.join(map(repr, map(str, STEPS)))}]",
        f"evaluation.max_problems={PROBLEMS}",
    ]
    config = composed(*settings)
    seconds([sys.executable, "-m", "openrs", *settings, "stages=[train]"])
    (run,) = (tmp_path / "runs").iterdir()
    ours = seconds([sys.executable, "-m", "openrs", *settings, "stages=[evaluate]"])
    rows_of(tmp_path / "stock" / "data")
    each = [
        stock(config, run / "train" / f"checkpoint-{step}", task, tmp_path / "stock")
        for step in STEPS
        for task in BENCHMARKS
    ]
    a, b = our_scores(run), stock_scores(tmp_path / "stock" / "results")
    differ = {key: (a[key], b[key]) for key in a if a[key] != b[key]}
    print(
        f"\n{PROBLEMS} problems a benchmark: openrs {ours:.0f} s; lighteval {sum(each):.0f} s in {len(each)} "
        f"commands ({min(each):.0f} to {max(each):.0f} s): {sum(each) / ours:.1f} times; "
        f"{len(differ)} of {len(a)} scores differ {differ or ''}"
    )
    assert len(a) == len(b) == 15
    assert sum(each) / ours >= 4
