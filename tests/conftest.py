"""Shared fixtures: composing configs, and the real data mirror where there is one."""

import gc
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from openrs.config.schema import Config
from openrs.paths import ROOT
from tests.helpers import fork_server
from tests.helpers.composition import config_of

# several trainings at once, of several threads each, take ten times as long on few cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
fork_server.begin(os.environ | {"PYTHONPATH": str(ROOT)})
ENVIRONMENT = dict(os.environ)


def pytest_collection_finish() -> None:
    """Leaves what collecting made out of each later search for garbage, which else takes most of a second,
    and has a whole search made a tenth as often: what tests keep, as composed trees, is no garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], 100)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What a test, or a library that it imports, sets in the environment ends with the test.

    Else a later command of the same worker would read it, and could not be served by a fork.
    """
    yield
    for name in os.environ.keys() - ENVIRONMENT.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """Composes the config of a command line, at nano scale unless it says otherwise."""

    @cache  # no test changes what it gets
    def make(*overrides: str) -> Config:
        scale = [] if any(o.startswith("scale=") for o in overrides) else ["scale=nano"]
        return config_of(*scale, *overrides)

    return make


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data sets."""
    folder = Path(os.environ.get("OPENRS_MIRROR", ROOT.parent / "shared" / "hub"))
    if not folder.is_dir():
        pytest.skip(f"no data mirror at {folder} (set OPENRS_MIRROR to a folder <org>/<name>/...)")
    return folder
