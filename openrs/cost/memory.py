"""Memory of a device while a run learns and while it samples, by arithmetic over the model's sizes.

Learning is at its fullest either in the backward pass of a micro-batch or in the optimizer's step, which come
one after the other. `docs/gpu.md` says what of it was measured.
"""

from dataclasses import dataclass

from openrs.config.catalog import Shape
from openrs.config.checks.devices import BYTES, WHOLE_SHARDED
from openrs.config.schema import Config
from openrs.cost.sizes import moments
from openrs.models.adapters import trainable
from openrs.models.files import parameters, shape

GIB = 2**30
CONTEXT = GIB
"""CUDA's own memory of a process, with the work spaces of cuBLAS and NCCL."""
ENGINE = 3 * GIB // 2
"""vLLM's activations and CUDA graphs."""
TILE_TOKENS, TILE_WORDS = 4096, 32_768
"""The logits that TRL 1.16 makes at once (trl/kernels/chunked_logprob.py)."""
BUCKET = 5 * 10**8
"""Gradients that DeepSpeed reduces, and weights that its ZeRO-2 gathers, at once."""
LIVE = 10**9
"""Weights that ZeRO-3 keeps gathered."""


@dataclass(frozen=True)
class Phase:
    """What a device holds at the fullest moment of a phase."""

    name: str
    """What the run does meanwhile: learning or sampling."""
    devices: str
    """The devices that hold it, in words."""
    parts: dict[str, float]
    """Bytes of each part."""
    device_gib: float
    engine: float = 0.0
    """Bytes that vLLM needs at least: weights, work space and the cache of one completion."""
    share: float = 0.0
    """Bytes that vLLM may take."""
    note: str = ""

    @property
    def gib(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values()) / GIB

    @property
    def fits(self) -> bool:
        """Whether the device holds it all, and vLLM's share what vLLM needs."""
        return self.gib <= self.device_gib and self.engine <= self.share

    @property
    def holds(self) -> str:
        """The parts with their GiB, in words."""
        return ", ".join(f"{name} {size / GIB:.1f}" for name, size in self.parts.items() if size > GIB / 20)

    def __str__(self) -> str:
        where = f"{self.name} {self.gib:.1f} of {self.device_gib:g} GiB on {self.devices}"
        return f"{where}: {self.holds}{self.note}"


def phases(config: Config, device_gib: float) -> tuple[Phase, ...] | None:
    """Learning and sampling on devices of so much memory; none where no device trains; None: sizes are not
    known."""
    if not config.trains or config.hardware.device == "cpu":
        return ()
    sizes, number, trained = shape(config.model), parameters(config.model), trainable(config)
    if sizes is None or number is None or trained is None:
        return None
    processes = config.hardware.training_processes
    devices = "the training device" if processes == 1 else f"each of {processes} training devices"
    held = _held(config, number, trained)
    gradients = {"gradients": held.pop("gradients")}
    step = {"the optimizer's step": _step(config, trained)}
    fullest = max(_backward(config, sizes, number, trained), step, key=lambda parts: sum(parts.values()))
    learning = Phase("learning", devices, held | gradients | fullest, device_gib)
    return learning, _sampling(config, sizes, number, held, devices, device_gib)


def _sampling(
    config: Config, sizes: Shape, number: int, held: dict[str, float], devices: str, device_gib: float
) -> Phase:
    """Sampling, on the devices that generate.

    Args:
        held: what a training process holds meanwhile.
        devices: the training devices, in words.
    """
    hardware, compute = config.hardware, BYTES[config.model.compute_dtype]
    a_token = 2 * sizes.layers * sizes.key_value_heads * sizes.head_size * compute
    longest = config.length.prompt + config.length.completion
    tokens = config.algorithm.prompts_per_step * config.algorithm.group_size * longest
    if hardware.generation == "transformers":
        cache = a_token * tokens / hardware.training_processes
        return Phase("sampling", devices, held | {"cache": cache}, device_gib)
    spread = max(1, hardware.server_devices)
    fixed, share = number * compute / spread + ENGINE, hardware.vllm_memory * device_gib * GIB
    least = fixed + a_token * longest / spread
    cache = max(share, least) - fixed
    vllm = {"vLLM's weights and work space": fixed, "its cache": cache}
    if hardware.generation == "vllm_server":
        devices = "the server's device" if spread == 1 else f"each of {spread} devices of the server"
        engines, held = 1, {}
    else:
        engines = hardware.training_processes
    note = (
        f" (room for {cache * spread / a_token:.0f} tokens at once, of up to {tokens // engines} that a step "
        "samples there)"
    )
    return Phase("sampling", devices, held | vllm, device_gib, least, share, note)


