"""Trials of the sweeps under outputs/sweeps/, from their Optuna storages."""

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
    factors: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    """Name and direction."""
    trials: tuple[Trial, ...] = field(default=())
    error: str = ""
    """Why the storage could not be read; "" where it could."""


def studies(outputs: Path) -> list[Study]:
    """Every study with trials; none where nothing was swept.

    A storage that cannot be read is told in place of its trials, as nothing else depends on it. It is
    opened to read alone, so that a sweep that goes on is not disturbed.
    """
    files = sorted(outputs.glob("sweeps/*/study.db"))
    if not files:
        return []
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: list[Study] = []
    for path in files:
        url = f"sqlite:///file:{path.resolve()}?mode=ro&uri=true"
        try:
            names = optuna.get_all_study_names(url)
            for name in names:
                if not name.endswith(" curves"):  # holds the pruner's copy of the same trials
                    found.append(_study(optuna.load_study(study_name=name, storage=url), path))
        except Exception as error:  # whatever a database of another version raises
            found.append(Study(path.parent.name, str(path), error=str(error).splitlines()[0]))
    return [study for study in found if study.error or study.trials]


def _study(study: Any, path: Path) -> Study:
    trials = study.get_trials(deepcopy=False)
    factors = tuple(dict.fromkeys(name for trial in trials for name in trial.params))
    unnamed = [f"objective {i + 1}" for i in range(len(study.directions))]
    names = study.user_attrs.get("openrs", {}).get("objectives") or study.metric_names or unnamed
    told = zip(names, study.directions, strict=True)
    return Study(
        name=study.study_name,
        file=str(path),
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
