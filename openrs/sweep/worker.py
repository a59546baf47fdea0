"""One worker of a sweep: takes trials one by one and runs each through Hydra's launcher."""

import threading
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from openrs.config.compose import refusal
from openrs.errors import Mistake
from openrs.processes.interruption import Interrupted
from openrs.studies.liveness import WORKER, beating, me
from openrs.studies.lock import Lock
from openrs.studies.spending import reached
from openrs.studies.storage import open_storage
from openrs.studies.trials import ERROR, FINAL, FROZEN, PUT_BACK, REASON, RECORD, REPEATED, Slot, title
from openrs.sweep import sampler, slots
from openrs.sweep.outcome import Outcome, read
from openrs.sweep.promotion import next_promotion
from openrs.sweep.question import Question
from openrs.sweep.slots import Patience
from openrs.sweep.space import spelled

POLLS = (0.1, 1.0)
"""Seconds between two looks at the trials of other workers: first, and at most."""

KEPT = 2000
"""Characters of an error that the study keeps."""


@dataclass
class SharedState:
    """What the workers of one process share."""

    inflight: set[int] = field(default_factory=set)
    """Numbers of the trials that they run."""
    halt: threading.Event = field(default_factory=threading.Event)
    """Set where no further trial is to be taken."""
    unfit: str = ""
    """Why this machine cannot run a trial of the sweep."""


