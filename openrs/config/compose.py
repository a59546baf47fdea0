"""Composition: conf/, sweeps/ and the command line -> Config."""

from collections.abc import Callable
from functools import cache
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from openrs.config.checks import check
from openrs.config.scale import made_for, options, pick, scaled, within_context
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.machine import device_names, visible_devices
from openrs.paths import CONF


@cache
def register() -> None:
    """Registers the schema, the resolvers, and the option `scale=auto`, which follows this machine."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config, replace=True)
    devices = visible_devices()
    names = device_names() if devices else []
    name, hardware, reason = pick(devices, names, options())
    if hardware and not made_for(hardware, names):  # another device's price would be a wrong one
        unpriced = {"defaults": [hardware, "_self_"], "price_per_device_hour": None}
        store.store(group="hardware", name="auto", node=unpriced, replace=True)
        hardware = "auto"
    override = [{"override /hardware": hardware}] if hardware else []
    auto = {"defaults": [name, *override, "_self_"], "scale": {"reason": reason}}
    store.store(group="scale", name="auto", package="_global_", node=auto, replace=True)
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_resolver(name, resolver, replace=True)


def _engine(config: DictConfig) -> str:
    """The engine of `engine=auto`: vLLM where the paper's sizes meet a GPU."""
    large = config.scale.name == "paper" and config.hardware.device == "cuda"
    return "vllm" if large else "transformers"


RESOLVERS: dict[str, Callable[..., Any]] = {
    "scaled": lambda kind, number, *, _root_: scaled(kind, number, _root_.scale),
    "within_context": lambda number, *, _root_: within_context(number, _root_.model.context),
    "engine": lambda *, _root_: _engine(_root_),
}
"""Functions that conf/ calls, as `${scaled:steps,500}`; `_root_` is the whole tree."""


def load(tree: DictConfig) -> Config:
    """The config of one job, from the tree that Hydra composed for it.

    Raises:
        Mistake: a field is wrong (field, value, rule, remedy), or a sweep was chosen without -m.
    """
    register()  # a launcher's process on another machine gets the tree without the resolvers
    sweep = HydraConfig.get().runtime.choices.get("sweeps")
    if sweep is not None and HydraConfig.get().mode is RunMode.RUN:
        raise Mistake(
            f"sweeps={sweep}: a sweep is many runs and needs -m. Say: python -m openrs -m sweeps={sweep}."
        )
    return to_config(tree)


def to_config(tree: DictConfig) -> Config:
    """Turns a composed tree into the checked dataclasses.

    Raises:
        Mistake: a field is wrong (field, value, rule, remedy).
    """
    config = OmegaConf.to_object(tree)
    assert isinstance(config, Config)
    check(config)
    return config


def compose_config(*overrides: str) -> Config:
    """The config of a command line, for callers that look at it and run nothing.

    Raises:
        Mistake: an option or a value is wrong.
    """
    register()
    try:
        with initialize_config_dir(str(CONF)):
            return to_config(compose("config", list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise Mistake(f"{' '.join(overrides)}: {refusal(error)}") from error


def restore(fields: dict[str, Any]) -> Config:
    """The config that `dataclasses.asdict` wrote, as it was."""
    tree = OmegaConf.merge(OmegaConf.structured(Config), fields)
    assert isinstance(tree, DictConfig)
    return to_config(tree)


def refusal(error: BaseException) -> str:
    """An error of composition in one line: its cause and the existing options, without Hydra's list of
    folders and OmegaConf's list of keys."""
    text, cause = str(error).split("\nConfig search path")[0], error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        text += f"\n{cause}"
    sentences, options = [], []
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("\t"):
            options.append(line.strip())
        elif not line.startswith("    "):
            sentences.append(line.strip().removesuffix("."))
    listed = f" {', '.join(options)}" if options else ""
    end = "" if sentences[-1:] and sentences[-1].endswith("?") else "."
    return f"{'. '.join(sentences)}{listed}{end}"
