"""A short main job, and what its run folder holds."""

import json
import time

import psutil

from tests.helpers.commands import kill, start

SHORT = [
    "experiment=exp3",
    "data=mixed",
    "scale=nano",
    "steps.total=6",
    "steps.save_every=2",
    "report_step=2",
    "algorithm.prompts_per_step=4",
    "data.draws.open_s1.count=6",
    "data.draws.open_deepscaler.count=3",
    "data.draws.easy.count=3",
    "evaluation.max_problems=8",
    "evaluation.max_new_tokens=64",
]
"""Six steps of 4 prompts over 12 rows: an epoch is three steps, so the run ends in its second. Few answers
are longer than 64 tokens, and one long answer takes as long as all others."""


def only_run(outputs, name="exp3"):
    (folder,) = outputs.glob(f"runs/{name}-*")
    return folder


def weights(run, step):
    return (run / f"train/checkpoint-{step}/model.safetensors").read_bytes()


def metrics(run):
    lines = (run / "train/metrics.jsonl").read_text().splitlines()
    timing = ("step_seconds",)
    return [{k: v for k, v in json.loads(line).items() if k not in timing} for line in lines]


def segments(run):
    """The stretches of a run's training."""
    return json.loads((run / "train.json").read_text())["segments"]


def outcomes(run):
    return {
        path.relative_to(run).as_posix(): json.loads(path.read_text())["text"]
        for path in run.glob("eval/step-*/*/seed-*.text.json")
    }


def killed(arguments, when, timeout=240):
    """Starts the command and kills it with -9 as soon as `when` says so."""
    process = start(*arguments)
    began = time.monotonic()
    while not when():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - began < timeout
        time.sleep(0.02)
    kill(process)


def ranks_of(process):
    """The training processes under a running command, by rank."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "openrs.command.stage" in child.cmdline() and "RANK" in child.environ():
                found[int(child.environ()["RANK"])] = child
        except psutil.Error:
            continue
    return found
