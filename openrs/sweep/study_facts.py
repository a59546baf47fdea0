"""A sweep's study as a job and its training process reach it: through what they are told of it.

What is told is what `openrs.sweep.trial.Trial.study` gives: plain values, as the process that trains may be
another than the one in which the sweep runs, and reads them from a file.
"""

from functools import cache
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from openrs.studies.storage import open_storage
from openrs.studies.trials import PROMOTES, RECORD

optuna.logging.set_verbosity(optuna.logging.ERROR)


@cache  # opening a database takes some 30 ms, and a job needs it several times
def storage(url: str) -> BaseStorage:
    """The storage at a URL, opened once in a process."""
    return open_storage(url, Path())


def study(told: dict[str, Any]) -> optuna.Study:
    """The sweep's study."""
    return optuna.load_study(study_name=told["study_name"], storage=storage(told["storage"]))


def sign(told: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Writes where a trial's run is into the study as it starts, so that what it costs counts from then
    on, whether it ends well, badly or not at all.

    Args:
        told: the study, as `openrs.sweep.trial.Trial.study` describes it.
        record: of the run's address.

    Returns:
        What else there is to tell of the trial: the number of the one that it promotes, if it does.
    """
    if not _here(told["storage"]):  # a launcher's job on a machine without it: its outcome says all this
        return {"promotes": None}
    note(told, record)
    return {"promotes": storage(told["storage"]).get_trial(_id(told)).user_attrs.get(PROMOTES)}


def note(told: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds to the record of the trial that a job is."""
    kept, trial_id = storage(told["storage"]), _id(told)
    record = kept.get_trial(trial_id).user_attrs.get(RECORD, {})
    kept.set_trial_user_attr(trial_id, RECORD, record | more)


def _id(told: dict[str, Any]) -> int:
    """The storage's number of the trial that a job is."""
    opened = study(told)
    return opened._storage.get_trial_id_from_study_id_trial_number(opened._study_id, told["number"])


def _here(url: str) -> bool:
    """Whether a storage can be reached from here: SQLite would make an empty file where there is none."""
    path = url.removeprefix("sqlite:///")
    return path == url or Path(path).exists()
