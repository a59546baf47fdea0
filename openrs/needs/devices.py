"""Needs of devices and their driver, of memory, theirs and the host's, and of a port."""

from collections.abc import Iterator

from openrs.config.schema import Config
from openrs.cost.memory import Phase, phases
from openrs.cost.sizes import memory_gib
from openrs.machine.devices import driver_hangs
from openrs.machine.facts import GIB, Machine
from openrs.needs.need import Need

LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""CUDA's major version -> major version of the oldest driver that runs it, by NVIDIA's table of CUDA's minor
version compatibility (CUDA Toolkit release notes)."""
LEAST_SHARED_GIB = 1
"""Shared memory of several processes on devices; a container has 64 MiB unless it is told otherwise."""
UNCHECKED = "or hardware.check_memory=false to try it"
"""The last remedy of a training that by arithmetic does not fit."""


def driver(config: Config, machine: Machine) -> Iterator[Need]:
    if config.hardware.device != "cuda" or machine.torch_cuda is None or machine.driver is None:
        return
    least = LEAST_DRIVER.get(int(machine.torch_cuda.split(".")[0]))
    if least is not None and int(machine.driver.split(".")[0]) < least:
        yield Need(
            "hardware.device=cuda",
            f"an NVIDIA driver of version {least} or newer, for torch's CUDA {machine.torch_cuda} "
            f"(this one is {machine.driver})",
            "a newer driver, or a torch that was built for an older CUDA",
        )


def enough(config: Config, machine: Machine) -> Iterator[Need]:
    hardware = config.hardware
    large = [name for name, memory in machine.devices if memory >= hardware.device_memory_gib]
    if hardware.device == "cuda" and len(large) < hardware.devices:
        seen = ", ".join(f"{name} {memory} GiB" for name, memory in machine.devices) or "none"
        seen += ", as nvidia-smi does not answer" if driver_hangs() else ""
        yield Need(
            f"hardware={hardware.name}",
            f"{hardware.devices} NVIDIA devices of {hardware.device_memory_gib} GiB (found {seen})",
            "another hardware option, scale=nano, or another machine",
        )


def training_memory(config: Config, machine: Machine) -> tuple[Phase, ...] | None:
    """What training takes of each device, by arithmetic, on the devices that are here, or on those that the
    hardware option names; None: the model's sizes are not known."""
    hardware = config.hardware
    large = [memory for _, memory in machine.devices if memory >= hardware.device_memory_gib]
    enough = 0 < hardware.devices <= len(large)
    return phases(config, min(large[: hardware.devices]) if enough else hardware.device_memory_gib)


def memory_lines(config: Config, machine: Machine) -> Iterator[str]:
    """That in lines for a person, one a phase."""
    if (each := training_memory(config, machine)) is None:
        yield f"  memory    of devices unknown: model.shape=null, and {config.model.title} is not here"
    for phase in each or ():
        yield f"  memory    {phase}"


def device_memory(config: Config, machine: Machine) -> Iterator[Need]:
    if not config.hardware.check_memory:
        return
    hardware = config.hardware
    for phase in training_memory(config, machine) or ():
        if phase.engine > phase.share:
            yield Need(
                f"hardware.vllm_memory={hardware.vllm_memory:g}",
                f"{phase.engine / GIB:.1f} GiB on {phase.devices} for vLLM's weights, work space and one "
                f"completion (its share is {phase.share / GIB:.1f})",
                f"a larger hardware.vllm_memory, a smaller length.completion, {UNCHECKED}",
            )
        elif not phase.fits:
            yield Need(
                f"hardware={hardware.name}",
                f"{phase.gib:.1f} GiB on {phase.devices} while {phase.name} (found {phase.device_gib:g}; "
                f"{phase.holds})",
                f"{_less_memory(phase, config)}, {UNCHECKED}",
            )


def _less_memory(phase: Phase, config: Config) -> str:
    """What makes a phase take less of a device."""
    hardware, adapter = config.hardware, config.adapter
    if phase.gib * GIB - max(phase.share - phase.engine, 0) <= phase.device_gib * GIB:
        return "a smaller hardware.vllm_memory"
    ways = ["a smaller algorithm.micro_batch"] if phase.name == "learning" else []
    ways += [] if adapter or hardware.offload_optimizer else ["a hardware option with offload, as gpu24x1"]
    ways += [] if adapter else ["adapter=lora"]
    return ", ".join(ways) or "a smaller model"


def free_memory(config: Config, machine: Machine) -> Iterator[Need]:
    """vLLM refuses to start where other processes hold the share of a device that it is to take."""
    hardware = config.hardware
    if config.trains and hardware.generation != "transformers":
        field, share = "hardware.vllm_memory", hardware.vllm_memory
    elif config.evaluates and config.engine.kind == "vllm":
        field, share = "engine.memory", config.engine.memory
    else:
        return
    pairs = zip(machine.devices, machine.free_gib, strict=False)
    devices = [(memory, free) for (_, memory), free in pairs if memory >= hardware.device_memory_gib]
    taken = [(memory, free) for memory, free in devices[: hardware.devices] if free < int(share * memory)]
    if hardware.device == "cuda" and taken:
        memory, free = taken[0]
        yield Need(
            f"{field}={share:g}",
            f"{int(share * memory)} GiB free on each device (other processes leave {free} of {memory})",
            f"end the processes that nvidia-smi lists, or a smaller {field}",
        )


def shared_memory(config: Config, machine: Machine) -> Iterator[Need]:
    hardware = config.hardware
    if hardware.device == "cuda" and hardware.devices > 1 and machine.shared_memory_gib < LEAST_SHARED_GIB:
        yield Need(
            f"hardware={hardware.name}",
            f"{LEAST_SHARED_GIB} GiB in /dev/shm (free {machine.shared_memory_gib:g})",
            "a larger /dev/shm, in Docker --shm-size=8g or --ipc=host",
        )


def port(config: Config, machine: Machine) -> Iterator[Need]:
    hardware, port = config.hardware, config.hardware.server_port
    serves = config.trains and hardware.generation == "vllm_server"
    if serves and port is not None and not machine.port_is_free(port):
        yield Need(
            f"hardware.server_port={port}",
            "a port on which nothing listens yet",
            "give another port, or null for a free one",
        )


def host_memory(config: Config, machine: Machine) -> Iterator[Need]:
    needed = memory_gib(config)
    instead = "adapter=lora" if config.hardware.offload_optimizer else "a smaller model, as model=nano"
    if machine.memory_gib < needed:
        yield Need(
            f"model={config.model.id}",
            f"{needed:.0f} GiB of memory (found {machine.memory_gib:.0f})",
            f"{instead}, or a larger machine",
        )
