"""A small Hydra application for the sweeper's tests: it trains nothing, and writes down what it ran."""

import os
import sys
import time
from pathlib import Path

import hydra
from omegaconf import OmegaConf

from openrs.sweep import plugin
from openrs.sweep.outcome import Outcome

OmegaConf.clear_resolvers()
plugin.register()


@hydra.main(config_path="conf", config_name="stub")
def main(config):
    with Path(config.log).open("a") as log:
        log.write(f"{config.x} {config.y} {os.getpid()}\n")
    if config.tell is not None:
        with Path(config.log).with_suffix(".told").open("a") as told:
            told.write(f"{config.x} {os.environ.get(config.tell, '')}\n")
    time.sleep(config.sleep)
    mended = Path(config.log).with_suffix(".mended").exists()
    if config.fail_at is not None and config.x == config.fail_at and not mended:
        raise RuntimeError("the stub was told to fail")
    if config.unfit_at is not None and config.x == config.unfit_at and not mended:
        return Outcome("unfit", reason="hardware=stub: this machine has no device.")
    if config.die_at is not None and config.x == config.die_at:
        marker = Path(config.log).with_suffix(".died")
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), 9)
    if config.objectives == 2:
        return [float(config.x), float(config.y)]
    return (float(config.x) - 2) ** 2 + float(config.y)


if __name__ == "__main__":
    sys.exit(main())
