"""Samplers: hydra-optuna-sweeper's, made anew for every trial so that a restart repeats no proposal."""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from openrs.errors import Mistake
from openrs.sweep.space import Space

ALLOWED = ("hydra_plugins.hydra_optuna_sweeper.*", "optuna.samplers.*", "optuna.pruners.*")


def is_grid(sampler: DictConfig | None, space: Space) -> bool:
    """Whether the sweep visits points: as chosen, or because every dimension is a list."""
    if sampler is None:
        return space.finite
    return str(sampler.get("_target_")).endswith(".GridSampler")


def make(sampler: DictConfig | None, number: int = 0) -> optuna.samplers.BaseSampler:
    """The sampler for the trial of this number.

    A seeded sampler restarts its sequence in every process, and would propose the same again. So the
    seed of a trial is the given one plus the trial's number; a quasi-random sequence is told its place
    by the study and keeps its seed.
    """
    if sampler is None:
        return optuna.samplers.TPESampler()
    settings = OmegaConf.create(OmegaConf.to_container(sampler, resolve=True))
    assert isinstance(settings, DictConfig)
    if settings.get("seed") is not None and not str(settings["_target_"]).endswith(".QMCSampler"):
        settings["seed"] = int(settings["seed"]) + number
    return _instantiated("sampler", settings)


def _instantiated(kind: str, settings: DictConfig) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return instantiate(settings, _execution_whitelist_=ALLOWED)
    except (HydraException, TypeError, ValueError) as error:
        raise Mistake(f"hydra/sweeper/{kind}: {_reason(error)} Set it under hydra.sweeper.{kind}.") from None


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    return str(cause).strip().splitlines()[0]


def rehearse(sampler: DictConfig | None, space: Space, directions: Sequence[str]) -> None:
    """Lets the sampler propose in a study that is thrown away, before anything is trained.

    Raises:
        Mistake: it cannot take this space or these objectives.
    """
    if not space.distributions:
        return
    name = "tpe" if sampler is None else str(sampler["_target_"]).rsplit(".", 1)[-1]
    kinds = {type(d) for d in space.distributions.values()}
    if kinds == {optuna.distributions.CategoricalDistribution} and name in ("CmaEsSampler", "QMCSampler"):
        raise Mistake(
            f"hydra/sweeper/sampler: {name} proposes numbers, and every dimension here is a list of "
            "choices. Use hydra/sweeper/sampler=tpe or grid, or sweep an interval(low, high)."
        )
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted = [optuna.study.StudyDirection[item.upper()] for item in directions]
    try:
        study = optuna.create_study(sampler=make(sampler), directions=wanted)
        for _ in range(2):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trial = study.ask(space.distributions)
            study.tell(trial, [0.0] * len(directions))
    except Mistake:
        raise
    except Exception as error:
        raise Mistake(
            f"hydra/sweeper/sampler: {name} cannot take this sweep ({type(error).__name__}: "
            f"{_reason(error)}). Use another, as hydra/sweeper/sampler=tpe."
        ) from None
    finally:
        optuna.logging.set_verbosity(verbosity)


def make_pruner(pruner: DictConfig | None) -> optuna.pruners.BasePruner | None:
    """The pruner of the config, or None.

    Raises:
        Mistake: a setting that Optuna refuses.
    """
    return None if pruner is None else _instantiated("pruner", pruner)
