"""What a command says of damaged files of a run that was done: one line each, and the rest goes on."""

import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.commands import openrs
from tests.helpers.jobs import only_run

pytestmark = pytest.mark.slow

SMALL = [
    "experiment=exp2", "scale=nano", "steps.total=2", "steps.save_every=1", "report_step=1",
    "algorithm.prompts_per_step=2", "evaluation.max_problems=4", "evaluation.max_new_tokens=64",
    "evaluation.benchmarks=[aime24]",
]  # fmt: skip
SCORE = "eval/step-00002/aime24-*/seed-1234-*.json"
TEXT = "eval/step-00002/aime24-*/seed-1234.text.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The outputs of a run that is done."""
    outputs = tmp_path_factory.mktemp("whole")
    made = openrs(*SMALL, f"outputs={outputs}")
    assert made.returncode == 0, made.stderr[-3000:]
    return outputs, made.stdout


@pytest.fixture
def again(whole, tmp_path):
    """Runs the same command on a copy of the outputs, to whose run something was done."""

    def run(harm):
        shutil.copytree(whole[0], tmp_path / "copy")
        folder = only_run(tmp_path / "copy", "exp2")
        harm(folder)
        return folder, openrs(*SMALL, f"outputs={tmp_path / 'copy'}")

    return run


def path(folder, pattern):
    (only,) = folder.glob(pattern)
    return only


def unmeasured(folder):
    """Takes the last score away, so that its weights are needed."""
    shutil.rmtree(folder / "eval" / "step-00002")


def cut(folder):
    unmeasured(folder)
    file = folder / "train/checkpoint-2/model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def gone(folder):
    unmeasured(folder)
    shutil.rmtree(folder / "train/checkpoint-2")


def text_without_fields(folder):
    path(folder, SCORE).unlink()
    path(folder, TEXT).write_text("{}")


REFUSED = {
    "cut weights": (cut, "checkpoint-2/model.safetensors: has 1936964 bytes, and its header says 3873928"),
    "no checkpoint": (gone, "train/checkpoint-2: is not there. Put it back from a copy"),
    "no field in train.json": (
        lambda run: (run / "train.json").write_text("{}"),
        "train.json: lacks device_",
    ),
    "no field in run.json": (lambda run: (run / "run.json").write_text("{}"), "run.json: lacks name"),
    "no field in a text": (text_without_fields, "seed-1234.text.json: ids is no list of distinct ids"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_damaged_is_one_line(again, kind):
    harm, told = REFUSED[kind]
    _, made = again(harm)
    assert made.returncode == 1
    (error,) = (line for line in made.stderr.splitlines() if line.startswith("error: "))
    assert told in error
    assert "Traceback" not in made.stderr


def test_a_damaged_score_leaves_the_others_in_the_table(again):
    folder, made = again(lambda run: path(run, SCORE).write_text("{}"))
    assert made.returncode == 0
    assert f"left out: {path(folder, SCORE)}: lacks step. " in made.stderr
    assert "| exp2, step 1, reported" in made.stdout


def test_what_follows_from_the_rest_is_made_again(again, whole):
    def harm(run):
        (run / "run.json").unlink()
        (run / "train.json").unlink()
        path(run, SCORE).unlink()
        path(run, TEXT).unlink()
        path(run, TEXT.replace("seed-1234.text.json", "")).joinpath("seed-1234.partial.jsonl").write_bytes(
            b'{"id": 3}\n\xff\n[1]\n{"id": "x", "seconds": "a"}\n'
        )
        with (run / "train/metrics.jsonl").open("ab") as log:
            log.write(b'\xff\xfe\n{"step": "9"}\n')

    folder, made = again(harm)
    assert made.returncode == 0, made.stderr[-3000:]
    assert made.stdout == whole[1]
    assert "run.json was deleted, and is written anew" in made.stderr
    assert "metrics.jsonl, line 3: is no JSON object" in made.stderr
    assert "Traceback" not in made.stderr
    first = only_run(whole[0], "exp2")
    for name in ("run.json", "train.json"):
        new, old = (json.loads((run / name).read_text()) for run in (folder, first))
        assert [new[key] for key in old if key in ("id", "recipe", "checkpoints", "last_step", "rows")] == [
            old[key] for key in old if key in ("id", "recipe", "checkpoints", "last_step", "rows")
        ]


def test_prompts_that_were_cut_are_written_again(again, whole):
    def harm(run):
        for name in ("train.json", "eval", "train/checkpoint-2", "train/checkpoint-1"):
            shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
        prompts = run / "train/prompts.jsonl"
        prompts.write_bytes(prompts.read_bytes()[:300])

    folder, made = again(harm)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "whole prompts of 4, and is written again from the recipe" in made.stderr
    assert made.stdout == whole[1]
    first = only_run(whole[0], "exp2")
    for name in ("train/prompts.jsonl", "train/checkpoint-2/model.safetensors"):
        assert (folder / name).read_bytes() == (first / name).read_bytes()


def test_scores_of_former_weights_are_kept_aside_and_measured_anew(again, whole):
    def harm(run):
        file = run / "train/checkpoint-2/model.safetensors"
        save_file({name: -tensor for name, tensor in load_file(file).items()}, file, {"format": "pt"})

    folder, made = again(harm)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "step 2 has new weights; its former scores are kept aside" in made.stderr
    old, new = (
        json.loads(path(folder, f"replaced-1/{TEXT}").read_text()),
        json.loads(path(folder, TEXT).read_text()),
    )
    assert old == json.loads(path(only_run(whole[0], "exp2"), TEXT).read_text())
    assert new["text"] != old["text"]
    scores = [
        json.loads(path(folder, name).read_text())["weights"] for name in (f"replaced-1/{SCORE}", SCORE)
    ]
    assert scores == [old["weights"], new["weights"]]
    assert len(set(scores)) == 2
