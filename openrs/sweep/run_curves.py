"""The curves of a sweep's runs, as a pruner sees them, and its answers.

Optuna's `report` and `should_prune` want one objective, and a pruned trial cannot be opened again. So the
sweep's study holds trials and values, and a second study, `<name> curves`, holds one open trial a run with
its signal: single-objective whatever the sweep looks for, shared by all trials of a run, and still open when
the run goes on after a pruning or a crash.

Halving notes that a rung is passed while it is asked, and is not asked about the rung again: a process that
is killed between the answer and the end of its trial would go on as though it had been let through. So the
pruner is asked about a copy of the curves in memory. A stop is stored first, together with the rungs that the
pruner noted; whoever takes the run up later finds the stop. A promotion alone goes on.
"""

from dataclasses import asdict, dataclass, field

import optuna
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.studies.reader import CURVES, TRIAL
from openrs.studies.storage import trial_id, trial_of

RUN = "run"
"""User attribute of a curve: the run's id, or the point's where it is the mean of several runs."""

POINT = "point"
"""User attribute of the curve of a run that is one of several of a point: the point's id. Pruners do not see
it."""

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
    trials: dict[str, int] = field(default_factory=dict)
    """Of a point's runs: run id -> number of the sweep's trial that was its newest."""


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
        elif POINT in curve.user_attrs:  # it keeps its place, as Hyperband's brackets follow from numbers
            curve = create_trial(state=TrialState.FAIL)
        elif curve.state == TrialState.RUNNING:  # of open curves pruners see the rungs alone
            curve = create_trial(state=TrialState.RUNNING, system_attrs=curve.system_attrs)
        copy.add_trial(curve)
    return copy, trial_of(copy, storage, number)


class RunCurve:
    """The open curve of one run, or of a point; opened where there is none.

    Args:
        study: of the curves, with its pruner.
        storage: where the study is.
        run: the run's id, or the point's.
        number: of the sweep's trial that draws the curve; None: several do, as it is a point's.
        values: what is known of the curve already.
        point: the id of the point of which the run is one of several.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        run: str,
        number: int | None,
        values: dict[int, float],
        point: str = "",
    ) -> None:
        self.study, self.storage = study, storage
        curve = open_curve(study, run)
        if curve is None:  # all values in one write: a long run has hundreds
            names = {RUN: run} | ({POINT: point} if point else {})
            started = create_trial(state=TrialState.RUNNING, user_attrs=names, intermediate_values=values)
            study.add_trial(started)
            curve = open_curve(study, run)
        assert curve is not None
        self.number, self.id = curve.number, trial_id(study, storage, curve.number)
        self.trial = optuna.Trial(study, self.id)
        if number is not None:
            self.trial.set_user_attr(TRIAL, number)
        self.draw(values)

    def draw(self, values: dict[int, float]) -> None:
        """Adds values, by step or by problem, that the curve does not have yet."""
        drawn = self.frozen().intermediate_values
        for place, value in values.items():
            if place not in drawn:
                self.trial.report(value, place)

    def judge(
        self,
        reason: str,
        step: int,
        number: int,
        values: dict[int, float] | None = None,
        trials: dict[str, int] | None = None,
    ) -> PruningStop | None:
        """Asks the pruner and stores its answer; None: the run goes on.

        Args:
            reason: what a stop says.
            step: the training step that the run is at.
            number: of the sweep's trial.
            values: to be asked about as though they were drawn. Whoever draws them afterwards asks again
                where it died in between.
            trials: what a point's stop says of its runs.
        """
        curve = self.frozen()
        points = curve.intermediate_values | (values or {})
        copy, trial = copied(self.study, self.number, points, rungs_of(curve))
        stopped = trial.should_prune()
        rungs = rungs_of(copy.get_trials(deepcopy=False)[self.number])
        stop = PruningStop(reason, step, number, rungs, trials or {}) if stopped else None
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
