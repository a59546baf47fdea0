"""Disk and memory that a run takes, by arithmetic over the number of the model's weights."""

from dataclasses import dataclass

from openrs.config.checks.devices import BYTES
from openrs.config.schema import Config
from openrs.models.adapters import trainable
from openrs.models.files import parameters, shape
from openrs.records.checkpoints import WITH_STATE

GIB = 2**30
LEAST_MEMORY_GIB = 2
"""Memory of a nano run at most, with room to spare (0.9 GB measured)."""


@dataclass(frozen=True)
class Disk:
    """Bytes of a run's checkpoints."""

    checkpoints: int
    weights: int
    """Bytes of each checkpoint's weights."""
    optimizer_state: int
    """Bytes of one checkpoint's optimizer state, which the newest checkpoints keep."""
    merged: int = 0
    """Bytes of the whole weights that an adapter is merged into, while its checkpoint is measured."""

    @property
    def total(self) -> int:
        """Bytes once training has ended."""
        return self.checkpoints * self.weights + min(self.checkpoints, WITH_STATE) * self.optimizer_state

    @property
    def peak(self) -> int:
        """Bytes while the newest optimizer state is written beside the older ones, or while an adapter is
        measured."""
        states = min(self.checkpoints, WITH_STATE + 1)
        training = self.checkpoints * self.weights + states * self.optimizer_state
        return max(training, self.total + self.merged)


def disk(config: Config) -> Disk | None:
    """The disk of a run's checkpoints; None where the number of weights is unknown.

    A checkpoint of an adapter holds what was trained alone, and merged it is as large as all float32 weights.
    DeepSpeed in bf16 saves bf16 weights and keeps float32 masters with its two moments, ZeRO-2 the weights
    once more beside them (mp_rank_00_model_states.pt); the others save float32 weights and two moments, FSDP
    a second copy of the weights.
    """
    number, steps, sharding = trainable(config), config.steps, config.hardware.sharding
    saved = {*range(steps.save_every, config.stop_at + 1, steps.save_every), config.stop_at} - {0}
    if not saved:
        return Disk(0, 0, 0)
    if number is None:
        return None
    deepspeed = sharding in ("zero2", "zero3")
    weights = 2 if deepspeed and config.model.compute_dtype == "bfloat16" else 4
    state = (
        {"zero2": 12 + weights}.get(sharding, 12) * number if sharding != "ddp" else moments(config, number)
    )
    merged = 4 * (parameters(config.model) or 0) if config.adapter and config.evaluates else 0
    return Disk(len(saved), weights * number, state, merged)


def moments(config: Config, trained: int) -> int:
    """Bytes of the optimizer's two moments: float32, or 8 bits of all but the embeddings' (transformers)."""
    if config.algorithm.optimizer != "adamw_8bit":
        return 8 * trained
    sizes = None if config.adapter else shape(config.model)
    words = sizes.vocabulary * sizes.hidden if sizes else 0
    return 2 * trained + 6 * words


def memory_gib(config: Config) -> float:
    """Host memory that the stages take on one machine, GiB; weights of unknown number count nothing."""
    number = parameters(config.model) or 0
    return LEAST_MEMORY_GIB + max(_training_bytes(config, number), number * _evaluation_bytes(config)) / GIB


def _training_bytes(config: Config, number: int) -> int:
    """Bytes of host memory while training, over all processes of one machine.

    With devices this is what a process holds before they take the weights: float32 weights, and beside them
    the base model of the KL term where DeepSpeed or FSDP take the weights last (TRL 1.16,
    GRPOTrainer.__init__). Without an adapter, that is. Later it is an offloaded optimizer's, shared by the
    processes: float32 masters, two moments, and gradients as they are summed and as they are stepped.
    """
    if not config.trains:
        return 0
    hardware, weights = config.hardware, 4 * number
    if hardware.device == "cpu" and config.adapter:  # the base; the adapter with gradients and moments
        each = weights + 16 * (trainable(config) or 0)
    elif hardware.device == "cpu":  # weights, gradients, two moments and the base model
        each = 5 * weights
    else:
        each = 2 * weights if hardware.sharding != "ddp" and config.algorithm.beta else weights
    offloaded = 20 * number // hardware.nodes if hardware.offload_optimizer else 0
    return max(hardware.training_processes // hardware.nodes * each, offloaded)


def _evaluation_bytes(config: Config) -> int:
    """Bytes for each weight while evaluating; vLLM reads weights onto devices piece by piece. An adapter is
    merged into float32 weights first."""
    merging = 4 if config.adapter and config.evaluates and not config.untrained else 0
    on_devices = config.engine.kind == "vllm" and config.hardware.device == "cuda"
    if not config.evaluates or config.engine.kind == "server" or on_devices:
        return merging
    return max(merging, BYTES[config.evaluation_dtype])
