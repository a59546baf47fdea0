"""Rungs of successive halving: the steps at which runs are compared, and the values that they had there."""

from itertools import count

import optuna
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial


def completed(trial: FrozenTrial) -> list[float]:
    """The values of a curve at the rungs that it completed, as Optuna's halving keeps them."""
    found: list[float] = []
    for number in count():
        value = trial.system_attrs.get(_key(number))
        if value is None:
            return found
        found.append(value)
    raise AssertionError("count() has no end")


def _key(number: int) -> str:
    return f"completed_rung_{number}"


def bracket(pruner: HyperbandPruner, study: optuna.Study, trial: FrozenTrial) -> int:
    """The number of the Hyperband bracket that a curve is in; Optuna keeps it to itself."""
    if not pruner._pruners:
        pruner._try_initialization(study)
    return pruner._get_bracket_id(study, trial)


def noted(study: optuna.Study, trial: FrozenTrial, points: dict[int, float]) -> dict[str, float]:
    """What halving would have noted of a curve that nobody judged: system attribute -> value at the rung.

    Args:
        study: of the curves, with its pruner.
        trial: the curve, which says its bracket.
        points: step -> signal.
    """
    halving: optuna.pruners.BasePruner | None = study.pruner
    if isinstance(halving, HyperbandPruner):
        number = bracket(halving, study, trial)
        halving = halving._pruners[number] if halving._pruners else None
    if not isinstance(halving, SuccessiveHalvingPruner) or halving._min_resource is None:
        return {}
    found: dict[str, float] = {}
    for number in count():
        power = halving._min_early_stopping_rate + number
        beyond = [step for step in points if step >= halving._min_resource * halving._reduction_factor**power]
        if not beyond:
            return found
        found[_key(number)] = points[min(beyond)]
    raise AssertionError("count() has no end")
