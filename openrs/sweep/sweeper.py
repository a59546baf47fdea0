"""A sweep as one command sees it: opens the study, has its workers take trials, ends with the report.

The same command started several times, here or on other machines with one storage, is several workers
on one study.
"""

import copy
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from openrs.errors import Mistake
from openrs.records.recipe import digest
from openrs.studies.storage import Lock, address, open_storage
from openrs.sweep import (
    objective,
    point_checks,
    question,
    report,
    sampler,
    selection,
    signal,
    slots,
    space,
    workers,
)
from openrs.sweep.budget import refuse
from openrs.sweep.estimate import forecast
from openrs.sweep.worker import Worker

SAMPLES = 20
"""Trials of a sampler where n_trials is not given, as in hydra-optuna-sweeper."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Sweep:
    """A sweep as this process sees it."""

    def __init__(
        self, context: HydraContext, task: TaskFunction, config: DictConfig, options: DictConfig
    ) -> None:
        self.context, self.task, self.config = context, task, config
        self.options, self.sampler = options, options.sampler
        self.ours = "objective" in config  # False: another Hydra application, whose job returns numbers
        self.patience = slots.Patience(options.retries, options.deaths)
        self.study: Any = None
        """The opened study; None where a plan finds none."""
        self.inflight: set[int] = set()
        self.halt = threading.Event()
        self.unfit = ""
        """Why this machine cannot run a trial of the sweep."""

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
        self.space = space.parse(arguments, self.options.params, self.context.config_loader)
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
        self._look()
        plan = self.ours and self.config.dry_run
        shown = plan and grid and self.total <= report.LISTED  # every point, the wrong ones too
        if self.study is None and not shown:
            point_checks.check(self)
        if plan:
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
        unique = f"{kind}-{digest(question.asked(self.config, self.question))[:8]}"
        self.name = self.options.study_name or unique
        if self.ours:
            self.question |= {"made_of": question.made_of(self.config)}
        folder = Path(self.config.hydra.sweep.dir)
        given = any(item.split("=")[0] == "hydra.sweep.dir" for item in self.config.hydra.overrides.hydra)
        if chosen is None and not given:
            folder = folder.with_name(unique)
        self.folder = folder.absolute()

    def _look(self) -> None:
        """Opens the study where there is one; makes none."""
        if self.options.storage is None and not (self.folder / "study.db").exists():
            return
        storage = open_storage(self.options.storage, self.folder)
        if self.name in optuna.get_all_study_names(storage):
            self.study, _ = question.join(storage, self.name, self.question, self.directions)
            self._forgive()

    def _open(self) -> None:
        """Opens the study, or makes it; workers that start together make one."""
        self.storage = open_storage(self.options.storage, self.folder)
        lock = Lock(address(self.options.storage, self.folder), self.name)
        lock.acquire()
        try:
            self._join()
        finally:
            lock.release()

    def _join(self) -> None:
        self.study, new = question.join(self.storage, self.name, self.question, self.directions)
        self.space = question.stored_space(self.study, self.space)
        if new and self.ours:
            self.study.set_user_attr("planned", forecast(self))
        self._forgive()
        if self.study.user_attrs.get("total") != self.total:
            self.study.set_user_attr("total", self.total)

    def _forgive(self) -> None:
        """Gives what was left FAILED when this command joined, or the one that started it, another try."""
        if self.options.joined is None:
            left = sorted(slots.left_failed(self.study, self.patience))
            self.options.joined = {"forgiven": left, "failed": slots.failures(self.study)}
        self.patience = replace(self.patience, forgiven=frozenset(self.options.joined.forgiven))

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
            workers.threads([Worker(self, launcher).take_all for launcher in launchers], self.halt)
        elif number > 1 and workers.can_repeat(self.config):
            joined = ",".join(f"{key}:{value}" for key, value in self.options.joined.items())
            told.append(f"hydra.sweeper.joined={{{joined}}}")
            workers.processes(number, self.config, told, self.folder)
        else:
            Worker(self, self._launcher()).take_all()

    def say(self, text: str) -> None:
        """Tells the user what happens, on standard error."""
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)
