"""Runs that differ in their training seed alone, as one point of a study: its values are their means."""

import math
import warnings
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.studies.trials import FROZEN, RECORD, described

SEED = "seed"
"""The parameter whose values are replicates of one point."""

TIED = 3
"""Points of one value that are named."""
RUNS = "runs"
"""User attribute of a point: the number of its complete runs."""


def points(study: optuna.Study) -> optuna.Study:
    """The study with a trial for each point: the mean of the values of its complete runs, without the seed. A
    point that the pruner stopped is none, whichever of its runs had ended by then.

    What is read from it (the best trial, the Pareto set, importance) is about recipes and not about the
    luckiest seed. A study without seeds is its own.
    """
    trials = study.get_trials(deepcopy=False)
    if not any(SEED in trial.params for trial in trials):
        return study
    whole = optuna.create_study(study_name=study.study_name, directions=study.directions)
    if study.metric_names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            whole.set_metric_names(study.metric_names)
    for members in _complete(trials):
        params = {name: value for name, value in members[0].params.items() if name != SEED}
        whole.add_trial(
            create_trial(
                params=params,
                distributions={name: members[0].distributions[name] for name in params},
                values=[float(number) for number in np.mean([trial.values for trial in members], axis=0)],
                user_attrs={RUNS: len(members)},
            )
        )
    return whole


def _complete(trials: Sequence[FrozenTrial]) -> list[list[FrozenTrial]]:
    """The complete trials of each point, one a run: two trials may share one."""
    levels: dict[str, dict[str, FrozenTrial]] = defaultdict(dict)
    stopped: dict[tuple[str, str], bool] = {}
    for trial in trials:
        record = trial.user_attrs.get(RECORD, {})
        level = repr(sorted((name, value) for name, value in trial.params.items() if name != SEED))
        seed = repr(trial.params.get(SEED))
        if trial.state == TrialState.COMPLETE:
            levels[level].setdefault(record.get("run") or seed, trial)
        if trial.state.is_finished():  # a promotion overrules a stop
            stop = record.get("kind") == "pruned" or FROZEN in trial.user_attrs
            stopped[level, seed] = trial.state == TrialState.PRUNED and stop
    left_out = {level for (level, _), stop in stopped.items() if stop}
    return [list(members.values()) for level, members in levels.items() if level not in left_out]


def best(whole: optuna.Study) -> str:
    """The best point of a study of one objective for a person ("50: rate=1"), or all that share its value.

    Args:
        whole: as `points` gives it.
    """
    first = whole.best_trial
    complete = whole.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    different = {  # the same values may be tried twice
        described(trial): trial
        for trial in complete
        if math.isclose(trial.values[0], first.values[0], rel_tol=1e-9)
    }
    if len(different) == 1:
        return f"{first.value:.4g}: {title(first)}"
    titles = [title(trial) for trial in different.values()]
    more = f" and {len(titles) - TIED} more" if len(titles) > TIED else ""
    return f"tied at {first.value:.4g}: {', '.join(titles[:TIED])}{more}"


def title(trial: FrozenTrial) -> str:
    """A point for a person: its parameters, and the number of runs where its values are means."""
    runs = trial.user_attrs.get(RUNS)
    if runs is None:
        return described(trial)
    of = f"mean of {runs} run{'s' if runs > 1 else ''}"
    return f"{described(trial)} ({of})" if trial.params else f"one recipe, {of}"
