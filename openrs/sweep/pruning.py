"""Pruning: one curve a run, judged by Optuna's pruner, and stops that outlive the process that heard them.

Optuna's `report` and `should_prune` want one objective, and a pruned trial cannot be opened again. So the
sweep's study holds trials and values, and a second study, `<name> curves`, holds one open trial a run with
its signal: single-objective whatever the sweep looks for, shared by all trials of a run, and still open when
the run goes on after a pruning or a crash. A curve is opened, judged and closed with the run's lock.

Halving notes that a rung is passed while it is asked, and is not asked about the rung again: a process that
is killed between the answer and the end of its trial would go on as though it had been let through. So the
pruner is asked about a copy of the curves in memory. A stop is stored first, together with the rungs that the
pruner noted; whoever takes the run up later finds the stop. A promotion alone goes on.
"""

from dataclasses import asdict, dataclass
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.plan import Plan
from openrs.records.training import logged_steps
from openrs.studies.reader import CURVES, TRIAL
from openrs.studies.storage import trial_id, trial_of
from openrs.sweep import signal, signal_history
from openrs.sweep.link import StudyLink, opened
from openrs.sweep.sampler import make_pruner
from openrs.train.collapse import Stop, StopRule

RUN = "run"
"""User attribute of a curve: the run's id."""

STOP = "verdict"
"""User attribute of a curve: the last stop of its run."""

RUNG = "completed_rung_"
"""Begins the system attributes in which halving notes the signal at each rung that a curve passed."""

HALVING = (SuccessiveHalvingPruner, HyperbandPruner)
"""Pruners that compare runs at rungs."""


@dataclass(frozen=True)
class PruningStop:
    """A pruner's answer that a run is to stop."""

    reason: str
    step: int
    """The training step after which the pruner was asked."""
    trial: int
    """Number of the sweep's trial that was running."""
    rungs: dict[str, float]
    """What halving noted with the answer: system attribute -> the signal at the rung."""


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


def copied(
    study: optuna.Study, number: int, values: dict[int, float], rungs: dict[str, float]
) -> tuple[optuna.Study, optuna.Trial]:
    """A copy of the curves in memory, where a pruner may note what it likes, and one curve of the copy.

    Args:
        study: of the curves, with its pruner.
        number: of the one curve.
        values: of the one curve, instead of its own.
        rungs: of the one curve, instead of its own.
    """
    storage = optuna.storages.InMemoryStorage()
    copy = optuna.create_study(
        storage=storage,
        study_name=study.study_name,  # Hyperband's brackets depend on it
        direction="maximize",
        pruner=study.pruner,
        sampler=optuna.samplers.RandomSampler(),
    )
    for curve in study.get_trials(deepcopy=False):
        if curve.number == number:
            curve = create_trial(state=TrialState.RUNNING, intermediate_values=values, system_attrs=rungs)
        elif curve.state == TrialState.RUNNING:  # of open curves pruners see the rungs alone
            curve = create_trial(state=TrialState.RUNNING, system_attrs=curve.system_attrs)
        copy.add_trial(curve)
    return copy, trial_of(copy, storage, number)


class RunCurve:
    """The open curve of one run; opened where the run has none.

    Args:
        study: of the curves, with its pruner.
        storage: where the study is.
        run: the run's id.
        number: of the sweep's trial that draws the curve.
        values: what is known of the curve already.
    """

    def __init__(
        self, study: optuna.Study, storage: BaseStorage, run: str, number: int, values: dict[int, float]
    ) -> None:
        self.study, self.storage = study, storage
        curve = open_curve(study, run)
        if curve is None:  # all values in one write: a long run has hundreds
            started = create_trial(
                state=TrialState.RUNNING, user_attrs={RUN: run}, intermediate_values=values
            )
            study.add_trial(started)
            curve = open_curve(study, run)
        assert curve is not None
        self.number, self.id = curve.number, trial_id(study, storage, curve.number)
        self.trial = optuna.Trial(study, self.id)
        self.trial.set_user_attr(TRIAL, number)
        self.draw(values)

    @classmethod
    def of(cls, plan: Plan, link: StudyLink, values: dict[int, float]) -> "RunCurve":
        """The curve of a plan's run."""
        return cls(_curves(link), opened(link.storage), plan.run.id, link.number, values)

    def draw(self, values: dict[int, float]) -> None:
        """Adds values, by step or by problem, that the curve does not have yet."""
        drawn = self.frozen().intermediate_values
        for place, value in values.items():
            if place not in drawn:
                self.trial.report(value, place)

    def judge(self, reason: str, step: int, number: int) -> PruningStop | None:
        """Asks the pruner and stores its answer; None: the run goes on.

        Args:
            reason: what a stop says.
            step: the training step that the run is at.
            number: of the sweep's trial.
        """
        curve = self.frozen()
        copy, trial = copied(self.study, self.number, curve.intermediate_values, rungs_of(curve))
        stopped = trial.should_prune()
        rungs = rungs_of(copy.get_trials(deepcopy=False)[self.number])
        stop = PruningStop(reason, step, number, rungs) if stopped else None
        if stop is not None:
            self.trial.set_user_attr(STOP, asdict(stop))
        self.note(rungs)
        return stop

    def note(self, rungs: dict[str, float]) -> None:
        """Stores rungs that the curve does not have yet, for other runs to be compared with."""
        stored = self.frozen().system_attrs
        for key, value in rungs.items():
            if key not in stored:
                self.storage.set_trial_system_attr(self.id, key, value)

    def replay(self, values: dict[int, float]) -> None:
        """Notes the rungs of a curve that nobody judged: the pruner is asked at each value in turn, and again
        while it passes rungs."""
        if not isinstance(self.study.pruner, HALVING):
            return
        copy, trial = copied(self.study, self.number, {}, {})
        for step in sorted(values):
            trial.report(values[step], step)
            while _passes_rung(copy, trial):
                pass
        self.note(rungs_of(copy.get_trials(deepcopy=False)[self.number]))

    def frozen(self) -> FrozenTrial:
        """The curve as the storage has it now."""
        return self.storage.get_trial(self.id)