class Worker:
    """A worker of a sweep, with the study as this worker sees it.

    Args:
        question: the sweep's.
        options: the sweeper's.
        patience: how often a slot is tried.
        shared: what this process's workers share.
        launcher: Hydra's, of this worker alone.
    """

    def __init__(
        self,
        question: Question,
        options: DictConfig,
        patience: Patience,
        shared: SharedState,
        launcher: Launcher,
    ) -> None:
        self.question, self.options, self.patience = question, options, patience
        self.shared, self.launcher = shared, launcher
        self.storage = open_storage(question.storage, question.folder)
        self.study = optuna.load_study(study_name=question.name, storage=self.storage)
        self.lock = Lock(question.storage, question.name)

    def take_all(self) -> None:
        """Takes trials until none is owed and no other worker has one."""
        waiting, pause = False, POLLS[0]
        while not self.shared.halt.is_set():
            if self._take():
                pause = POLLS[0]
                continue
            running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            others = [trial for trial in running if trial.number not in self.shared.inflight]
            if not running or (others and not self.options.wait):
                return
            if others and not waiting:
                self.question.say(f"waiting for other workers: {', '.join(map(title, others))}")
                waiting = True
            self.shared.halt.wait(pause)
            pause = min(2 * pause, POLLS[1])

    def _take(self) -> bool:
        """Takes the next trial and runs it; False where none is to be had."""
        self.lock.acquire()
        try:
            slots.reclaim(self.study, self.shared.inflight, self.options.heartbeat)
            points, prunes = self.question.points, self.options.pruner is not None
            if self._ends() or not slots.enqueue_next(
                self.study,
                points=points.members if prunes else [[slot] for slot in range(points.total)],
                params=points.params,
                replicates=max(1, len(points.seeds)),
                patience=self.patience,
                promotions=self._promotion,
            ):
                return False
            trial = self._propose()
            trial.set_user_attr(WORKER, me())
            if FROZEN in trial.user_attrs:
                self._end(trial, Outcome("pruned", reason=trial.user_attrs[FROZEN]))
                return True
            self.shared.inflight.add(trial.number)
        finally:
            self.lock.release()
        self._run(trial)
        return True

    def _ends(self) -> bool:
        """Whether no further trial is to be taken: failures, of this worker or another, or the budget."""
        if self._failing():
            self.shared.halt.set()
            return True
        if not self.question.typed:
            return False
        reason = reached(self.question.points.config.budget, self.study.get_trials(deepcopy=False))
        if reason:
            self.question.say(f"{reason}: the sweep stops here; a larger budget goes on")
            self.shared.halt.set()
        return bool(reason)

    def _failing(self) -> bool:
        """Whether the failures are as many as end the sweep."""
        config = self.question.points.config
        if self.options.fail_fast or (self.question.typed and config.fail_fast):
            return slots.failures(self.study) > self.patience.failed
        left = slots.left_failed(self.study, self.patience)
        return len(left) / self.question.points.total > self.options.max_failure_rate

    def _promotion(self, taken: dict[int, Slot], best: bool) -> FrozenTrial | None:
        if self.options.pruner is None:
            return None
        return next_promotion(self.options.pruner, self.question.name, self.storage, taken, best)

    def _propose(self) -> optuna.Trial:
        """Starts the trial that waits, with its parameters."""
        points = self.question.points
        if points.grid is None:
            waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            number = min(trial.number for trial in waiting)
            self.study.sampler = sampler.make(self.options.sampler, number)
        trial = self.study.ask(points.space.distributions)
        if self.question.extend is not None:
            for name, value in points.space.fixed.items():
                trial.set_user_attr(name, value)
            self.question.extend(points.config, trial)
        return trial

    def _run(self, trial: optuna.Trial) -> None:
        """Runs a trial through Hydra's launcher and ends it accordingly."""
        swept = " ".join(f"{key}={spelled(value)}" for key, value in trial.params.items())
        try:
            with beating(trial, self.options.heartbeat):
                self.question.say(f"{title(trial)}: {swept}")
                outcome = self._launch(trial.params, trial.number)
            self._end(trial, outcome)
        except (UpdateFinishedTrialError, ValueError):
            # what Optuna comes to where it is to end a trial that another worker has ended
            if not self.study.get_trials(deepcopy=False)[trial.number].state.is_finished():
                raise
            self.question.say(f"{title(trial)} was given to another worker while this one stood still")
        except BaseException as error:  # whoever takes the trial up need not wait for signs of life
            if isinstance(error, Interrupted):
                trial.set_user_attr(PUT_BACK, True)
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        finally:
            self.shared.inflight.discard(trial.number)

    def _launch(self, params: dict[str, Any], number: int) -> Outcome:
        """One job. A point that Hydra cannot compose is a failed trial, and no reason to try again; a
        launcher that lost its job (a crashed Ray worker, a cancelled SLURM job) is one."""
        try:
            overrides = self.question.points.overrides(params)
        except Mistake as error:
            return Outcome("failed", reason=str(error), again=False)
        try:
            (returned,) = self.launcher.launch([overrides], initial_job_idx=number)
        except (HydraException, OmegaConfBaseException) as error:
            return Outcome("failed", reason=refusal(error), again=False)
        except Exception as error:
            return Outcome("failed", reason=f"{type(error).__name__}: {error}")
        return read(returned, len(self.question.directions))

    def _end(self, trial: optuna.Trial, outcome: Outcome) -> None:
        """Writes the outcome into the study and ends the trial."""
        if outcome.record:
            trial.set_user_attr(RECORD, outcome.record)
        if outcome.repeated:
            trial.set_user_attr(REPEATED, True)
        if outcome.state == "complete":
            self.study.tell(trial, list(outcome.values))
            return
        trial.set_user_attr(REASON, outcome.reason[:KEPT])
        if outcome.state == "pruned":
            self._end_pruned(trial, outcome)
            return
        if outcome.state == "failed":
            trial.set_user_attr(ERROR, outcome.reason[:KEPT])
            if not outcome.again:
                trial.set_user_attr(FINAL, True)
            first = outcome.reason.splitlines()[0] if outcome.reason else ""
            self.question.say(f"{title(trial)} failed: {first}")
        else:
            trial.set_user_attr(PUT_BACK, True)
            if outcome.state == "unfit":
                self.shared.unfit = outcome.reason
            self.shared.halt.set()
        self.study.tell(trial, state=TrialState.FAIL)

    def _end_pruned(self, trial: optuna.Trial, outcome: Outcome) -> None:
        """A sampler sees the signal where the trial was stopped, if there is one objective."""
        self.question.say(f"{title(trial)} pruned: {outcome.reason}")
        if len(self.question.directions) == 1 and outcome.signal is not None and outcome.step is not None:
            sign = 1 if self.question.directions[0] == "maximize" else -1
            trial.report(sign * outcome.signal, outcome.step)
        self.study.tell(trial, state=TrialState.PRUNED)
