"""Trials of the sweeps under outputs/sweeps/, from their Optuna storages."""

from pathlib import Path
from typing import Any


def studies(outputs: Path) -> list[dict[str, Any]]:
    """Every study with trials: its factors, objectives and one row a trial; none where nothing was swept.

    A storage that cannot be read is told in place of its trials, as other parts of a report do not
    depend on it.
    """
    files = sorted(outputs.glob("sweeps/*/study.db"))
    if not files:
        return []
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: list[dict[str, Any]] = []
    for path in files:
        url = f"sqlite:///{path}"
        try:
            names = optuna.get_all_study_names(url)
            for name in names:
                if not name.endswith(" curves"):  # holds the pruner's copy of the same trials
                    found.append(_study(optuna.load_study(study_name=name, storage=url), path))
        except Exception as error:  # whatever a database of another version raises
            found.append({"name": path.parent.name, "file": str(path), "error": str(error).splitlines()[0]})
    return [study for study in found if study.get("error") or study["trials"]]


def _study(study: Any, path: Path) -> dict[str, Any]:
    trials = study.get_trials(deepcopy=False)
    factors = list(dict.fromkeys(name for trial in trials for name in trial.params))
    objectives = study.metric_names or study.user_attrs.get("openrs", {}).get("objectives")
    if not isinstance(objectives, list) or len(objectives) != len(study.directions):
        objectives = [f"objective {i + 1}" for i in range(len(study.directions))]
    names = [item if isinstance(item, str) else str(item.get("name", item)) for item in objectives]
    return {
        "name": study.study_name,
        "file": str(path),
        "factors": factors,
        "objectives": [
            f"{name} ({direction.name.lower()})"
            for name, direction in zip(names, study.directions, strict=True)
        ],
        "trials": [_trial(trial, factors) for trial in trials],
    }


def _trial(trial: Any, factors: list[str]) -> dict[str, Any]:
    record = trial.user_attrs.get("record") or trial.user_attrs.get("openrs") or {}
    seconds = trial.duration.total_seconds() if trial.duration else None
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "values": list(trial.values) if trial.values else [],
        "params": [trial.params.get(name) for name in factors],
        "seconds": seconds,
        "run": record.get("run", "") if isinstance(record, dict) else "",
    }