def rungs_of(curve: FrozenTrial) -> dict[str, float]:
    """The rungs that a curve passed, the first first: Optuna's system attribute -> the signal there."""
    passed = [item for item in curve.system_attrs.items() if item[0].startswith(RUNG)]
    return dict(sorted(passed, key=lambda item: int(item[0].removeprefix(RUNG))))


def _passes_rung(study: optuna.Study, trial: optuna.Trial) -> bool:
    before = len(rungs_of(study.get_trials(deepcopy=False)[trial.number]))
    trial.should_prune()
    return len(rungs_of(study.get_trials(deepcopy=False)[trial.number])) > before


def open_curve(study: optuna.Study, run: str) -> FrozenTrial | None:
    """The open curve of a run."""
    curves = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return next((curve for curve in reversed(curves) if curve.user_attrs.get(RUN) == run), None)


def _curves(link: StudyLink) -> optuna.Study:
    """The curves of the study that a job is linked to, with its pruner."""
    return curves(opened(link.storage), link.study, make_pruner(OmegaConf.create(link.pruner)))


def standing(plan: Plan, link: StudyLink) -> PruningStop | None:
    """The stop by which a trial is answered: its run was stopped, and the trial does not promote it.

    Args:
        plan: the run, as far as the trial wants it trained.
    """
    config = plan.config
    trains = "train" in config.stages and "train" not in config.force and plan.mix is not None
    if link.pruner is None or not trains or plan.trained_to >= config.stop_at:
        return None
    study = _curves(link)
    curve = open_curve(study, plan.run.id)
    if curve is None or STOP not in curve.user_attrs:
        return None
    stop = PruningStop(**curve.user_attrs[STOP])
    # a process that died between storing its stop and noting the rungs left them to be noted
    RunCurve(study, opened(link.storage), plan.run.id, link.number, {}).note(stop.rungs)
    if stop.step >= config.stop_at or (link.promotes is not None and stop.trial <= link.promotes):
        return None
    return stop


def finish(plan: Plan, link: StudyLink) -> None:
    """Closes the curve of a run that reached its last step. Where nobody watched the run, as it was trained
    before the sweep or its process died after training, the curve is drawn from the records."""
    study = _curves(link)
    values = signal_history.recorded(plan, link.signal)
    curve, value = open_curve(study, plan.run.id), signal.level(values, link.signal)
    if value is None:
        if curve is not None:  # opened, and never drawn
            study.tell(curve.number, state=TrialState.FAIL)
        return
    closed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if any(c.user_attrs.get(RUN) == plan.run.id and (c.last_step or 0) >= max(values) for c in closed):
        return
    drawn = RunCurve.of(plan, link, values)
    drawn.replay(values)
    study.tell(drawn.number, value)


def judge(plan: Plan, link: StudyLink, values: dict[int, float], step: int) -> PruningStop | None:
    """Adds the scores of a checkpoint to the run's curve and asks the pruner."""
    value = signal.level(values, link.signal)
    assert value is not None
    return RunCurve.of(plan, link, values).judge(_reason(link, value, step), step, link.number)


def stop_rule(plan: Plan, link: StudyLink) -> StopRule:
    """Adds every logged step to the run's curve and asks the pruner. The storage is opened at the first step:
    of several training processes only one looks."""
    lines = list[dict[str, Any]]()
    opened_curves: list[RunCurve] = []

    def rule(line: dict[str, Any]) -> Stop | None:
        if not opened_curves:
            earlier = logged_steps(plan.run.folder / "train")
            lines.extend(item for item in earlier if item["step"] < line["step"])
            opened_curves.append(RunCurve.of(plan, link, signal.values(lines, link.signal)))
        lines.append(line)
        curve, step, value = opened_curves[0], line["step"], signal.value(lines, link.signal)
        curve.draw({step: value})
        stop = curve.judge(_reason(link, value, step), step, link.number)
        return None if stop is None else Stop("pruned", stop.reason)

    return rule


def _reason(link: StudyLink, value: float, step: int) -> str:
    assert link.pruner is not None
    pruner = str(link.pruner["_target_"]).rsplit(".", 1)[-1]
    return f"{pruner}: {signal.text(link.signal)} {value:.4g} at step {step}"
