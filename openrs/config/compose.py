"""Composition: conf/, sweeps/ and the command line -> Config."""

import re
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

from openrs.config import files, own_data, reward_paths, weights
from openrs.config.checks import check
from openrs.config.overrides import prepared
from openrs.config.refusal import refusal as refusal
from openrs.config.scale import made_for, options, pick, scaled, within_context
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.machine.devices import device_names, visible_devices
from openrs.paths import CONF
from openrs.terminal import say


@cache
def register() -> None:
    """Registers the schema, the reader of files, the resolvers, and the option `scale=auto`, which follows
    this machine."""
    files.register()
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
    "generations": lambda number, *, _root_: number * _root_.algorithm.num_iterations,
    "within_context": lambda number, *, _root_: within_context(number, _root_.model.context),
    "engine": lambda *, _root_: _engine(_root_),
    "all_weights": lambda *, _root_: not _root_.adapter,
    "sharding": lambda kind, *, _root_: "ddp" if _root_.adapter else kind,
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
        raise Mistake(f"sweeps={sweep}: a sweep is many runs and needs -m. Say: openrs -m sweeps={sweep}.")
    config = to_config(tree)
    if config.curation is not None:
        raise Mistake(
            f"curation={config.curation.name}: the verb curate reads it. Say: openrs curate curation=..."
        )
    if config.untrained:
        _say_without_effect(tuple(HydraConfig.get().overrides.task))
    return config


OF_TRAINING = (
    "seed",
    "data",
    "length",
    "reward",
    "steps",
    "prompt",
    "algorithm",
    "adapter",
    "collapse",
    "hub",
)
"""What an untrained model has no use for."""


@cache  # once a command, not once a trial
def _say_without_effect(overrides: tuple[str, ...]) -> None:
    """Says which overrides change nothing about an untrained model."""
    idle = [line for line in overrides if re.split(r"[.=@]", line.lstrip("+~"))[0] in OF_TRAINING]
    if idle:
        say(
            f"{' '.join(idle)}: no effect, because the model is untrained (untrained=true). "
            "Choose another experiment to train."
        )


def to_config(tree: DictConfig) -> Config:
    """Turns a composed tree into the checked dataclasses; the tree gets the entries of one's own data, too.

    Raises:
        Mistake: a field is wrong (field, value, rule, remedy).
    """
    try:
        config = OmegaConf.to_object(own_data.bind(weights.bind(tree)))
    except OmegaConfBaseException as error:
        raise Mistake(refusal(error)) from error
    assert isinstance(config, Config)
    reward_paths.bind(config)
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
            return to_config(compose("config", prepared(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise Mistake(f"{' '.join(overrides)}: {refusal(error)}") from error


def restore(fields: dict[str, Any]) -> Config:
    """The config that `dataclasses.asdict` wrote, as it was."""
    tree = OmegaConf.merge(OmegaConf.structured(Config), fields)
    assert isinstance(tree, DictConfig)
    return to_config(tree)
