"""Optuna's own analyses of a study: the importance of factors, and its plots, drawn with matplotlib.

Optuna declares an array of axes as what its plots return, for more plots than are drawn here.
"""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

Study = optuna.Study


def complete(study: Study) -> list[FrozenTrial]:
    """The trials that ended with values."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def importances(study: Study, factors: Sequence[str]) -> dict[str, float]:
    """Factor -> its share of the variance of the first objective (fANOVA), the largest first."""
    return get_param_importances(study, evaluator=_fanova(), params=list(factors), **_first(study))


def importance_axis(study: Study, factors: Sequence[str], target: str) -> Any:
    """A bar for each factor."""
    from optuna.visualization import matplotlib

    return matplotlib.plot_param_importances(
        study, evaluator=_fanova(), params=list(factors), target_name=target, **_first(study)
    )


def contour_axis(study: Study, pair: Sequence[str], target: str) -> Any:
    """The first objective over two factors."""
    from optuna.visualization import matplotlib

    return matplotlib.plot_contour(study, params=list(pair), target_name=target, **_first(study))


def pareto_axis(study: Study) -> Any:
    """The Pareto set of two objectives or three."""
    from optuna.visualization import matplotlib

    return matplotlib.plot_pareto_front(study)


def _fanova() -> FanovaImportanceEvaluator:
    return FanovaImportanceEvaluator(seed=0)


def _first(study: Study) -> dict[str, Any]:
    """Of several objectives the first is the one that is drawn."""
    return {"target": lambda trial: float(trial.values[0])} if len(study.directions) > 1 else {}
