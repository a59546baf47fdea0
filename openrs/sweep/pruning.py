"""What a pruner sees: one curve per run, in a study of its own beside the sweep's.

Optuna's `report` and `should_prune` want one objective, and a pruned trial cannot be opened again. So
the sweep's study holds trials and values, and a second one, `<name> curves`, holds one open trial per
run with its signal: single-objective whatever the sweep looks for, shared by all trials of a run, and
still open when the run goes on after a pruning or a crash.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
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
from openrs.sweep.selection import selection
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
        name: the figure, `rewards.TERM` for a reward before its weight; with a minus before it less is
            better.

    Raises:
        Mistake: training logs no such figure.
    """
    figure = name.removeprefix("-")
    logged_figures = [_figures(line) for line in lines[-WINDOW:]]
    if not all(figure in figures for figures in logged_figures):
        known = ", ".join(logged_figures[-1])
        raise Mistake(f"hydra.sweeper.signal={name}: training logs no {figure}. Known: {known}.")
    value = mean(figures[figure] for figures in logged_figures)
    return -value if name.startswith("-") else value


def _figures(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a logged step by name."""
    terms = {f"rewards.{term}": value for term, value in line.get("rewards", {}).items()}
    return {key: value for key, value in (line | terms).items() if isinstance(value, int | float)}


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
            return Stop("pruned", f"{self.pruner}: {self.name} {last:.4g} at step {line['step']}")
        return None

    def _report(self, line: dict[str, Any]) -> float:
        self.lines.append(line)
        value = signal(self.lines, self.name)
        if line["step"] not in self._reported():
            self.trial.report(value, line["step"])
        return value

    @property
    def pruner(self) -> str:
        """The pruner's name."""
        return type(self.study.pruner).__name__

    def judge(self, points: dict[int, float]) -> bool:
        """Adds scores, by step or by problem, and asks the pruner."""
        known = self._reported()
        for place, value in points.items():
            if place not in known:
                self.trial.report(value, place)
        return self.trial.should_prune()

    def _reported(self) -> dict[int, float]:
        return self.study._storage.get_trial(self.trial._trial_id).intermediate_values

    def last(self) -> float | None:
        """The signal where the run stands, whichever process trained."""
        chosen = selection(self.name)
        if chosen is not None:
            values = [value for _, value in sorted(self._reported().items())]
            return None if not values else values[-1] if chosen.step is None else mean(values)
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
