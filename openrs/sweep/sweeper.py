"""One worker of a sweep: opens the study, takes trials one by one, ends with the report.

The same command started several times, here or on other machines with one storage, is several workers
on one study. A trial is taken under the study's lock and run inside `study.optimize(n_trials=1)`, as
Optuna's heartbeat works nowhere else.
"""

import copy
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException
from optuna.trial import FrozenTrial, TrialState

from openrs.mistake import Mistake
from openrs.recipe import digest
from openrs.sweep import objective, report, sampler, selection, signal, space, study, tasks, workers
from openrs.sweep.budget import reached, refuse
from openrs.sweep.estimate import forecast
from openrs.sweep.heartbeat import beating
from openrs.sweep.outcome import Outcome, read
from openrs.sweep.promotion import next_promotion
from openrs.sweep.storage import Lock, me, one_machine, open_storage

SAMPLES = 20
"""Trials of a sampler where n_trials is not given, as in hydra-optuna-sweeper."""

POLLS = (0.1, 1.0)
"""Seconds between two looks at the trials of other workers: first, and at most."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Failed(Exception):
    """Ends a trial as FAILED; its reason is in the study."""


class Sweep:
    """A sweep as this process sees it."""

    def __init__(
        self, context: HydraContext, task: TaskFunction, config: DictConfig, options: dict[str, Any]
    ) -> None:
        self.context, self.task, self.config = context, task, config
        # from the whole config, as numbers of the paper are scaled by the rest of it; so are params below
        pruner = config.hydra.sweeper.pruner and OmegaConf.to_container(
            config.hydra.sweeper.pruner, resolve=True
        )
        others = {k: v for k, v in options.items() if k not in ("sampler", "pruner")}
        self.options = OmegaConf.create(others | {"pruner": pruner})
        self.sampler = options.get("sampler")
        self.ours = "objective" in config  # False: another Hydra application, whose job returns numbers
        self.patience = tasks.Patience(options["retries"], options["deaths"])
        self.study: Any = None
        """The opened study; None where a plan finds none."""
        self.inflight: set[int] = set()
        self.halt = threading.Event()
        self.unfit = ""
        """Why this machine cannot run a trial of the sweep."""
        self.lost: set[int] = set()
        """Trials that were given to other workers while this process stood still."""
        self.failed_before = 0
        """Attempts that had failed when this command joined."""

    def run(self, arguments: list[str]) -> bool:
        """Does what is missing of the study and reports.

        Args:
            arguments: the task's overrides of the command line.

        Returns:
            False where a trial was left FAILED.

        Raises:
            Mistake: the space, the objectives, the storage or the study are wrong.
        """
        self._numbers()
        params = self.config.hydra.sweeper.params
        self.space = space.parse(arguments, params, self.context.config_loader)
        self._objectives()
        self.extend = self._extender()
        if not self.space.distributions and self.extend is None:
            raise Mistake(
                "sweep: nothing is swept. Give at least one list or interval, as seed=0,1,2, or choose a "
                "file, as sweeps=table1."
            )
        grid = self.extend is None and sampler.is_grid(self.sampler, self.space)
        self.points = self.space.points() if grid else None
        if not grid:
            sampler.rehearse(self.sampler, self.space, self.directions)
        pruner = sampler.make_pruner(self.options.pruner)
        if pruner is not None and self.ours:
            asked, rewards = signal.read(self.options.signal), selection.rewarding(self)
            selection.check(asked, self.config, rewards, type(pruner).__name__)
        self.total = self._total()
        self._address(grid)
        if self.ours and self.config.dry_run:
            self._look()
            return report.plan(self)
        self._open()
        self._budget_holds()
        self._work()
        if self.unfit:
            raise Mistake(f"{self.unfit} The trial was put back for other workers, or this command again.")
        return report.report(self) if self.options.report else True

    def _numbers(self) -> None:
        """Refuses options that no sweep could have."""
        least = {"n_jobs": 1, "retries": 0, "deaths": 0, "heartbeat": 1, "max_failure_rate": 0}
        for name, lowest in least.items():
            if not self.options[name] >= lowest:
                raise Mistake(f"hydra.sweeper.{name}={self.options[name]}: must be {lowest} or more.")

    def _objectives(self) -> None:
        """Reads names and directions, and refuses what the runs will not measure."""
        given = self.options.direction
        given = list(given) if OmegaConf.is_list(given) else [] if given is None else [given]
        given = [str(getattr(item, "name", item)) for item in given]
        for item in given:
            if item not in ("minimize", "maximize"):
                raise Mistake(f"hydra.sweeper.direction={item}: must be minimize or maximize.")
        if self.ours:
            self.objectives = objective.names(self.config.objective)
            objective.check(self.objectives, self.config)
            self.directions = given or objective.directions(self.objectives)
            if len(self.directions) != len(self.objectives):
                raise Mistake(
                    f"hydra.sweeper.direction={self.directions}: {len(self.objectives)} objectives need as "
                    "many directions. Leave it out: every objective knows its own."
                )
        else:
            self.directions = given or ["minimize"]
            self.objectives = tuple(f"value {i}" for i in range(len(self.directions)))

    def _extender(self) -> Any:
        path = self.options.custom_search_space
        if not path:
            return None
        return instantiate({"_target_": path, "_partial_": True}, _execution_whitelist_=path)

    def _total(self) -> int:
        asked = self.options.n_trials
        if asked is not None and (not isinstance(asked, int) or asked < 1):
            raise Mistake(f"hydra.sweeper.n_trials={asked}: must be a number of trials, 1 or more.")
        if self.points is None:
            return SAMPLES if asked is None else int(asked)
        return len(self.points) if asked is None else min(int(asked), len(self.points))

    def _address(self, grid: bool) -> None:
        """Names the study and its folder: by the sweep file, or by a hash of the question; a folder that the
        command line gives is taken as it is."""
        self.question = self.space.stored() | {"grid": grid, "objectives": list(self.objectives)}
        chosen = self.config.hydra.runtime.choices.get("sweeps", "")
        kind = chosen or ("sweep" if chosen == "" else "grid" if grid else "search")
        unique = f"{kind}-{digest(study.asked(self.config, self.question))[:8]}"
        self.name = self.options.study_name or unique
        if self.ours:
            self.question |= {"made_of": study.made_of(self.config)}
        folder = Path(self.config.hydra.sweep.dir)
        given = any(item.split("=")[0] == "hydra.sweep.dir" for item in self.config.hydra.overrides.hydra)
        if chosen is None and not given:
            folder = folder.with_name(unique)
        self.folder = folder.absolute()

    def _look(self) -> None:
        """Opens the study for a plan, where there is one; makes none."""
        if self.options.storage is None and not (self.folder / "study.db").exists():
            return
        storage = open_storage(self.options.storage, self.folder)
        if self.name in optuna.get_all_study_names(storage):
            self.study, _ = study.join(storage, self.name, self.question, self.directions)

    def _open(self) -> None:
        """Opens the study, or makes it; workers that start together make one."""
        self.storage = open_storage(self.options.storage, self.folder, self.options.heartbeat)
        lock = Lock(self.storage, self.name, self.folder)
        lock.acquire()
        try:
            self._join()
            one_machine(self.storage, self.study)
        finally:
            lock.release()

    def _join(self) -> None:
        self.study, new = study.join(self.storage, self.name, self.question, self.directions)
        self.space = study.stored_space(self.study, self.space)
        if new and self.ours:
            self.study.set_user_attr("planned", forecast(self))
        known = tasks.slots(self.study.get_trials(deepcopy=False))
        self.patience = replace(self.patience, forgiven=tasks.left_failed(known, self.patience))
        self.failed_before = self._failures()
        if self.study.user_attrs.get("total") != self.total:
            self.study.set_user_attr("total", self.total)

    def _budget_holds(self) -> None:
        if self.ours:
            self.study.set_user_attr("budget", dict(self.config.budget))
            refuse(self)

    def _tell(self) -> list[str]:
        """Overrides that lead jobs and workers to this study and folder; the config has them too."""
        with read_write(self.config.hydra), open_dict(self.config.hydra):
            hydra = self.config.hydra
            hydra.sweep.dir = str(self.folder)
            hydra.sweeper.study_name = self.name
            if hydra.sweeper.storage is None:
                hydra.sweeper.storage = f"sqlite:///{self.folder / 'study.db'}"
            told = {
                "hydra.sweep.dir": hydra.sweep.dir,
                "hydra.sweeper.study_name": hydra.sweeper.study_name,
                "hydra.sweeper.storage": hydra.sweeper.storage,
            }
            quoted = {k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in told.items()}
            overrides = [f"{key}='{value}'" for key, value in quoted.items()]
            for key in hydra.sweeper.pruner or ():
                if OmegaConf.is_interpolation(hydra.sweeper.pruner, key):
                    overrides.append(f"hydra.sweeper.pruner.{key}={self.options.pruner[key]}")
            hydra.overrides.hydra.extend(overrides)
        return overrides

    def _launcher(self) -> Launcher:
        """A launcher with a config of its own: Hydra changes flags of a config while it instantiates and
        launches from it, which the threads of other workers must not see."""
        return Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.task, config=copy.deepcopy(self.config)
        )

    def _work(self) -> None:
        """Takes trials until none is owed, alone or as `n_jobs` workers."""
        told, number = self._tell(), self.options.n_jobs
        if number > 1 and workers.elsewhere(self.config):
            launchers = [self._launcher() for _ in range(number)]
            workers.prepare(launchers[0])
            workers.threads([partial(self._take_all, launcher) for launcher in launchers], self.halt)
        elif number > 1 and workers.can_repeat(self.config):
            workers.processes(number, self.config, told, self.folder)
        else:
            self._take_all(self._launcher())

    def _take_all(self, launcher: Launcher) -> None:
        """One worker: takes trials until none is owed and no other worker has one."""
        opened = optuna.load_study(study_name=self.name, storage=self.storage)
        lock, told, pause = Lock(self.storage, self.name, self.folder), False, POLLS[0]
        while not self.halt.is_set():
            if self._take(opened, lock, launcher):
                pause = POLLS[0]
            else:
                running = opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
                others = [trial.number for trial in running if trial.number not in self.inflight]
                if not running or (others and not self.options.wait):
                    return
                if others and not told:
                    self.say(f"waiting for other workers: trial {', '.join(map(str, others))}")
                    told = True
                self.halt.wait(pause)
                pause = min(2 * pause, POLLS[1])

    def _take(self, opened: optuna.Study, lock: Lock, launcher: Launcher) -> bool:
        """Takes the next trial and runs it; False where none is to be had."""
        lock.acquire()
        try:
            tasks.reclaim(opened, self.storage, self.inflight, self.options.heartbeat)
            ready = not self._ends(opened) and tasks.enqueue_next(
                opened,
                total=self.total,
                params=lambda slot: {} if self.points is None else self.points[slot],
                patience=self.patience,
                promotions=self._promotion,
            )
            if ready:
                waiting = opened.get_trials(deepcopy=False, states=(TrialState.WAITING,))
                number = min(trial.number for trial in waiting)
                if self.points is None:
                    opened.sampler = sampler.make(self.sampler, number)
                try:
                    opened.optimize(
                        lambda trial: self._objective(trial, lock, launcher), n_trials=1, catch=(Failed,)
                    )
                except ValueError:  # Optuna cannot end what was ended
                    if number not in self.lost:
                        raise
                    self.say(f"trial {number} was given to another worker while this one stood still")
            return ready
        finally:
            lock.release()

    def _ends(self, opened: optuna.Study) -> bool:
        """Whether no further trial is to be taken: failures, of this worker or another, or the budget."""
        if self._failing():
            self.halt.set()
            return True
        if not self.ours:
            return False
        told = reached(self.config.budget, opened.get_trials(deepcopy=False))
        if told:
            self.say(f"{told}: the sweep stops here; a larger budget goes on")
            self.halt.set()
        return bool(told)

    def _failures(self) -> int:
        """Attempts of the study that failed of themselves."""
        ended = self.study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        return sum(tasks.ERROR in trial.user_attrs for trial in ended)

    def _failing(self) -> bool:
        """Whether the failures are as many as end the sweep."""
        if self.options.fail_fast or (self.ours and self.config.fail_fast):
            return self._failures() > self.failed_before
        known = tasks.slots(self.study.get_trials(deepcopy=False))
        return len(tasks.left_failed(known, self.patience)) / self.total > self.options.max_failure_rate

    def _promotion(self, known: dict[int, tasks.Slot]) -> FrozenTrial | None:
        if self.options.pruner is None:
            return None
        return next_promotion(self.options.pruner, self.name, self.storage, known)

    def _objective(self, trial: optuna.Trial, lock: Lock, launcher: Launcher) -> tuple[float, ...]:
        """Runs one trial through Hydra's launcher. Called with the lock, which it frees once it has
        proposed and signed."""
        overrides = self._overrides(trial)
        trial.set_user_attr(tasks.WORKER, me())
        self.inflight.add(trial.number)
        lock.release()
        swept = " ".join(item for item in overrides if item.split("=")[0] in trial.params)
        self.say(f"trial {trial.number}: {swept}")
        try:
            with beating(self.storage, trial._trial_id, self.options.heartbeat):
                outcome = self._launch(launcher, overrides, trial.number)
            if self.storage.get_trial(trial._trial_id).state.is_finished():
                self.lost.add(trial.number)
                raise Failed("another worker took it")
            self._keep(trial, outcome)
        except (KeyboardInterrupt, SystemExit):
            trial.set_user_attr(tasks.DIED, True)
            raise
        finally:
            self.inflight.discard(trial.number)
        return outcome.values

    def _launch(self, launcher: Launcher, overrides: tuple[str, ...], number: int) -> Outcome:
        """One job. A point that Hydra cannot compose is a failed trial, and no reason to try again; a
        launcher that lost its job (a crashed Ray worker, a cancelled SLURM job) is one."""
        try:
            (returned,) = launcher.launch([overrides], initial_job_idx=number)
        except (HydraException, OmegaConfBaseException) as error:
            return Outcome("failed", reason=str(error), again=False)
        except Exception as error:
            return Outcome("failed", reason=f"{type(error).__name__}: {error}")
        return read(returned, len(self.directions))

    def _overrides(self, trial: optuna.Trial) -> tuple[str, ...]:
        for name, distribution in self.space.distributions.items():
            trial._suggest(name, distribution)
        if self.extend is not None:
            for name, value in self.space.fixed.items():
                trial.set_user_attr(name, value)
            self.extend(self.config, trial)
        return self.space.overrides(trial.params)

    def _keep(self, trial: optuna.Trial, outcome: Outcome) -> None:
        """Writes the outcome into the study and ends the trial accordingly.

        Raises:
            TrialPruned: it was pruned.
            Failed: it failed or was stopped.
        """
        if outcome.record:
            trial.set_user_attr(tasks.RECORD, outcome.record)
        if outcome.repeated:
            trial.set_user_attr(tasks.REPEATED, True)
        if outcome.state == "complete":
            return
        trial.set_user_attr(tasks.REASON, outcome.reason[:2000])
        if outcome.state == "pruned":
            self.say(f"trial {trial.number} pruned: {outcome.reason}")
            if len(self.directions) == 1 and outcome.signal is not None and outcome.step is not None:
                sign = 1 if self.directions[0] == "maximize" else -1
                trial.report(sign * outcome.signal, outcome.step)
            raise optuna.TrialPruned(outcome.reason)
        if outcome.state in ("stopped", "unfit"):
            trial.set_user_attr(tasks.PUT_BACK, True)
            self.unfit = outcome.reason if outcome.state == "unfit" else ""
            self.halt.set()
            raise Failed(outcome.reason)
        trial.set_user_attr(tasks.ERROR, outcome.reason[:2000])
        if not outcome.again:
            trial.set_user_attr(tasks.FINAL, True)
        self.say(f"trial {trial.number} failed: {outcome.reason.splitlines()[0] if outcome.reason else ''}")
        raise Failed(outcome.reason)

    def say(self, text: str) -> None:
        """Tells the user what happens, on standard error."""
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)
