"""The files of custom rewards: in the working directory, or else beside the user's own conf/."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from openrs.config.schema import Config
from openrs.paths import CONF


def bind(config: Config) -> None:
    """Gives a file by its whole path where it is not in the working directory but beside (or in) a conf/ that
    the command line names: `--config-dir study/conf` takes the study's files with it."""
    for term in config.reward.custom.values():
        file, _, name = term.function.rpartition(":")
        if not file.endswith(".py") or Path(file).exists():
            continue
        for folder in _folders():
            if (folder / file).is_file():
                term.function = f"{folder / file}:{name}"
                break


def _folders() -> list[Path]:
    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    own = [Path(source.path) for source in sources if source.schema == "file" and Path(source.path) != CONF]
    return [folder for conf in own for folder in (conf.parent, conf)]
