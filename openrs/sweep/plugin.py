"""`hydra/sweeper=openrs`: the sweeper as Hydra sees it. Optuna is imported when a sweep starts.

The options and their defaults are conf/hydra/sweeper/. Hydra does not check the files of a plugin against
a schema, so the options are checked here, against the types of those defaults.
"""

import sys
from dataclasses import make_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from openrs.errors import Mistake
from openrs.paths import CONF
from openrs.records.masking import masked
from openrs.terminal import say

FOLDER = CONF / "hydra" / "sweeper"

TYPES = {
    "params": dict[str, str] | None,
    "custom_search_space": str | None,
    "study_name": str | None,
    "signal": Any,
}
"""Options of the sweeper whose type their default does not show."""


class StudySweeper(Sweeper):
    """Hydra's handle on a study."""

    def __init__(self, **options: Any) -> None:
        """Hydra hands the options over as they were given; `sweep` reads them from the config."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what the sweep needs; nothing is opened yet."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """Runs the study's missing trials. A user's mistake is one line and exit status 1."""
        from openrs.sweep.sweeper import Sweep

        assert self.config is not None
        try:
            sweep = Sweep(self.context, self.task, self.config, read_options(self.config))
            complete = sweep.run(list(arguments))
        except Mistake as error:
            say(f"error: {masked(str(error))}")
            sys.exit(1)
        if not complete:
            sys.exit(1)


def read_options(config: DictConfig) -> DictConfig:
    """The options of a sweep and of its pruner, resolved and checked.

    Args:
        config: the whole config, as options may follow from the rest of it.

    Raises:
        Mistake: an option of the sweeper or of its pruner that there is not, or a value of another type.
    """
    options = _typed(FOLDER / "openrs.yaml", "hydra.sweeper", config.hydra.sweeper, TYPES)
    pruner = FOLDER / "pruner" / f"{config.hydra.runtime.choices.get('hydra/sweeper/pruner')}.yaml"
    if pruner.exists():
        checked = _typed(pruner, "hydra.sweeper.pruner", config.hydra.sweeper.pruner, {})
        options.pruner = OmegaConf.to_container(checked)
    return options


def _typed(defaults: Path, path: str, options: DictConfig, types: dict[str, Any]) -> DictConfig:
    """The resolved options, each of the type of its default in the file."""
    stated = yaml.safe_load(defaults.read_text(encoding="utf-8"))
    stated.pop("defaults", None)
    fields = [
        (key, types.get(key, Any if default is None else type(default)), default)
        for key, default in stated.items()
    ]
    schema = OmegaConf.structured(make_dataclass("Options", fields))
    values = OmegaConf.to_container(options, resolve=True)
    assert isinstance(values, dict)
    for key, value in ((str(key), value) for key, value in values.items()):
        if key not in stated:
            close = ", ".join(get_close_matches(key, stated, 1) or stated)
            raise Mistake(f"{path}.{key}: is no option. Known: {close}.")
        try:
            schema = OmegaConf.merge(schema, {key: value})
        except OmegaConfBaseException as error:
            raise Mistake(f"{path}.{key}={value}: {str(error).splitlines()[0]}.") from None
    assert isinstance(schema, DictConfig)
    return schema


def register() -> None:
    """Lets Hydra make the class that conf/hydra/sweeper/openrs.yaml names."""
    Plugins.instance().register(StudySweeper)
