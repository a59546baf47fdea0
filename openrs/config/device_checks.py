"""What hardware and engine ask of devices, held against each other."""

from openrs.config.schema import Config
from openrs.errors import refuse

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}
BESIDE = 1.15
"""Memory of an evaluation over that of its weights, at least: the cache of one long answer, activations."""


def check(config: Config) -> None:
    """Checks that devices, processes and engines fit together.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    _hardware(config)
    _engine(config)
    _weights(config)


def _hardware(config: Config) -> None:
    hardware = config.hardware
    name = f"hardware={hardware.name}"
    if hardware.device == "cpu":
        if hardware.sharding != "ddp" or hardware.generation != "transformers":
            field_name = "sharding" if hardware.sharding != "ddp" else "generation"
            refuse(
                f"hardware.{field_name}",
                getattr(hardware, field_name),
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
            "Each process has a device of its own: make them agree",
        )
    if (hardware.generation == "vllm_server") != (hardware.server_devices > 0):
        refuse(
            "hardware.server_devices",
            hardware.server_devices,
            f"with hardware.generation={hardware.generation}",
            "A vLLM server needs at least 1 device of its own, every other generation 0",
        )
    if hardware.training_processes % hardware.nodes:
        refuse(
            "hardware.training_processes",
            hardware.training_processes,
            f"does not divide over hardware.nodes={hardware.nodes}",
            "Each node must start as many",
        )
    if hardware.nodes > 1 and hardware.generation == "vllm_server":
        refuse(
            "hardware.generation",
            hardware.generation,
            f"leaves one of hardware.nodes={hardware.nodes} fewer devices to train on than the others",
            "Give hardware.generation=vllm_colocate hardware.server_devices=0",
        )


def _engine(config: Config) -> None:
    engine, hardware = config.engine, config.hardware
    if engine.kind == "vllm" and hardware.device == "cuda" and engine.tensor_parallel > hardware.devices:
        refuse(
            "engine.tensor_parallel",
            engine.tensor_parallel,
            f"needs as many devices, and hardware={hardware.name} has {hardware.devices}",
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
    served = engine.model
    if engine.kind == "server" and served and "{step}" not in served and len(config.checkpoints) > 1:
        refuse(
            "engine.model",
            served,
            f"one served name would stand for the checkpoints {config.checkpoints}",
            "Give evaluation.checkpoints=[STEP], put {step} into the name, or leave engine.model=null "
            "and serve each checkpoint under its own path",
        )


def _weights(config: Config) -> None:
    """Whether the devices hold the weights that are measured, by arithmetic."""
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
    chosen = "" if vllm else "engine=vllm "
    refuse(
        "engine.tensor_parallel",
        spread,
        f"the weights of {model.title} take {gib:.0f} GiB in {config.evaluation_dtype}, and each device of "
        f"hardware={hardware.name} gives {each:.0f} GiB, for a cache and activations besides",
        f"Give {chosen}engine.tensor_parallel={enough[0]}"
        if enough
        else "Choose hardware with more, or engine=server",
    )
