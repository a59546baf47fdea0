"""What hardware and engine ask of devices, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openrs.mistake import refuse

if TYPE_CHECKING:
    from openrs.config import Config


def check(config: Config) -> None:
    """Checks that devices, processes and engines fit together.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    _hardware(config)
    _engine(config)


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
    copies = engine.data_parallel * engine.tensor_parallel
    if engine.kind == "vllm" and hardware.device == "cuda" and copies > hardware.devices:
        refuse(
            "engine.data_parallel",
            engine.data_parallel,
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
