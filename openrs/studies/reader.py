"""The one reader of studies: those of an outputs folder, and those kept in a database elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from openrs.errors import Mistake
from openrs.records.masking import masked
from openrs.studies.storage import open_existing, open_storage
from openrs.studies.trials import RECORD

QUESTION = "openrs"
"""User attribute of a study that openrs made: what it asks."""

CURVES = " curves"
"""Ends the name of the study that holds a sweep's curves, one trial a run, for its pruner."""

TRIAL = "trial"
"""User attribute of a curve: the number of the sweep's trial that is drawing it."""


@dataclass(frozen=True)
class SweepStudy:
    """A sweep's study, opened to be read."""

    name: str
    place: str
    """The study's file, or "--storage", as a URL may hold a password."""
    study: optuna.Study | None = None
    """None where the storage cannot be read."""
    curves: optuna.Study | None = None
    """The curves of its runs, where the sweep prunes."""
    error: str = ""
    """Why the storage cannot be read."""


@dataclass(frozen=True)
class TrialFacts:
    """One point of a sweep, as plain data."""

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
    """A sweep, as plain data."""

    name: str
    file: str
    factors: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    """Name and direction."""
    trials: tuple[TrialFacts, ...] = ()
    error: str = ""
    ours: bool = False
    """Whether openrs made the study."""


def every(outputs: Path, storage: str | None = None) -> list[SweepStudy]:
    """Every study that has trials.

    A storage that cannot be read is listed with its error, as nothing else depends on it.

    Args:
        outputs: where runs and sweeps are.
        storage: the URL of sweeps that are kept in no file under outputs/sweeps/. Of its studies those of
            openrs are taken.
    """
    studies = _in_files(outputs)
    if storage is not None:
        try:
            studies += filter(_ours, _studies(open_existing(storage), "--storage"))
        except Exception as error:  # a server that is down, a URL that is wrong, an extra that is missing
            studies.append(SweepStudy("--storage", "", error=masked(str(error).splitlines()[0])))
    return [item for item in studies if item.study is None or item.study.get_trials(deepcopy=False)]


def named(name: str, outputs: Path, storage: str | None = None) -> list[SweepStudy]:
    """The studies of a sweep, oldest first.

    Args:
        name: a sweep file's name, a folder under outputs/sweeps/, or how a study's name starts; an empty one
            means all.
        outputs: where runs and sweeps are.
        storage: a storage URL; None for the SQLite files under outputs/sweeps/.

    Raises:
        Mistake: there is no such sweep.
    """
    folder, beginning = outputs / "sweeps" / name / "study.db", name
    if storage is not None:
        studies = list(_studies(open_existing(storage), "--storage"))
    elif folder.exists():
        studies, beginning = list(_studies(_file(folder), str(folder))), ""  # the folder is the sweep's own
    else:
        studies = _in_files(outputs)
    studies = [item for item in studies if item.name.startswith(beginning) and _ours(item)]
    if not studies and not name:
        place = f"{outputs}/sweeps" if storage is None else "the storage"
        raise Mistake(
            f"{place}: holds no sweep. Start one, as openrs -m seed=1,2, or give --outputs FOLDER. "
            "`openrs watch --once` shows single runs."
        )
    if not studies and storage is not None:
        raise Mistake(
            f"{name}: the storage has no study whose name starts so. Give another name or another --storage."
        )
    if not studies:
        folders = ", ".join(path.parent.name for path in _files(outputs)) or "none"
        raise Mistake(
            f"{name}: no sweep and no study of this name under {outputs}/sweeps (there: {folders}). "
            "Give one of them, --outputs, or --storage with the URL that the sweep was given."
        )
    return sorted(studies, key=_began)


def load(storage: str, name: str) -> optuna.Study:
    """One study by its full name.

    Raises:
        Mistake: there is no such storage or study.
    """
    opened = open_existing(storage)
    names = optuna.get_all_study_names(opened)
    if name not in names:
        listed = ", ".join(sorted(names)) or "none"
        raise Mistake(f"study={name}: the storage holds no study of this name. Give one of: {listed}.")
    return optuna.load_study(study_name=name, storage=opened)


def facts(sweep: SweepStudy) -> StudyFacts:
    """A study as plain data, as a report keeps it."""
    if sweep.study is None:
        return StudyFacts(sweep.name, sweep.place, error=sweep.error)
    study, trials = sweep.study, sweep.study.get_trials(deepcopy=False)
    factors = tuple(dict.fromkeys(name for trial in trials for name in trial.params))
    directions = zip(objectives(study), study.directions, strict=True)
    return StudyFacts(
        name=sweep.name,
        file=sweep.place,
        factors=factors,
        objectives=tuple(f"{name} ({direction.name.lower()})" for name, direction in directions),
        trials=tuple(_trial(trial, factors) for trial in trials),
        ours=QUESTION in study.user_attrs,
    )


def objectives(study: optuna.Study) -> Sequence[str]:
    """The names of a study's objectives."""
    unnamed = [f"objective {number + 1}" for number in range(len(study.directions))]
    return study.user_attrs.get(QUESTION, {}).get("objectives") or study.metric_names or unnamed


def _files(outputs: Path) -> list[Path]:
    return sorted(outputs.glob("sweeps/*/study.db"))


def _file(path: Path) -> BaseStorage:
    """A sweep's own file, opened to read alone, so that a sweep that goes on is not disturbed."""
    return open_storage(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true", path.parent)


def _studies(storage: BaseStorage, place: str) -> Iterator[SweepStudy]:
    names = optuna.get_all_study_names(storage)
    for name in names:
        if not name.endswith(CURVES):
            study = optuna.load_study(study_name=name, storage=storage)
            pruned = name + CURVES in names
            curves = optuna.load_study(study_name=name + CURVES, storage=storage) if pruned else None
            yield SweepStudy(name, place, study, curves)


def _in_files(outputs: Path) -> list[SweepStudy]:
    """The studies of the sweeps' own files; a file that cannot be read with its error."""
    studies: list[SweepStudy] = []
    for path in _files(outputs):
        try:
            studies += _studies(_file(path), str(path))
        except Exception as error:  # whatever a database of another version raises
            studies.append(SweepStudy(path.parent.name, str(path), error=masked(str(error).splitlines()[0])))
    return studies


def _ours(item: SweepStudy) -> bool:
    """Whether openrs made the study."""
    return item.study is not None and QUESTION in item.study.user_attrs


def _began(item: SweepStudy) -> datetime:
    trials = item.study.get_trials(deepcopy=False) if item.study else []
    return min((trial.datetime_start for trial in trials if trial.datetime_start), default=datetime.max)


def _trial(trial: optuna.trial.FrozenTrial, factors: tuple[str, ...]) -> TrialFacts:
    return TrialFacts(
        number=trial.number,
        state=trial.state.name.lower(),
        values=tuple(trial.values or ()),
        params=tuple(trial.params.get(name) for name in factors),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        run=trial.user_attrs.get(RECORD, {}).get("run", ""),
    )
