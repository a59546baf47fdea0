"""A study by its name: made with its question, or joined if it asks the same."""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from openrs.errors import Mistake
from openrs.studies.reader import QUESTION
from openrs.sweep import space
from openrs.sweep.space import Space


def asked(config: DictConfig, question: dict[str, Any]) -> dict[str, Any]:
    """All that the answer depends on: the space, the objectives, and every other option."""
    rest = OmegaConf.to_container(config, resolve=False)
    assert isinstance(rest, dict)
    for key in (*space.QUIET, "sweeps"):
        rest.pop(key, None)
    if isinstance(rest.get("scale"), dict):
        rest["scale"].pop("reason", None)  # it names this machine's devices
    ordered = question | {"space": space.unordered(question["space"])}
    return {"question": ordered, "config": str(rest)}


def made_of(config: DictConfig) -> dict[str, str]:
    """Group -> the option that every trial has, of the groups that a result depends on, and the scale that
    scale=auto was."""
    quiet = (*space.QUIET, "sweeps")
    chosen = OmegaConf.to_container(config.hydra.runtime.choices)
    assert isinstance(chosen, dict)
    told = {str(k): str(v) for k, v in chosen.items() if str(k).split("/")[0].split("@")[0] not in quiet}
    return told | {"scale": str(config.scale.name)}


def join(
    storage: BaseStorage, name: str, question: dict[str, Any], directions: Sequence[str]
) -> tuple[optuna.Study, bool]:
    """The study of this name, and whether it was made now. Called under the study's lock.

    Args:
        storage: where it is kept.
        name: its name.
        question: the stored form of space, kind (grid or not) and objectives.
        directions: of the objectives.

    Raises:
        Mistake: there is a study of this name with another question.
    """
    wanted = [StudyDirection[item.upper()] for item in directions]
    existing = {summary.study_name for summary in optuna.get_all_study_summaries(storage)}
    if name not in existing:
        study = optuna.create_study(study_name=name, storage=storage, directions=wanted)
        _ask(study, question)
        return study, True
    study = optuna.load_study(study_name=name, storage=storage)
    kept = study.user_attrs.get(QUESTION)
    if kept is None and study.directions == wanted and not study.get_trials(deepcopy=False):
        _ask(study, question)  # its maker died before it had said what it asks
        return study, True
    if kept is None:
        raise Mistake(
            f"hydra.sweeper.study_name={name}: the storage has a study of this name that openrs did not "
            "make. Give another name."
        )
    space.compare(kept, question, name)
    if study.directions != wanted or kept["objectives"] != question["objectives"]:
        raise Mistake(
            f"objective={question['objectives']}: the study {name} was made for {kept['objectives']}. Give "
            "another hydra.sweeper.study_name."
        )
    if kept["grid"] != question["grid"]:
        kinds = ("a grid", "a sampler's search")
        raise Mistake(
            f"hydra/sweeper/sampler: the study {name} is {kinds[not kept['grid']]}, this command asks for "
            f"{kinds[kept['grid']]}. Give another hydra.sweeper.study_name."
        )
    _same_options(kept.get("made_of", {}), question.get("made_of", {}), name)
    return study, False


def _same_options(kept: dict[str, str], asked: dict[str, str], name: str) -> None:
    """Studies of before they were kept have none to compare."""
    for group, option in kept.items():
        if group in asked and asked[group] != option:
            raise Mistake(
                f"{group}={asked[group]}: the study {name} was made with {group}={option}. Give the same, or "
                "another hydra.sweeper.study_name."
            )


def _ask(study: optuna.Study, question: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(question["objectives"])  # what optuna-dashboard calls the values
    study.set_user_attr(QUESTION, question)


def stored_space(study: optuna.Study, given: Space) -> Space:
    """The space with the study's own distributions."""
    return given.with_stored(study.user_attrs[QUESTION])
