"""The command of openrs, whose training processes have TRL's side of `cpu_sync`: `job.py OVERRIDE...`."""

import sys
from pathlib import Path

from openrs.__main__ import main
from openrs.config.checks import devices
from openrs.processes import launch

STAGE = str(Path(__file__).with_name("stage.py"))
devices._hardware = lambda config: None  # vLLM in training needs a GPU, less the plugin
own = launch.command


def command(config, stage, file):
    """The stage's command with `stage.py` in the place of `-m openrs.command.stage`."""
    words = own(config, stage, file)
    at = words.index("openrs.command.stage")
    return [*words[: at - 1], STAGE, *words[at + 1 :]] if stage == "train" else words


launch.command = command
launch.in_own_process = lambda config, stage: True

if __name__ == "__main__":
    sys.exit(main())
