"""`openrs.command.stage` with TRL's side of `cpu_sync`; `job.py` puts it in the place of that module."""

import sys
from pathlib import Path

import cpu_sync

from openrs.command import stage
from openrs.config.checks import devices
from openrs.train import trainer

devices._hardware = lambda config: None  # vLLM in training needs a GPU, less the plugin
own = trainer.trainer_arguments
# vLLM for CPUs has no sleep mode
trainer.trainer_arguments = lambda *given: own(*given) | {"vllm_enable_sleep_mode": False}

if __name__ == "__main__":
    cpu_sync.join()
    sys.exit(stage.main(Path(sys.argv[1])))
