"""What a pruner sees: one curve per run, in a study of its own beside the sweep's.

Optuna's `report` and `should_prune` want one objective, and a pruned trial cannot be opened again. So
the sweep's study holds trials and values, and a second one, `<name> curves`, holds one open trial per
run with its signal: single-objective whatever the sweep looks for, shared by all trials of a run, and
still open when the run goes on after a pruning or a crash.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from openrs.checkpoints import logged
from openrs.collapse import Stop, Watch
from openrs.mistake import Mistake
from openrs.plan import Plan
from openrs.sweep.sampler import make_pruner
from openrs.sweep.storage import open_storage

RUN = "run"
"""User attribute of a curve: the run's id."""

NUMBER = "trial"
"""User attribute of a curve: the number of the sweep's trial that is drawing it."""

WINDOW = 10
"""Logged steps that a point of the curve is the mean of, as single steps are noise."""


def curves(storage: BaseStorage, name: str, pruner: optuna.pruners.BasePruner | None) -> optuna.Study:
    """The study of a sweep's curves; larger is better."""
    return optuna.create_study(
        storage=storage,
        study_name=f"{name} curves",
        direction="maximize",
        pruner=pruner,
        sampler=optuna.samplers.RandomSampler(),
        load_if_exists=True,
    )


def signal(lines: Sequence[dict[str, Any]], name: str) -> float:
    """The signal after these steps: the mean of a figure over the last `WINDOW` of them.

    Args:
        lines: metrics.jsonl so far.
        name: the figure; with a minus before it less is better.

    Raises:
        Mistake: training logs no such figure.
    """
    figure = name.removeprefix("-")
    values = [line.get(figure) for line in lines[-WINDOW:]]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        known = ", ".join(key for key, value in lines[-1].items() if isinstance(value, int | float))
        raise Mistake(f"hydra.sweeper.signal={name}: training logs no {figure}. Known: {known}.")
    mean = sum(numbers) / len(numbers)
    return -mean if name.startswith("-") else mean


class Curve:
    """The curve of one run."""

    def __init__(self, study: optuna.Study, run: str, name: str, folder: Path) -> None:
        self.study, self.run, self.name, self.folder = study, run, name, folder
        self.trial = self._open()
        self.lines: list[dict[str, Any]] = []

    @classmethod
    def of(cls, plan: Plan, told: dict[str, Any]) -> "Curve":
        """The curve of a plan's run in the sweep's storage.

        Args:
            told: the study, as `openrs.sweep.job.Trial.study` describes it.
        """
        pruner = make_pruner(OmegaConf.create(told["pruner"]))
        study = curves(open_storage(told["storage"], Path()), told["study_name"], pruner)
        curve = cls(study, plan.run.id, told["signal"], plan.run.folder)
        curve.trial.set_user_attr(NUMBER, told["number"])
        return curve

    def _open(self) -> optuna.Trial:
        """The run's open trial; of a run that was finished and is extended, a new one."""
        for trial in reversed(self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))):
            if trial.user_attrs.get(RUN) == self.run:
                return optuna.Trial(self.study, trial._trial_id)
        made = self.study.ask()
        made.set_user_attr(RUN, self.run)
        return made

    def add(self, line: dict[str, Any]) -> Stop | None:
        """Adds a logged step to the curve and asks the pruner."""
        if not self.lines:
            earlier = logged(self.folder / "train" / "metrics.jsonl")
            for item in earlier:
                if item["step"] < line["step"]:
                    self._report(item)
        last = self._report(line)
        if self.trial.should_prune():
            name = type(self.study.pruner).__name__
            return Stop("pruned", f"{name}: {self.name} {last:.4g} at step {line['step']}")
        return None

    def _report(self, line: dict[str, Any]) -> float:
        self.lines.append(line)
        value = signal(self.lines, self.name)
        known = self.study._storage.get_trial(self.trial._trial_id).intermediate_values
        if line["step"] not in known:
            self.trial.report(value, line["step"])
        return value

    def last(self) -> float | None:
        """The signal at the last logged step, whichever process trained."""
        lines = logged(self.folder / "train" / "metrics.jsonl")
        return signal(lines, self.name) if lines else None

    def close(self) -> None:
        """Ends the curve of a run that reached its last step; one that was never drawn is dropped."""
        last = self.last()
        if last is None:
            self.study.tell(self.trial, state=TrialState.FAIL)
        else:
            self.study.tell(self.trial, last)


def watch(plan: Plan, told: dict[str, Any]) -> Watch:
    """Adds every logged step to the run's curve and asks the pruner."""
    made: list[Curve] = []

    def look(line: dict[str, Any]) -> Stop | None:
        if not made:
            made.append(Curve.of(plan, told))
        return made[0].add(line)

    return look
