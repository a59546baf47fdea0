"""Configs of command lines, composed in a fraction of the time."""

import pickle
import sys
from functools import cache

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from openrs.config.compose import compose_config, register, to_config
from openrs.config.overrides import prepared
from openrs.config.schema import Config
from openrs.paths import CONF


def composed_tree(*overrides: str, with_hydra: bool = False) -> DictConfig:
    """The tree of a command line; trees that differ in values alone are composed once.

    Values are set as Hydra sets them, in a copy of the tree of the groups.

    Args:
        overrides: the words of the command line.
        with_hydra: whether the tree holds Hydra's own settings, too.
    """
    parsed = OverridesParser.create().parse_overrides([*overrides])
    values = [one for one in parsed if "/" not in (name := one.key_or_group) and not (CONF / name).is_dir()]
    groups = [one.input_line for one in parsed if one not in values]
    tree = pickle.loads(_composed(*groups, with_hydra=with_hydra))
    ConfigLoaderImpl._apply_overrides_to_config(values, tree)
    return tree


@cache  # a composition takes an eighth of a second
def _composed(*groups: str, with_hydra: bool) -> bytes:
    """A composed tree, pickled: reading it takes a fifth of copying it."""
    register()
    tracer = sys.gettrace()
    sys.settrace(None)  # and twice that where coverage follows Hydra's every call
    try:
        with initialize_config_dir(str(CONF)):
            return pickle.dumps(compose("config", [*groups], return_hydra_config=with_hydra))
    finally:
        sys.settrace(tracer)


def config_of(*overrides: str) -> Config:
    """The config of a command line; what a copy of the tree cannot take, as an error, is left to Hydra."""
    try:
        tree = composed_tree(*prepared(overrides))
    except (HydraException, OmegaConfBaseException):
        return compose_config(*overrides)
    return to_config(tree)
