"""Plans of nano runs whose records are made up, and a study that their jobs are linked to."""

import json
from dataclasses import asdict

import optuna

from openrs.plan import resolve
from openrs.records.training import Checkpoint, TrainRecord
from openrs.studies.storage import open_storage
from openrs.studies.trials import SLOT
from openrs.sweep.link import StudyLink

HALVING = {"_target_": "optuna.pruners.SuccessiveHalvingPruner", "min_resource": 2, "reduction_factor": 2}


def plan_of(composed, outputs, *more):
    """The plan of a run of ten steps."""
    common = ["experiment=exp2", "steps.total=10", "report_step=10", "stages=[train]", "objective=reward"]
    return resolve(composed(*common, f"outputs={outputs}", *more))


def logs(plan, rewards):
    """Writes these rewards as the steps that the run logged."""
    folder = plan.run.folder / "train"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"step": n + 1, "reward": value, "step_seconds": 1.0} for n, value in enumerate(rewards)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def trained(plan, rewards, **more):
    """Leaves the records of a training as long as this."""
    logs(plan, rewards)
    plan.run.log_invocation(asdict(plan.config))
    last = len(rewards)
    record = TrainRecord(
        checkpoints=(Checkpoint(last, "train/x"),), last_step=last, wall_seconds=float(last),
        device_hours=0.1, rows={}, dropped={}, metrics={}, segments=(), **more,
    )  # fmt: skip
    plan.run.write_train_record(record)


class Study:
    """A sweep's study, and what its jobs know of it."""

    def __init__(self, folder, pruner=HALVING, signal="reward"):
        self.url = f"sqlite:///{folder}/sweep/study.db"
        self.pruner, self.signal = pruner, signal
        storage = open_storage(None, folder / "sweep")
        self.study = optuna.create_study(storage=storage, study_name="sweep", direction="maximize")

    def trial(self, slot=0, **attributes):
        """Starts a trial; returns it and the link to it."""
        self.study.enqueue_trial({}, user_attrs={SLOT: slot} | attributes)
        trial = self.study.ask()
        return trial, self.link(trial.number)

    def link(self, number=0, promotes=None, after=()):
        """What a job knows of the trial of this number."""
        return StudyLink(self.url, "sweep", number, self.pruner, self.signal, promotes, after)

    def curves(self):
        """The study of the curves."""
        return optuna.load_study(study_name="sweep curves", storage=self.url)


def step(number, reward):
    """A logged step."""
    return {"step": number, "reward": reward}
