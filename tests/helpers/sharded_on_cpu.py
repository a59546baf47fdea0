"""fixed_completions with ZeRO or FSDP2 on CPU processes, which accelerate alone would not start there.

Two of accelerate's questions are answered for it: the backend is gloo, the device the CPU. What shards,
saves and resumes is DeepSpeed's, torch's, accelerate's and TRL's own.
"""

import os
import sys

import torch
from accelerate import state
from accelerate.utils import DistributedType

from openrs.train import trainer
from tests.helpers import fixed_completions

deepspeed = os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true"
kind = DistributedType.MULTI_CPU if deepspeed else DistributedType.MULTI_GPU
state.PartialState._prepare_backend = lambda self, *_, **__: ("gloo", kind)
state.PartialState.set_device = lambda self: setattr(self, "device", torch.device("cpu"))

own = trainer.trainer_arguments
trainer.trainer_arguments = lambda *given: own(*given) | {"use_cpu": False}

if __name__ == "__main__":
    fixed_completions.main(sys.argv[1:])
