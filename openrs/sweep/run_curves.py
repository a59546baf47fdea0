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

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import optuna
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.errors import Mistake
from openrs.studies.reader import CURVES, TRIAL
from openrs.studies.storage import trial_id, trial_of

RUN = "run"
"""User attribute of a curve: the run's id."""

FOLLOWS = "follows"
"""User attribute of a curve that is the mean of several training seeds: the runs before this one."""

TOGETHER = "point"
"""User attribute of curves that an earlier openrs drew of runs whose seeds it judged together."""

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


def stop_of(curve: FrozenTrial | None) -> PruningStop | None:
    """The last stop of a curve's run, if it has one."""
    stored = {} if curve is None else curve.user_attrs.get(STOP, {})
    names = [item.name for item in fields(PruningStop)]  # an earlier openrs stored more
    return PruningStop(**{name: stored[name] for name in names}) if stored else None


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


def refuse_joint_seeds(storage: BaseStorage, name: str) -> None:
    """Refuses a study whose pruner judged the seeds of a point together, as an earlier openrs did.

    Raises:
        Mistake: its stops are of points, and would not hold for their runs.
    """
    if name + CURVES not in optuna.get_all_study_names(storage):
        return
    if any(TOGETHER in curve.user_attrs for curve in curves(storage, name, None).get_trials(deepcopy=False)):
        raise Mistake(
            f"hydra.sweeper.study_name={name}: in this study an earlier openrs pruned the training seeds of "
            "a point together; now they go one after another. Give another hydra.sweeper.study_name: its "
            "trials are answered from the records of the runs that are there."
        )


def copied(
    study: optuna.Study, number: int, values: dict[int, float], rungs: dict[str, float]
) -> tuple[optuna.Study, optuna.Trial]:
    """A copy of the curves in memory, where a pruner may note what it likes, and one curve of the copy.

    Halving compares the newest curves of the points, as it can promote what it stopped for another's lucky
    seed. The stops of other pruners are final, so they compare curves of equally many seeds.

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
    drawn = study.get_trials(deepcopy=False)
    newest = isinstance(study.pruner, HALVING)
    averaged = {run for curve in drawn for run in curve.user_attrs.get(FOLLOWS, ())}
    seeds = len(drawn[number].user_attrs.get(FOLLOWS, ()))
    for curve in drawn:
        follows = len(curve.user_attrs.get(FOLLOWS, ()))
        hidden = curve.user_attrs.get(RUN) in averaged if newest else follows != seeds
        if curve.number == number:
            curve = create_trial(state=TrialState.RUNNING, intermediate_values=values, system_attrs=rungs)
        elif hidden:  # it keeps its place, as Hyperband's brackets follow from numbers
            curve = create_trial(state=TrialState.FAIL)
        elif curve.state == TrialState.RUNNING:  # of open curves pruners see the rungs alone
            curve = create_trial(state=TrialState.RUNNING, system_attrs=curve.system_attrs)
        copy.add_trial(curve)
    return copy, trial_of(copy, storage, number)


class RunCurve:
    """The open curve of one run; opened where there is none.

    Args:
        study: of the curves, with its pruner.
        storage: where the study is.
        run: the run's id.
        number: of the sweep's trial that draws the curve.
        values: what is known of the curve already.
        after: the runs of the seeds before this one: the curve is of the means with theirs.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        run: str,
        number: int,
        values: dict[int, float],
        after: Sequence[str] = (),
    ) -> None:
        self.study, self.storage = study, storage
        self.earlier = earlier_curve(study, after)
        values = means(values, self.earlier)
        curve = open_curve(study, run)
        if curve is None:  # all values in one write: a long run has hundreds
            names = {RUN: run} | ({FOLLOWS: runs_of(self.earlier)} if self.earlier else {})
            started = create_trial(state=TrialState.RUNNING, user_attrs=names, intermediate_values=values)
            study.add_trial(started)
            curve = open_curve(study, run)
        assert curve is not None
        self.number, self.id = curve.number, trial_id(study, storage, curve.number)
        self.trial = optuna.Trial(study, self.id)
        self.trial.set_user_attr(TRIAL, number)
        self._report(values)

    def draw(self, values: dict[int, float]) -> None:
        """Adds values of the run, by step or by problem, that the curve does not have yet."""
        self._report(means(values, self.earlier))

    def _report(self, values: dict[int, float]) -> None:
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


def earlier_curve(study: optuna.Study, runs: Sequence[str]) -> FrozenTrial | None:
    """The closed curve of the last of these runs that has one: the mean of them all."""
    closed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if runs else ()
    curves = {curve.user_attrs.get(RUN): curve for curve in closed}
    return next((curves[run] for run in reversed(runs) if run in curves), None)


def runs_of(curve: FrozenTrial | None) -> list[str]:
    """The runs that a closed curve is the mean of."""
    return [] if curve is None else [*curve.user_attrs.get(FOLLOWS, ()), curve.user_attrs[RUN]]


def means(values: dict[int, float], earlier: FrozenTrial | None) -> dict[int, float]:
    """The means of a run's values with those of earlier seeds, at the places that all of them have."""
    if earlier is None:
        return values
    runs, drawn = len(runs_of(earlier)), earlier.intermediate_values
    return {at: (runs * drawn[at] + value) / (runs + 1) for at, value in values.items() if at in drawn}


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
