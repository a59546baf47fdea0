"""Checks that the devices, processes and engine of a config fit together."""

from urllib.parse import urlsplit

from openrs.config.schema import Config
from openrs.errors import refuse

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}
WHOLE_SHARDED = ("zero3", "fsdp2")
"""Shardings in which no process has whole weights."""
BESIDE = 1.15
"""Memory of an evaluation as a multiple of its weights, at least, for activations and the cache of one long
answer."""


def check(config: Config) -> None:
    """Checks devices, processes and engine.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    _hardware(config)
    _kernels(config)
    _engine(config)
    _weights(config)


def _hardware(config: Config) -> None:
    hardware = config.hardware
    name = f"hardware={hardware.name}"
    if hardware.device == "cpu":
        if hardware.sharding != "ddp" or hardware.generation != "transformers":
            field = "sharding" if hardware.sharding != "ddp" else "generation"
            refuse(
                f"hardware.{field}",
                getattr(hardware, field),
                "needs CUDA devices, and hardware.device=cpu",
                "Give hardware.sharding=ddp hardware.generation=transformers, or a GPU option, as "
                "hardware=a40x4",
            )
    elif hardware.devices * hardware.nodes != hardware.training_processes + hardware.server_devices:
        refuse(
            "hardware.devices",
            hardware.devices,
            f"times hardware.nodes={hardware.nodes} is not hardware.training_processes="
            f"{hardware.training_processes} + hardware.server_devices={hardware.server_devices} ({name})",
            "Make them agree: each process has a device of its own",
        )
    if (hardware.generation == "vllm_server") != (hardware.server_devices > 0):
        refuse(
            "hardware.server_devices",
            hardware.server_devices,
            f"does not fit hardware.generation={hardware.generation}",
            "Give 1 or more with vllm_server, whose server has devices of its own, else 0",
        )
    if hardware.offload_optimizer and hardware.sharding != "zero3":
        refuse(
            "hardware.offload_optimizer",
            "true",
            f"is a part of DeepSpeed's ZeRO-3, and hardware.sharding={hardware.sharding} (ZeRO-2 has it too, "
            "and adds up micro-batches in the compute type there)",
            "Give hardware.sharding=zero3, or hardware.offload_optimizer=false",
        )
    several = hardware.training_processes > 1
    if hardware.generation == "vllm_server" and several and hardware.sharding in WHOLE_SHARDED:
        refuse(
            "hardware.sharding",
            hardware.sharding,
            "gathers weights from all processes while the first one sends them to the vLLM server, and both "
            "can wait for each other for ever",
            "Give hardware.sharding=zero2, or hardware.generation=vllm_colocate hardware.server_devices=0",
        )
    if config.adapter and config.trains and hardware.sharding != "ddp":
        refuse(
            "hardware.sharding",
            hardware.sharding,
            "spreads the weights or holds them in bfloat16, in which an adapter that is merged for vLLM "
            f"loses most of its update (adapter={config.adapter.name})",
            "Give hardware.sharding=ddp: an adapter has little state to share",
        )
    beside = hardware.generation == "vllm_colocate" and config.trains and config.scale.name == "paper"
    if beside and config.model.compute_dtype == "float32":
        refuse(
            "hardware.generation",
            hardware.generation,
            "TRL gives the vLLM beside the trainer no number format, so it samples float32 weights in half "
            f"precision, and model.compute_dtype={config.model.compute_dtype}",
            "Give hardware.generation=vllm_server with devices for it, or model.compute_dtype=bfloat16",
        )
    if hardware.training_processes % hardware.nodes:
        refuse(
            "hardware.training_processes",
            hardware.training_processes,
            f"does not divide evenly over hardware.nodes={hardware.nodes}",
            f"Give a multiple of {hardware.nodes}, as every node starts the same number",
        )
    if hardware.nodes > 1 and hardware.generation == "vllm_server":
        refuse(
            "hardware.generation",
            hardware.generation,
            f"leaves one of hardware.nodes={hardware.nodes} fewer devices for training than the others",
            "Give hardware.generation=vllm_colocate hardware.server_devices=0",
        )


def _kernels(config: Config) -> None:
    """Checks that the attention and the optimizer of a training run on its devices."""
    hardware, model, optimizer = config.hardware, config.model, config.algorithm.optimizer
    if not config.trains:
        return
    flash = (model.attention or "").startswith("flash")
    if flash and (hardware.device == "cpu" or model.compute_dtype == "float32"):
        lacking = "hardware.device=cpu" if hardware.device == "cpu" else "model.compute_dtype=float32"
        refuse(
            "model.attention",
            model.attention,
            f"needs a CUDA device and model.compute_dtype=bfloat16, and {lacking}",
            "Give model.attention=sdpa, or null",
        )
    if optimizer == "adamw_8bit" and hardware.sharding != "ddp":
        refuse(
            "algorithm.optimizer",
            optimizer,
            f"holds the moments of whole weights, and hardware.sharding={hardware.sharding} takes them apart",
            "Give hardware.sharding=ddp hardware.offload_optimizer=false, or "
            "algorithm.optimizer=adamw_torch_fused",
        )


def _engine(config: Config) -> None:
    engine, hardware = config.engine, config.hardware
    if engine.kind == "vllm" and hardware.device == "cuda" and engine.tensor_parallel > hardware.devices:
        refuse(
            "engine.tensor_parallel",
            engine.tensor_parallel,
            f"needs {engine.tensor_parallel} devices, and hardware={hardware.name} has {hardware.devices}",
            f"Give engine.tensor_parallel={hardware.devices} or less",
        )
    copies = config.evaluation_copies * engine.tensor_parallel
    if engine.kind == "vllm" and hardware.device == "cuda" and copies > hardware.devices:
        refuse(
            "engine.data_parallel",
            config.evaluation_copies,
            f"times engine.tensor_parallel={engine.tensor_parallel} needs {copies} devices, and "
            f"hardware={hardware.name} has {hardware.devices}",
            f"Give engine.data_parallel={max(1, hardware.devices // engine.tensor_parallel)} or less",
        )
    if engine.kind == "server" and not _is_address(engine.base_url):
        refuse(
            "engine.base_url",
            engine.base_url,
            "is no address of a server, as http://HOST:PORT/v1 with a port from 1 to 65535",
            "Give for example engine.base_url=http://127.0.0.1:8000/v1",
        )
    served = engine.model
    if engine.kind == "server" and served and "{step}" not in served and len(config.checkpoints) > 1:
        refuse(
            "engine.model",
            served,
            f"is one served name for the checkpoints {config.checkpoints}",
            "Give evaluation.checkpoints=[STEP], put {step} into the name, or leave engine.model=null "
            "and serve each checkpoint under its own path",
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _weights(config: Config) -> None:
    """Checks that the devices hold the weights to evaluate, by arithmetic."""
    model, engine, hardware = config.model, config.engine, config.hardware
    measured = "evaluate" in config.stages and engine.kind != "server" and hardware.device == "cuda"
    if not measured or model.parameters is None:
        return
    vllm = engine.kind == "vllm"
    each = hardware.device_memory_gib * (engine.memory if vllm else 1.0)
    gib = model.parameters * BYTES[config.evaluation_dtype] / 2**30
    spread = engine.tensor_parallel if vllm else 1
    if gib * BESIDE <= each * spread:
        return
    # vLLM spreads attention heads, whose number is a multiple of a power of two
    enough = [n for n in (1, 2, 4, 8, 16) if n <= hardware.devices and gib * BESIDE <= each * n]
    other_engine = "" if vllm else "engine=vllm "
    refuse(
        "engine.tensor_parallel",
        spread,
        f"the weights of {model.title} take {gib:.0f} GiB in {config.evaluation_dtype}, and each device of "
        f"hardware={hardware.name} gives {each:.0f} GiB, also for a cache and activations",
        f"Give {other_engine}engine.tensor_parallel={enough[0]}"
        if enough
        else "Choose hardware with more, or engine=server",
    )
