"""A study by its name: made with its question, or joined if it asks the same."""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from openrs.errors import Mistake
from openrs.studies.reader import QUESTION
from openrs.sweep import space

RENAME = "Give another hydra.sweeper.study_name."


def join(
    storage: BaseStorage, name: str, question: dict[str, Any], directions: Sequence[str]
) -> tuple[optuna.Study, bool]:
    """The study of this name, and whether it was made now. Called under the study's lock.

    Args:
        storage: where the study is kept.
        name: the study's.
        question: the stored form of space, kind (grid or not), objectives and options.
        directions: of the objectives.

    Raises:
        Mistake: there is a study of this name with another question.
    """
    stated = [StudyDirection[item.upper()] for item in directions]
    if name not in optuna.get_all_study_names(storage):
        study = optuna.create_study(study_name=name, storage=storage, directions=stated)
        _store(study, question)
        return study, True
    study = optuna.load_study(study_name=name, storage=storage)
    stored = study.user_attrs.get(QUESTION)
    if stored is None and study.directions == stated and not study.get_trials(deepcopy=False):
        _store(study, question)  # the process that made the study died before it had stored the question
        return study, True
    if stored is None:
        raise Mistake(
            f"hydra.sweeper.study_name={name}: the storage has a study of this name that openrs did not "
            "make. Give another name."
        )
    space.compare(stored, question, name)
    if study.directions != stated or stored["objectives"] != question["objectives"]:
        raise Mistake(
            f"objective={question['objectives']}: the study {name} was made for {stored['objectives']}. "
            f"{RENAME}"
        )
    if stored["grid"] != question["grid"]:
        kinds = ("a grid", "a sampler's search")
        raise Mistake(
            f"hydra/sweeper/sampler: the study {name} is {kinds[not stored['grid']]}, this command asks for "
            f"{kinds[stored['grid']]}. {RENAME}"
        )
    if stored.get("replicates") != question.get("replicates"):
        kinds = ("searches over the seed", "runs each proposal with every seed")
        raise Mistake(
            f"seed: the study {name} {kinds['replicates' in stored]}, this command "
            f"{kinds['replicates' in question]}. {RENAME}"
        )
    _compare_options(stored.get("made_of", {}), question.get("made_of", {}), name)
    return study, False


def _compare_options(stored: dict[str, str], options: dict[str, str], name: str) -> None:
    """Older studies do not store the options, so there is nothing to compare."""
    for group, option in stored.items():
        if group in options and options[group] != option:
            raise Mistake(
                f"{group}={options[group]}: the study {name} was made with {group}={option}. Give the same "
                "option, or another hydra.sweeper.study_name."
            )


def _store(study: optuna.Study, question: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(question["objectives"])  # what optuna-dashboard calls the values
    study.set_user_attr(QUESTION, question)
