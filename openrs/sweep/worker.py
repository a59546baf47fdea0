"""One worker of a sweep: takes trials one by one and runs each through Hydra's launcher.

A trial is taken under the study's lock and run inside `study.optimize(n_trials=1)`, as Optuna's heartbeat
works nowhere else.
"""

from typing import TYPE_CHECKING

import optuna
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf.errors import OmegaConfBaseException
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from openrs.config.compose import refusal
from openrs.studies.liveness import WORKER, beating, me
from openrs.studies.spending import reached
from openrs.studies.storage import Lock, address
from openrs.studies.trials import ERROR, FINAL, PUT_BACK, REASON, RECORD, REPEATED, Slot
from openrs.sweep import sampler, slots
from openrs.sweep.outcome import Outcome, read
from openrs.sweep.promotion import next_promotion

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

POLLS = (0.1, 1.0)
"""Seconds between two looks at the trials of other workers: first, and at most."""


class Failed(Exception):
    """Ends a trial as FAILED; its reason is in the study."""


class Worker:
    """A worker of this process's sweep, with the study as it sees it.

    Args:
        launcher: Hydra's, of its own.
    """

    def __init__(self, sweep: "Sweep", launcher: Launcher) -> None:
        self.sweep, self.launcher = sweep, launcher
        self.opened = optuna.load_study(study_name=sweep.name, storage=sweep.storage)
        self.lock = Lock(address(sweep.options.storage, sweep.folder), sweep.name)

    def take_all(self) -> None:
        """Takes trials until none is owed and no other worker has one."""
        opened, told, pause = self.opened, False, POLLS[0]
        while not self.sweep.halt.is_set():
            if self._take():
                pause = POLLS[0]
            else:
                running = opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
                others = [trial.number for trial in running if trial.number not in self.sweep.inflight]
                if not running or (others and not self.sweep.options.wait):
                    return
                if others and not told:
                    self.sweep.say(f"waiting for other workers: trial {', '.join(map(str, others))}")
                    told = True
                self.sweep.halt.wait(pause)
                pause = min(2 * pause, POLLS[1])

    def _take(self) -> bool:
        """Takes the next trial and runs it; False where none is to be had."""
        opened = self.opened
        self.lock.acquire()
        try:
            slots.reclaim(opened, self.sweep.inflight, self.sweep.options.heartbeat)
            ready = not self._ends() and slots.enqueue_next(
                opened,
                total=self.sweep.total,
                params=lambda slot: {} if self.sweep.points is None else self.sweep.points[slot],
                patience=self.sweep.patience,
                promotions=self._promotion,
            )
            if ready:
                waiting = opened.get_trials(deepcopy=False, states=(TrialState.WAITING,))
                number = min(trial.number for trial in waiting)
                if self.sweep.points is None:
                    opened.sampler = sampler.make(self.sweep.sampler, number)
                try:
                    opened.optimize(self._objective, n_trials=1, catch=(Failed,))
                except (ValueError, AssertionError, UpdateFinishedTrialError):
                    # what Optuna comes to where it is to end a trial that another worker has ended
                    if not opened.get_trials(deepcopy=False)[number].state.is_finished():
                        raise
                    self.sweep.say(f"trial {number} was given to another worker while this one stood still")
            return ready
        finally:
            self.lock.release()

    def _ends(self) -> bool:
        """Whether no further trial is to be taken: failures, of this worker or another, or the budget."""
        if self._failing():
            self.sweep.halt.set()
            return True
        if not self.sweep.ours:
            return False
        told = reached(self.sweep.config.budget, self.opened.get_trials(deepcopy=False))
        if told:
            self.sweep.say(f"{told}: the sweep stops here; a larger budget goes on")
            self.sweep.halt.set()
        return bool(told)

    def _failing(self) -> bool:
        """Whether the failures are as many as end the sweep."""
        if self.sweep.options.fail_fast or (self.sweep.ours and self.sweep.config.fail_fast):
            return slots.failures(self.opened) > self.sweep.options.joined.failed
        left = slots.left_failed(self.opened, self.sweep.patience)
        return len(left) / self.sweep.total > self.sweep.options.max_failure_rate

    def _promotion(self, known: dict[int, Slot]) -> FrozenTrial | None:
        if self.sweep.options.pruner is None:
            return None
        return next_promotion(self.sweep.options.pruner, self.sweep.name, self.sweep.storage, known)

    def _objective(self, trial: optuna.Trial) -> tuple[float, ...]:
        """Runs one trial through Hydra's launcher. Called with the lock, which it frees once it has
        proposed and signed."""
        overrides = self._overrides(trial)
        try:
            trial.set_user_attr(WORKER, me())
            with beating(trial, self.sweep.options.heartbeat):
                self.sweep.inflight.add(trial.number)
                self.lock.release()
                swept = " ".join(item for item in overrides if item.split("=")[0] in trial.params)
                self.sweep.say(f"trial {trial.number}: {swept}")
                outcome = self._launch(overrides, trial.number)
            self._keep(trial, outcome)
        finally:
            self.sweep.inflight.discard(trial.number)
        return outcome.values

    def _launch(self, overrides: tuple[str, ...], number: int) -> Outcome:
        """One job. A point that Hydra cannot compose is a failed trial, and no reason to try again; a
        launcher that lost its job (a crashed Ray worker, a cancelled SLURM job) is one."""
        try:
            (returned,) = self.launcher.launch([overrides], initial_job_idx=number)
        except (HydraException, OmegaConfBaseException) as error:
            return Outcome("failed", reason=refusal(error), again=False)
        except Exception as error:
            return Outcome("failed", reason=f"{type(error).__name__}: {error}")
        return read(returned, len(self.sweep.directions))

    def _overrides(self, trial: optuna.Trial) -> tuple[str, ...]:
        for name, distribution in self.sweep.space.distributions.items():
            trial._suggest(name, distribution)
        if self.sweep.extend is not None:
            for name, value in self.sweep.space.fixed.items():
                trial.set_user_attr(name, value)
            self.sweep.extend(self.sweep.config, trial)
        return self.sweep.space.overrides(trial.params)

    def _keep(self, trial: optuna.Trial, outcome: Outcome) -> None:
        """Writes the outcome into the study and ends the trial accordingly.

        Raises:
            TrialPruned: it was pruned.
            Failed: it failed or was stopped.
        """
        if outcome.record:
            trial.set_user_attr(RECORD, outcome.record)
        if outcome.repeated:
            trial.set_user_attr(REPEATED, True)
        if outcome.state == "complete":
            return
        trial.set_user_attr(REASON, outcome.reason[:2000])
        if outcome.state == "pruned":
            self.sweep.say(f"trial {trial.number} pruned: {outcome.reason}")
            if len(self.sweep.directions) == 1 and outcome.signal is not None and outcome.step is not None:
                sign = 1 if self.sweep.directions[0] == "maximize" else -1
                trial.report(sign * outcome.signal, outcome.step)
            raise optuna.TrialPruned(outcome.reason)
        if outcome.state in ("stopped", "unfit"):
            trial.set_user_attr(PUT_BACK, True)
            if outcome.state == "unfit":
                self.sweep.unfit = outcome.reason
            self.sweep.halt.set()
            raise Failed(outcome.reason)
        trial.set_user_attr(ERROR, outcome.reason[:2000])
        if not outcome.again:
            trial.set_user_attr(FINAL, True)
        self.sweep.say(
            f"trial {trial.number} failed: {outcome.reason.splitlines()[0] if outcome.reason else ''}"
        )
        raise Failed(outcome.reason)
