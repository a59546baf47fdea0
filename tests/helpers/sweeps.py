"""Real nano runs as small as they can be, for tests of whole sweeps."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna

from tests.helpers import commands
from tests.helpers.jobs import killed

SMALL = [
    "experiment=exp2", "scale=nano", "steps.total=2", "steps.save_every=1", "report_step=1",
    "algorithm.prompts_per_step=2", "evaluation.max_problems=4", "evaluation.max_new_tokens=64",
    "evaluation.benchmarks=[aime24]",
]  # fmt: skip
TRAINING = [*SMALL, "steps.total=3", "stages=[train]", "objective=reward"]
"""Three steps and no evaluation."""


def sweep(*arguments: str, timeout: float = 580, **more) -> subprocess.CompletedProcess[str]:
    """Runs a sweep to its end."""
    return commands.openrs("-m", *arguments, timeout=timeout, **more)


def start(*arguments: str) -> commands.Process:
    """Starts a sweep in a process group of its own."""
    return commands.start("-m", *arguments)


def killed_when(happened: Callable[[], object], *arguments: str) -> None:
    """Starts a sweep and kills it with -9, its processes too, as soon as something has happened."""
    killed(["-m", *arguments], happened, timeout=400)


def study_of(outputs: Path) -> optuna.Study:
    """The study of the only sweep under an outputs folder."""
    (database,) = outputs.glob("sweeps/*/study.db")
    storage = f"sqlite:///{database}"
    (name,) = (n for n in optuna.get_all_study_names(storage) if not n.endswith(" curves"))
    return optuna.load_study(study_name=name, storage=storage)
