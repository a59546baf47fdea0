"""The one reader of studies: those of an outputs folder, and those kept in a database elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from openrs.errors import Mistake
from openrs.studies.storage import open_storage

QUESTION = "openrs"
"""User attribute of a study that openrs made: what it asks."""

RECORD = "record"
"""User attribute of a trial: the address of its run, what it cost, and its score files."""

CURVES = " curves"
"""Ends the name of the study that holds a sweep's curves, one trial a run, for its pruner."""


@dataclass(frozen=True)
class TrialFacts:
    """One point of a sweep."""

    number: int
    state: str
    """complete, pruned, fail, running or waiting."""
    values: tuple[float, ...]
    """One an objective; empty where the trial has not ended well."""
    params: tuple[Any, ...]
    """In the order of the study's factors; None where the trial has no such factor."""
    seconds: float | None
    run: str
    """Id of its run; "" where it has none yet."""


@dataclass(frozen=True)
class StudyFacts:
    """A sweep."""

    name: str
    file: str
    """Where the study is kept; a database by its option, as a URL may hold a password."""
    factors: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    """Name and direction."""
    trials: tuple[TrialFacts, ...] = ()
    error: str = ""
    """Why the storage could not be read; "" where it could."""
    ours: bool = False
    """Whether openrs made the study."""


def every(outputs: Path, storage: str | None = None) -> list[StudyFacts]:
    """Every study that has trials.

    A storage that cannot be read is listed with its error in place of trials, as nothing else depends on it.

    Args:
        outputs: where runs and sweeps are.
        storage: the URL of sweeps that are kept in no file under outputs/sweeps/. Of its studies those of
            openrs are taken.
    """
    found: list[StudyFacts] = []
    for path in _files(outputs):
        try:
            found += [_facts(study, str(path)) for study in _studies(_file(path))]
        except Exception as error:  # whatever a database of another version raises
            found.append(StudyFacts(path.parent.name, str(path), error=str(error).splitlines()[0]))
    if storage is not None:
        try:
            listed = [_facts(study, "--storage") for study in _studies(open_storage(storage, outputs))]
            found += [study for study in listed if study.ours]
        except Exception as error:  # a server that is down, a URL that is wrong, an extra that is missing
            found.append(StudyFacts("--storage", "", error=str(error).splitlines()[0]))
    return [study for study in found if study.error or study.trials]


def named(name: str, outputs: Path, storage: str | None = None) -> list[optuna.Study]:
    """The studies of a sweep, oldest first.

    Args:
        name: a sweep file's name, a folder under outputs/sweeps/, or a study's name.
        outputs: where runs and sweeps are.
        storage: a storage URL; None for the SQLite file of the sweep's folder.

    Raises:
        Mistake: there is no such sweep.
    """
    folder = outputs / "sweeps" / name / "study.db"
    if storage is not None:
        studies = _ours(open_storage(storage, Path()), name)
    elif folder.exists():
        studies = _ours(_file(folder), "")  # whatever name the studies of a sweep's own folder were given
    else:
        studies = [study for path in _files(outputs) for study in _ours(_file(path), name)]
    if not studies and storage is not None:
        raise Mistake(
            f"status {name}: the storage has no study whose name starts so. Give another name or --storage."
        )
    if not studies:
        folders = ", ".join(path.parent.name for path in _files(outputs)) or "none"
        raise Mistake(
            f"status {name}: no sweep and no study of this name under {outputs}/sweeps (there: {folders}). "
            "Give one of them, --outputs, or --storage with the URL that the sweep was given."
        )
    return sorted(studies, key=_began)


def load(storage: str, name: str) -> optuna.Study:
    """One study by its full name.

    Raises:
        Mistake: there is no such storage or study.
    """
    opened = open_storage(storage, Path())
    names = optuna.get_all_study_names(opened)
    if name not in names:
        listed = ", ".join(sorted(names)) or "none"
        raise Mistake(f"study={name}: the storage holds no study of this name. Give one of: {listed}.")
    return optuna.load_study(study_name=name, storage=opened)


def _files(outputs: Path) -> list[Path]:
    return sorted(outputs.glob("sweeps/*/study.db"))


def _file(path: Path) -> BaseStorage:
    """A sweep's own file, opened to read alone, so that a sweep that goes on is not disturbed."""
    return open_storage(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true", path.parent)


def _studies(storage: BaseStorage) -> Iterator[optuna.Study]:
    for name in optuna.get_all_study_names(storage):
        if not name.endswith(CURVES):
            yield optuna.load_study(study_name=name, storage=storage)


def _ours(storage: BaseStorage, beginning: str) -> list[optuna.Study]:
    """The studies that openrs made whose names start so."""
    studies = (study for study in _studies(storage) if study.study_name.startswith(beginning))
    return [study for study in studies if QUESTION in study.user_attrs]


def _began(study: optuna.Study) -> datetime:
    starts = [trial.datetime_start for trial in study.get_trials(deepcopy=False) if trial.datetime_start]
    return min(starts, default=datetime.max)


def _facts(study: optuna.Study, place: str) -> StudyFacts:
    trials = study.get_trials(deepcopy=False)
    factors = tuple(dict.fromkeys(name for trial in trials for name in trial.params))
    unnamed = [f"objective {i + 1}" for i in range(len(study.directions))]
    names = study.user_attrs.get(QUESTION, {}).get("objectives") or study.metric_names or unnamed
    objectives = zip(names, study.directions, strict=True)
    return StudyFacts(
        name=study.study_name,
        file=place,
        factors=factors,
        objectives=tuple(f"{name} ({direction.name.lower()})" for name, direction in objectives),
        trials=tuple(_trial(trial, factors) for trial in trials),
        ours=QUESTION in study.user_attrs,
    )


def _trial(trial: optuna.trial.FrozenTrial, factors: tuple[str, ...]) -> TrialFacts:
    return TrialFacts(
        number=trial.number,
        state=trial.state.name.lower(),
        values=tuple(trial.values or ()),
        params=tuple(trial.params.get(name) for name in factors),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        run=trial.user_attrs.get(RECORD, {}).get("run", ""),
    )
