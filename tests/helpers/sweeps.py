"""Real nano runs as small as they can be, for tests of whole sweeps."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from openrs.paths import ROOT
from tests.helpers.commands import ENVIRONMENT, command

SMALL = [
    "experiment=exp2", "scale=nano", "steps.total=2", "steps.save_every=1", "report_step=1",
    "algorithm.prompts_per_step=2", "evaluation.max_problems=4", "evaluation.benchmarks=[aime24]",
]  # fmt: skip
TRAINING = [*SMALL, "steps.total=3", "stages=[train]", "objective=reward"]
"""Three steps and no evaluation."""


def sweep(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a sweep to its end."""
    return subprocess.run(
        command("-m", *arguments, **environment), cwd=ROOT, capture_output=True, text=True, timeout=580,
        env=ENVIRONMENT | environment,
    )  # fmt: skip


def start(*arguments: str) -> subprocess.Popen[str]:
    """Starts a sweep in a process group of its own."""
    return subprocess.Popen(
        command("-m", *arguments), cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def killed_when(happened: Callable[[], object], *arguments: str) -> None:
    """Starts a sweep and kills it with -9, its processes too, as soon as something has happened."""
    process = start(*arguments)
    began = time.monotonic()
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - began < 400
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def study_of(outputs: Path) -> optuna.Study:
    """The study of the only sweep under an outputs folder."""
    (database,) = outputs.glob("sweeps/*/study.db")
    storage = f"sqlite:///{database}"
    (name,) = (n for n in optuna.get_all_study_names(storage) if not n.endswith(" curves"))
    return optuna.load_study(study_name=name, storage=storage)


def metrics(folder: Path) -> list[dict[str, Any]]:
    """What a run logged, but for times."""
    lines = (folder / "train" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "step_seconds"} for line in lines]


def segments(folder: Path) -> list[dict[str, Any]]:
    """The stretches of a run's training."""
    return json.loads((folder / "train.json").read_text())["segments"]
