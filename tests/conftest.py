"""Shared fixtures: composing configs, and the real data mirror where there is one."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from openrs import compose as composition
from openrs.config import Config
from openrs.paths import CONF, ROOT


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """Composes the config of a command line, at nano scale unless it says otherwise."""
    composition.register()

    @cache  # a composition takes a quarter of a second, and no test changes what it gets
    def make(*overrides: str) -> Config:
        scale = [] if any(o.startswith("scale=") for o in overrides) else ["scale=nano"]
        with initialize_config_dir(str(CONF)):
            config = OmegaConf.to_object(compose("config", [*scale, *overrides]))
        assert isinstance(config, Config)
        return config

    return make


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data sets."""
    folder = Path(os.environ.get("OPENRS_MIRROR", ROOT.parent / "shared" / "hub"))
    if not folder.is_dir():
        pytest.skip(f"no data mirror at {folder} (set OPENRS_MIRROR to a folder <org>/<name>/...)")
    return folder
