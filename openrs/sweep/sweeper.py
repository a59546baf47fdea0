"""A sweep as one command sees it: opens the study, has its workers take trials, ends with the report.

The same command started several times, here or on other machines with one storage, is several workers
on one study.
"""

import copy
from dataclasses import replace
from pathlib import Path

import optuna
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from openrs.errors import DENIED, Mistake
from openrs.records.run import say_read_only
from openrs.studies.lock import Lock
from openrs.studies.reader import QUESTION
from openrs.studies.spending import limits, spent
from openrs.studies.storage import open_storage, unusable
from openrs.studies.trials import RECORD, title
from openrs.sweep import budget, points, report, slots, workers
from openrs.sweep.estimate import estimate, forecast
from openrs.sweep.joining import join
from openrs.sweep.question import Question, read_question
from openrs.sweep.run_curves import refuse_joint_seeds
from openrs.sweep.slots import Patience
from openrs.sweep.worker import SharedState, Worker


class Sweep:
    """A sweep of one command.

    Args:
        context: Hydra's.
        task: the job.
        config: the whole config.
        options: the sweeper's, checked.
    """

    def __init__(
        self, context: HydraContext, task: TaskFunction, config: DictConfig, options: DictConfig
    ) -> None:
        self.context, self.task, self.config, self.options = context, task, config, options

    def run(self, arguments: list[str]) -> bool:
        """Does what is missing of the study and reports.

        Args:
            arguments: the task's overrides of the command line.

        Returns:
            False where a trial was left FAILED.

        Raises:
            Mistake: the space, the objectives, the storage or the study are wrong.
        """
        question = read_question(arguments, self.config, self.options, self.context.config_loader)
        try:
            return self._run(question)
        except (SQLAlchemyError, StorageInternalError) as error:
            raise unusable(question.storage, error) from error

    def _run(self, question: Question) -> bool:
        study = _existing(question)
        plans = question.typed and self.config.dry_run
        # a plan lists every point of a small grid, the wrong ones too
        listed = plans and question.points.grid is not None and question.points.total <= report.LISTED
        if study is None and question.extend is None and not listed:
            points.check(question.points, question.typed)
        if plans:
            return report.plan(question, study, self._patience(study), workers.described(self.config))
        if study is None or self._owed(question, study):
            workers.require_slurm(self.config)
        try:
            study, question = self._open(question)
        except OSError as error:
            if study is None or error.errno not in DENIED or self._owed(question, study):
                raise
            say_read_only(question.folder, str(error.strerror))
            return report.report(question, study, self.options)
        patience = self._patience(study)
        if question.typed:
            for trial in slots.without_run(study, self._outputs):
                run = Path(trial.user_attrs[RECORD]["folder"]).name
                question.say(f"{title(trial)}: its run {run} is gone, so it is made again")
            self._hold_budget(question, study, patience)
        shared = SharedState()
        self._work(question, patience, shared)
        if shared.unfit:
            raise Mistake(f"{shared.unfit} The trial was put back for other workers, or this command again.")
        return report.report(question, study, self.options) if self.options.report else True

    @property
    def _outputs(self) -> Path:
        return Path(
            OmegaConf.select(self.config, "outputs") or "outputs"
        )  # another application may have none

    def _patience(self, study: optuna.Study | None) -> Patience:
        return slots.patience(self.options, study, self._outputs)

    def _owed(self, question: Question, study: optuna.Study) -> list[int]:
        patience = self._patience(study)
        return slots.owed_slots(study.get_trials(deepcopy=False), question.points.total, patience)

    def _open(self, question: Question) -> tuple[optuna.Study, Question]:
        """Joins the study, or makes it; workers that start together make one. The question comes back with
        the study's own distributions."""
        try:
            question.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Mistake(
                f"hydra.sweep.dir={question.folder}: cannot be made ({error.strerror}). Give a folder that "
                "can be written to, with it or with outputs=PATH."
            ) from error
        lock = Lock(question.storage, question.name)
        lock.acquire()
        try:
            storage = open_storage(question.storage, question.folder)
            if self.options.pruner is not None:
                refuse_joint_seeds(storage, question.name)
            study, new = join(storage, question.name, question.stored, question.directions)
            swept = question.points.space.with_stored(study.user_attrs[QUESTION])
            question = replace(question, points=replace(question.points, space=swept))
            if new and question.typed:
                study.set_user_attr("planned", forecast(question.points, range(question.points.total)))
            if study.user_attrs.get("total") != question.points.total:
                study.set_user_attr("total", question.points.total)
            return study, question
        finally:
            lock.release()

    def _hold_budget(self, question: Question, study: optuna.Study, patience: Patience) -> None:
        """Refuses a sweep whose plan costs more than its budget; says where the plan is not known."""
        study.set_user_attr("budget", dict(self.config.budget))
        budget.check(self.config)
        if not limits(self.config.budget):
            return
        trials = study.get_trials(deepcopy=False)
        owed = slots.owed_slots(trials, question.points.total, patience)
        for line in budget.hold(self.config, spent(trials), estimate(question.points, owed)):
            question.say(line)

    def _address(self, question: Question) -> list[str]:
        """Overrides that lead jobs and workers to this study and folder; the config has them too."""
        with read_write(self.config.hydra), open_dict(self.config.hydra):
            hydra = self.config.hydra
            hydra.sweep.dir = str(question.folder)
            hydra.sweeper.study_name = question.name
            hydra.sweeper.storage = question.storage
            values = {
                "hydra.sweep.dir": hydra.sweep.dir,
                "hydra.sweeper.study_name": hydra.sweeper.study_name,
                "hydra.sweeper.storage": hydra.sweeper.storage,
            }
            quoted = {k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in values.items()}
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

    def _work(self, question: Question, patience: Patience, shared: SharedState) -> None:
        """Takes trials until none is owed, alone or as `n_jobs` workers."""
        overrides, number = self._address(question), self.options.n_jobs

        def worker(launcher: Launcher) -> Worker:
            return Worker(question, self.options, patience, shared, launcher)

        if number > 1 and workers.elsewhere(self.config):
            launchers = [self._launcher() for _ in range(number)]
            workers.prepare(launchers[0])
            workers.threads([worker(launcher).take_all for launcher in launchers], shared.halt)
        elif number > 1 and workers.can_repeat(self.config):
            overrides.append(f"hydra.sweeper.joined={patience.joined}")
            workers.processes(number, self.config, overrides, question.folder)
        else:
            worker(self._launcher()).take_all()


def _existing(question: Question) -> optuna.Study | None:
    """The study where there is one; none is made."""
    path = question.storage.removeprefix("sqlite:///")
    if path != question.storage and not Path(path).exists():
        return None
    storage = open_storage(question.storage, question.folder)
    if question.name not in optuna.get_all_study_names(storage):
        return None
    study, _ = join(storage, question.name, question.stored, question.directions)
    return study
