"""Trials of the sweeps under outputs/sweeps/, and of those kept in a database elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Trial:
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
class Study:
    """A sweep."""

    name: str
    file: str
    """Where it is kept; a database by its option, as a URL may hold a password."""
    factors: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    """Name and direction."""
    trials: tuple[Trial, ...] = field(default=())
    error: str = ""
    """Why the storage could not be read; "" where it could."""
    ours: bool = False
    """Whether openrs made it."""


def studies(outputs: Path, storage: str | None = None) -> list[Study]:
    """Every study with trials; none where nothing was swept.

    A storage that cannot be read is told in place of its trials, as nothing else depends on it. A file is
    opened to read alone, so that a sweep that goes on is not disturbed.

    Args:
        storage: what `hydra.sweeper.storage` was, of sweeps that are kept in no file under outputs/sweeps/.
            Of its studies those of openrs are taken.
    """
    files = sorted(outputs.glob("sweeps/*/study.db"))
    if not files and storage is None:
        return []
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    places = [
        (path.parent.name, str(path), f"sqlite:///file:{path.resolve()}?mode=ro&uri=true") for path in files
    ]
    found: list[Study] = []
    for name, place, url in places:
        try:
            found += _all(url, place)
        except Exception as error:  # whatever a database of another version raises
            found.append(Study(name, place, error=str(error).splitlines()[0]))
    if storage is not None:
        from openrs.sweep.storage import open_storage

        try:
            found += [study for study in _all(open_storage(storage, outputs), "--storage") if study.ours]
        except Exception as error:  # a server that is down, a URL that is none, an extra that is missing
            found.append(Study("--storage", "", error=str(error).splitlines()[0]))
    return [study for study in found if study.error or study.trials]


def _all(storage: Any, place: str) -> list[Study]:
    import optuna

    return [
        _study(optuna.load_study(study_name=name, storage=storage), place)
        for name in optuna.get_all_study_names(storage)
        if not name.endswith(" curves")  # holds the pruner's copy of the same trials
    ]


def _study(study: Any, place: str) -> Study:
    trials = study.get_trials(deepcopy=False)
    factors = tuple(dict.fromkeys(name for trial in trials for name in trial.params))
    unnamed = [f"objective {i + 1}" for i in range(len(study.directions))]
    names = study.user_attrs.get("openrs", {}).get("objectives") or study.metric_names or unnamed
    told = zip(names, study.directions, strict=True)
    return Study(
        name=study.study_name,
        file=place,
        ours="openrs" in study.user_attrs,
        factors=factors,
        objectives=tuple(f"{name} ({direction.name.lower()})" for name, direction in told),
        trials=tuple(_trial(trial, factors) for trial in trials),
    )


def _trial(trial: Any, factors: tuple[str, ...]) -> Trial:
    return Trial(
        number=trial.number,
        state=trial.state.name.lower(),
        values=tuple(trial.values or ()),
        params=tuple(trial.params.get(name) for name in factors),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        run=trial.user_attrs.get("record", {}).get("run", ""),
    )
