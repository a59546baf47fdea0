"""Composition: conf/, sweeps/ and the command line -> Config."""

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from openrs.config import Config
from openrs.mistake import Mistake
from openrs.scale import pick, scaled, visible_devices
from openrs.sweep import plugin


def register() -> None:
    """Registers the schema, the resolvers, and the option `scale=auto`, made for this machine."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    name, reason = pick(visible_devices())
    auto = {"defaults": [name, "_self_"], "scale": {"reason": reason}}
    store.store(group="scale", name="auto", package="_global_", node=auto)
    OmegaConf.register_resolver(
        "scaled",
        lambda kind, number, *, _root_: scaled(kind, number, _root_.scale),
        replace=True,
    )
    plugin.register()


def load(composed: DictConfig) -> Config:
    """Turns what Hydra composed into the checked dataclasses.

    Raises:
        Mistake: a field is wrong (field, value, rule, remedy), or a sweep was chosen without -m.
    """
    sweep = HydraConfig.get().runtime.choices.get("sweeps")
    if sweep is not None and HydraConfig.get().mode is RunMode.RUN:
        raise Mistake(
            f"sweeps={sweep}: a sweep is many runs and needs -m. Say: python -m openrs -m sweeps={sweep}."
        )
    config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    return config
