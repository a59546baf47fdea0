"""The facts of this machine: devices, memory, disk, packages, ports and accounts.

No heavy package is imported.
"""

import os
import re
import shutil
import socket
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import metadata, util
from pathlib import Path
from typing import Any

from openrs.machine.devices import device_names, visible, visible_devices
from openrs.machine.services import PATIENCE, WANDB_HOST, Account, reaches, wandb_key, within
from openrs.paths import ROOT

GIB = 2**30


class Packages(Mapping[str, str]):
    """Installed distribution -> version, looked up by name."""

    def __getitem__(self, name: str) -> str:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter({_normalised(item.metadata["Name"]) for item in metadata.distributions()})

    def __len__(self) -> int:
        return len(set(self))


class Machine:
    """The facts of this machine, each looked up when it is first used.

    Args:
        outputs: the folder of outputs, whose disk counts; it need not exist yet.
        facts: facts that are stated instead of looked up.
    """

    def __init__(self, outputs: str | Path, **facts: Any) -> None:
        self.outputs = Path(outputs).absolute()
        self.__dict__.update(facts)

    @cached_property
    def devices(self) -> tuple[tuple[str, int], ...]:
        """Name and memory (GiB) of each visible NVIDIA device."""
        return tuple(zip(device_names(), visible_devices(), strict=False))

    @cached_property
    def free_gib(self) -> tuple[int, ...]:
        """Memory of each visible NVIDIA device that no process holds now."""
        return tuple(int(line) // 1024 for line in visible("memory.free") if line.isdigit())

    @cached_property
    def shared_memory_gib(self) -> float:
        """Free space of /dev/shm, through which the processes of vLLM and NCCL pass tensors."""
        folder = Path("/dev/shm")
        return round(shutil.disk_usage(folder).free / GIB, 1) if folder.is_dir() else 0.0

    @cached_property
    def driver(self) -> str | None:
        """Version of NVIDIA's driver; None without a device."""
        return next(iter(visible("driver_version")), None)

    @cached_property
    def memory_gib(self) -> float:
        """Host memory in all."""
        return round(_memory().total / GIB, 1)

    @cached_property
    def available_gib(self) -> float:
        """Host memory that is free now."""
        return round(_memory().available / GIB, 1)

    @cached_property
    def disk_gib(self) -> float:
        """Free space where outputs/ is."""
        folder = self.outputs
        while not folder.exists():
            folder = folder.parent
        return round(shutil.disk_usage(folder).free / GIB, 1)

    @cached_property
    def cores(self) -> int:
        """Cores that this process may use."""
        return len(os.sched_getaffinity(0))

    @cached_property
    def python(self) -> str:
        """Version of Python."""
        return sys.version.split()[0]

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """Installed distribution -> version."""
        return Packages()

    @cached_property
    def pins(self) -> dict[str, str]:
        """Distribution -> version in constraints.txt."""
        path = ROOT / "constraints.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        pinned = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
        return {_normalised(name): version.strip() for name, version in pinned}

    @cached_property
    def strays(self) -> dict[str, tuple[str, str]]:
        """Package -> (installed, pinned) where the two differ; local tags as +cpu do not count."""
        installed = {name: self.packages[name] for name in self.pins if name in self.packages}
        return {
            name: (version, self.pins[name])
            for name, version in installed.items()
            if version.split("+")[0] != self.pins[name]
        }

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Packages that openrs always needs: its metadata's, extras left out."""
        try:
            requirements = metadata.requires("openrs") or []
        except metadata.PackageNotFoundError:
            return ()
        names = (re.match(r"[\w.-]+", line) for line in requirements if "extra ==" not in line)
        return tuple(_normalised(name.group()) for name in names if name)

    @cached_property
    def torch_cuda(self) -> str | None:
        """The CUDA version that torch was built for, read without importing torch; None: for CPUs."""
        spec = util.find_spec("torch")
        if spec is None or not spec.submodule_search_locations:
            return None
        version = Path(next(iter(spec.submodule_search_locations))) / "version.py"
        text = version.read_text(encoding="utf-8")
        stated = re.search(r"^cuda[^=]*= *['\"]([\d.]+)['\"]", text, re.MULTILINE)
        return stated.group(1) if stated else None

    @cached_property
    def compiler(self) -> str | None:
        """The C compiler that Triton uses; None without one."""
        names = (os.environ.get("CC"), "gcc", "clang")
        return next((path for name in names if name and (path := shutil.which(name))), None)

    @cached_property
    def python_headers(self) -> bool:
        """Whether Python.h is here, which Triton compiles with."""
        return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()

    @cached_property
    def hub(self) -> Account:
        """The Hugging Face Hub."""
        from huggingface_hub import HfApi, constants, get_token

        reachable = not constants.HF_HUB_OFFLINE and reaches(constants.ENDPOINT, PATIENCE)
        key = get_token() is not None
        answer = within(PATIENCE, HfApi().whoami) if reachable and key else None
        return Account(constants.ENDPOINT, reachable, key, answer["name"] if answer else None)

    @cached_property
    def wandb(self) -> Account:
        """Weights & Biases."""
        return Account(f"https://{WANDB_HOST}", reaches(WANDB_HOST, PATIENCE), wandb_key())

    def port_is_free(self, port: int) -> bool:
        """Whether nothing listens on a port of this machine's loopback address."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    def facts(self) -> dict[str, Any]:
        """Every fact by name, in a form that JSON keeps."""
        names = [name for name, item in vars(Machine).items() if isinstance(item, cached_property)]
        facts = {name: getattr(self, name) for name in names}
        accounts = {name: vars(facts[name]) for name in ("hub", "wandb")}
        return facts | accounts | {"packages": dict(self.packages)}


def _normalised(name: str) -> str:
    """A distribution's name as the packaging standard writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _memory() -> Any:
    import psutil

    return psutil.virtual_memory()