def _held(config: Config, number: int, trained: int) -> dict[str, float]:
    """Bytes that a training process holds from step to step; gradients are freed while it samples.

    DeepSpeed computes with weights of the compute type and keeps float32 masters beside them; DDP and FSDP2
    train float32 weights.
    """
    hardware, compute = config.hardware, BYTES[config.model.compute_dtype]
    deepspeed, processes = hardware.sharding.startswith("zero"), hardware.training_processes
    whole = number * (compute if deepspeed else 4)
    weights = whole / processes if hardware.sharding in WHOLE_SHARDED else whole
    sharing = 1 if hardware.sharding == "ddp" else processes
    share = 0.0 if hardware.offload_optimizer else trained / sharing
    return {
        "weights": weights,
        "adapter": 4.0 * trained if config.adapter else 0.0,
        "masters": 4 * share if deepspeed else 0.0,
        "moments": 0.0 if hardware.offload_optimizer else moments(config, trained) / sharing,
        "gradients": 4 * share,
        "base": weights if config.algorithm.beta and not config.adapter else 0.0,
        "CUDA": CONTEXT,
    }


def _backward(config: Config, sizes: Shape, number: int, trained: int) -> dict[str, float]:
    """Bytes of a micro-batch's pass beside what is held: each layer's input is kept, one layer at a time is
    computed again, and the logits are made in tiles."""
    hardware, compute = config.hardware, BYTES[config.model.compute_dtype]
    processes = hardware.training_processes
    tokens = config.algorithm.micro_batch * (config.length.prompt + config.length.completion)
    embeddings, layer = sizes.vocabulary * sizes.hidden, sum(a * b for a, b in sizes.linear.values())
    exchanged = {
        "ddp": 4.0 * trained if processes > 1 else 0.0,
        "zero2": 2.0 * compute * min(BUCKET, number),
        "zero3": float(compute * (min(BUCKET, number) + (min(LIVE, number) if processes > 1 else 0))),
        "fsdp2": float(compute * (2 * embeddings + 2 * layer)),
    }[hardware.sharding]
    stream = 4 if hardware.sharding == "ddp" else compute  # autocast adds to float32 embeddings
    casts = 0
    if hardware.sharding == "ddp" and compute < 4:  # autocast keeps a copy of each weight that is trained
        casts = compute * (trained if config.adapter else sizes.layers * layer)
    head = TILE_WORDS * (TILE_TOKENS + sizes.hidden) * compute + 4 * tokens * sizes.hidden
    return {
        "exchange": exchanged,
        "casts": float(casts),
        "activations": float(tokens * (sizes.layers * sizes.hidden * stream + _layer(config, sizes))),
        "head": float(head + (0 if config.adapter else 4 * embeddings)),
    }


def _layer(config: Config, sizes: Shape) -> int:
    """Bytes that one layer keeps of a token for its backward pass: four times the feed-forward part's width,
    as often that of the heads (all but the flash kernels repeat keys and values), two norms with float32
    inputs."""
    adapter, compute = config.adapter, BYTES[config.model.compute_dtype]
    queries, attention = sizes.heads * sizes.head_size, config.model.attention or "sdpa"
    keys = sizes.key_value_heads * sizes.head_size if attention.startswith("flash") else queries
    kept = 4 * sizes.inner + 2 * queries + 2 * keys
    if adapter:
        beside = [shape for name, shape in sizes.linear.items() if name.split(".")[-1] in adapter.modules]
        kept += sum(columns for _, columns in beside)  # each has its own copy of its inputs
        if adapter.name == "dora":
            kept += 2 * sum(rows for rows, _ in beside)  # and its outputs without the scale, and with it
    scores = 0
    if attention == "eager":  # of each head with every token, in float32 and in the compute type
        scores = sizes.heads * (config.length.prompt + config.length.completion) * (4 + compute)
    return compute * kept + 2 * (4 + compute) * sizes.hidden + scores


def _step(config: Config, trained: int) -> float:
    """Bytes of the optimizer's step beside what is held: the foreach kernel of adamw_torch makes two copies
    of what it steps, and ZeRO one more of the gradients."""
    hardware = config.hardware
    if hardware.offload_optimizer:
        return 0.0
    copies = 2 * (config.algorithm.optimizer == "adamw_torch") + (hardware.sharding in ("zero2", "zero3"))
    return 4 * copies * trained / (1 if hardware.sharding == "ddp" else hardware.training_processes)
