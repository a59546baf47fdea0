"""What a pruner sees: one curve per run, in a study of its own beside the sweep's.

Optuna's `report` and `should_prune` want one objective, and a pruned trial cannot be opened again. So
the sweep's study holds trials and values, and a second one, `<name> curves`, holds one open trial per
run with its signal: single-objective whatever the sweep looks for, shared by all trials of a run, and
still open when the run goes on after a pruning or a crash. A curve is opened, judged and closed by who
holds the run's lock.
"""

from statistics import mean
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.plan import Plan
from openrs.records.files import read_lines
from openrs.studies.reader import CURVES, TRIAL
from openrs.sweep import halving_rungs, signal, signal_history, verdict
from openrs.sweep import study_facts as reached
from openrs.sweep.sampler import make_pruner
from openrs.sweep.selection import selection
from openrs.sweep.signal import Signal
from openrs.sweep.verdict import Verdict
from openrs.train.collapse import Stop, StopRule

RUN = "run"
"""User attribute of a curve: the run's id."""


def curves(storage: BaseStorage, name: str, pruner: optuna.pruners.BasePruner | None) -> optuna.Study:
    """The study of a sweep's curves; larger is better."""
    return optuna.create_study(
        storage=storage,
        study_name=name + CURVES,
        direction="maximize",
        pruner=pruner,
        sampler=optuna.samplers.RandomSampler(),
        load_if_exists=True,
    )


def _curves(told: dict[str, Any]) -> optuna.Study:
    """The curves of the study that a job was told of, with its pruner."""
    pruner = make_pruner(OmegaConf.create(told["pruner"]))
    return curves(reached.storage(told["storage"]), told["study_name"], pruner)


def _opened(study: optuna.Study, run: str) -> FrozenTrial | None:
    """The open curve of a run."""
    found = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return next((trial for trial in reversed(found) if trial.user_attrs.get(RUN) == run), None)


class Curve:
    """The open curve of one run."""

    def __init__(
        self,
        study: optuna.Study,
        run: str,
        asked: Signal,
        number: int,
        points: dict[int, float] | None = None,
    ) -> None:
        self.study, self.asked = study, asked
        self.number = number
        found = _opened(study, run)
        if found is None:  # all points in one write: a long run has hundreds
            opened = create_trial(
                state=TrialState.RUNNING, user_attrs={RUN: run}, intermediate_values=points
            )  # fmt: skip
            study.add_trial(opened)
            found = _opened(study, run)
        assert found is not None
        self.trial = optuna.Trial(study, found._trial_id)
        self.trial.set_user_attr(TRIAL, number)
        self.draw(points or {})

    @classmethod
    def of(cls, plan: Plan, told: dict[str, Any], points: dict[int, float] | None = None) -> "Curve":
        """The curve of a plan's run in the sweep's storage.

        Args:
            told: the study, as `openrs.sweep.trial.Trial.study` describes it.
            points: what is known of it already.
        """
        return cls(_curves(told), plan.run.id, told["signal"], told["number"], points)

    def judge(self, points: dict[int, float], step: int, value: float) -> Stop | None:
        """Adds values, by step or by problem, and asks the pruner.

        Args:
            points: the values.
            step: the training step that they are of.
            value: what the signal says there.
        """
        self.draw(points)
        reason = f"{self.pruner}: {signal.told(self.asked)} {value:.4g} at step {step}"
        found = verdict.ask(self.study, self.frozen(), reason, step, self.number)
        return None if found is None else Stop("pruned", found.reason)

    def draw(self, points: dict[int, float]) -> None:
        """Adds values that the curve does not have yet."""
        known = self.frozen().intermediate_values
        for place, value in points.items():
            if place not in known:
                self.trial.report(value, place)

    def frozen(self) -> FrozenTrial:
        """The curve as the storage has it now."""
        return self.study._storage.get_trial(self.trial._trial_id)

    @property
    def pruner(self) -> str:
        """The pruner's name."""
        return type(self.study.pruner).__name__


def level(points: dict[int, float], asked: Signal) -> float | None:
    """Where a curve stands: its last value, or the mean over its problems; None where it has none."""
    if not points:
        return None
    chosen = selection(asked)
    by_problem = chosen is not None and chosen.step is not None
    return mean(points.values()) if by_problem else points[max(points)]


def standing(plan: Plan, told: dict[str, Any]) -> Verdict | None:
    """The verdict by which a trial is answered: its run was stopped, and it does not promote it.

    Args:
        plan: the run, as far as the trial wants it trained.
        told: the study, as `openrs.sweep.trial.Trial.study` describes it.
    """
    config = plan.config
    trains = "train" in config.stages and "train" not in config.force and plan.mix is not None
    if told["pruner"] is None or not trains or plan.trained_to >= config.stop_at:
        return None
    study = _curves(told)
    curve = _opened(study, plan.run.id)
    found = None if curve is None else verdict.stored(study, curve)
    if found is None or found.step >= config.stop_at:
        return None
    promotes = told["promotes"]
    return None if promotes is not None and found.trial <= promotes else found


def finish(plan: Plan, told: dict[str, Any]) -> None:
    """Closes the curve of a run that reached its last step, drawn from its records where nobody watched
    it: it was trained before the sweep, or its process died after training."""
    study, asked = _curves(told), told["signal"]
    points = signal_history.points(plan, asked)
    curve, value = _opened(study, plan.run.id), level(points, asked)
    if value is None:
        if curve is not None:  # opened, and never drawn
            study.tell(curve.number, state=TrialState.FAIL)
        return
    closed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if any(t.user_attrs.get(RUN) == plan.run.id and (t.last_step or 0) >= max(points) for t in closed):
        return
    made = Curve(study, plan.run.id, asked, told["number"], points)
    verdict.note(study._storage, made.frozen(), halving_rungs.noted(study, made.frozen(), points))
    study.tell(made.trial, value)


def watch(plan: Plan, told: dict[str, Any]) -> StopRule:
    """Adds every logged step to the run's curve and asks the pruner."""
    asked, lines = told["signal"], list[dict[str, Any]]()
    made: list[Curve] = []

    def look(line: dict[str, Any]) -> Stop | None:
        if not made:
            earlier = read_lines(plan.run.folder / "train" / "metrics.jsonl")
            lines.extend(item for item in earlier if item["step"] < line["step"])
            made.append(Curve.of(plan, told, signal.points(lines, asked)))
        lines.append(line)
        value = signal.value(lines, asked)
        return made[0].judge({line["step"]: value}, line["step"], value)

    return look
