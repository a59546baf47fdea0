"""Shared fixtures: composing configs, and the real data mirror where there is one."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from openrs.config import compose as composition
from openrs.config.overrides import prepared
from openrs.config.schema import Config
from openrs.paths import CONF, ROOT
from tests.helpers import fork_server

# several trainings at once, of several threads each, take ten times as long on few cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
fork_server.begin(os.environ | {"PYTHONPATH": str(ROOT)})
ENVIRONMENT = dict(os.environ)


def pytest_collection_finish() -> None:
    """Leaves what collecting made out of each later search for garbage, which else takes most of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What a test, or a library that it imports, sets in the environment ends with the test.

    Else a later command of the same worker would read it, and could not be served by a fork.
    """
    yield
    for name in os.environ.keys() - ENVIRONMENT.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)


@cache  # a composition takes a quarter of a second
def _tree(*overrides: str) -> DictConfig:
    tracer = sys.gettrace()
    sys.settrace(None)  # and twice that where coverage follows Hydra's every call
    try:
        with initialize_config_dir(str(CONF)):
            return compose("config", [*overrides])
    finally:
        sys.settrace(tracer)


def _compose(*overrides: str) -> DictConfig:
    """What Hydra composes; trees that differ in values alone are composed once.

    Values are set as Hydra sets them, in a copy of the tree of the groups. What that cannot do, an error
    for one, is left to Hydra.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    values = [one for one in parsed if one.type.name == "CHANGE" and not (CONF / one.key_or_group).is_dir()]
    tree = _tree(*(one.input_line for one in parsed if one not in values)).copy()
    try:
        for one in values:
            OmegaConf.update(tree, one.key_or_group, one.value(), merge=True)
    except OmegaConfBaseException:
        return _tree(*overrides)
    return tree


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """Composes the config of a command line, at nano scale unless it says otherwise."""
    composition.register()

    @cache  # no test changes what it gets
    def make(*overrides: str) -> Config:
        scale = [] if any(o.startswith("scale=") for o in overrides) else ["scale=nano"]
        return composition.to_config(_compose(*scale, *prepared(overrides)))

    return make


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data sets."""
    folder = Path(os.environ.get("OPENRS_MIRROR", ROOT.parent / "shared" / "hub"))
    if not folder.is_dir():
        pytest.skip(f"no data mirror at {folder} (set OPENRS_MIRROR to a folder <org>/<name>/...)")
    return folder
