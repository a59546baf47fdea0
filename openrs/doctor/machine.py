"""What this machine has: devices, memory, disk, packages, accounts. No heavy package is imported."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import psutil

from openrs import machine
from openrs.machine import device_names, driver, visible_devices
from openrs.paths import ROOT

GIB = 2**30
PATIENCE = 2.0
"""Seconds that a service may take to answer."""


@dataclass(frozen=True)
class Account:
    """A service on the network."""

    url: str
    reachable: bool
    key: bool
    user: str | None = None
    """Whose key it is, where the service said so."""


@dataclass(frozen=True)
class Machine:
    """Everything that the verdicts are made from."""

    devices: tuple[tuple[str, int], ...]
    """Name and memory (GiB) of each visible NVIDIA device."""
    memory_gib: float
    available_gib: float
    """Memory that is free now."""
    disk_gib: float
    """Free space where outputs/ is."""
    cores: int
    python: str
    packages: dict[str, str]
    """Installed distribution (normalised name) -> version."""
    pins: dict[str, str]
    """The same of constraints.txt."""
    required: tuple[str, ...]
    """Packages that openrs cannot do without."""
    torch_cuda: str | None
    """The CUDA version that torch was built for; None: for CPUs."""
    driver: str | None
    """Version of NVIDIA's driver."""
    hub: Account
    wandb: Account

    @property
    def memories(self) -> list[int]:
        """Memory of each device, GiB."""
        return [memory for _, memory in self.devices]

    @property
    def strays(self) -> dict[str, tuple[str, str]]:
        """Package -> (installed, pinned) where the two differ; local tags as +cpu do not count."""
        pinned = {name: version for name, version in self.pins.items() if name in self.packages}
        return {
            name: (self.packages[name], version)
            for name, version in pinned.items()
            if self.packages[name].split("+")[0] != version
        }


def survey(outputs: Path) -> Machine:
    """Looks at the machine; takes about a second, and no more than five without a network."""
    place = outputs.absolute()
    while not place.exists():
        place = place.parent
    memory = psutil.virtual_memory()
    packages = {_name(item.metadata["Name"]): item.version for item in metadata.distributions()}
    return Machine(
        devices=tuple(zip(device_names(), visible_devices(), strict=False)),
        memory_gib=round(memory.total / GIB, 1),
        available_gib=round(memory.available / GIB, 1),
        disk_gib=round(shutil.disk_usage(place).free / GIB, 1),
        cores=len(os.sched_getaffinity(0)),
        python=sys.version.split()[0],
        packages=packages,
        pins=_pins(ROOT / "constraints.txt"),
        required=_required(),
        torch_cuda=_torch_cuda(),
        driver=driver(),
        hub=_hub(),
        wandb=Account(
            f"https://{machine.WANDB_HOST}",
            machine.reaches(machine.WANDB_HOST, PATIENCE),
            machine.wandb_key(),
        ),
    )


def _name(name: str) -> str:
    """A distribution's name as the packaging standard normalises it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pinned = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {_name(name): version.strip() for name, version in pinned}


def _required() -> tuple[str, ...]:
    """What openrs's metadata asks for, extras left out."""
    try:
        asked = metadata.requires("openrs") or []
    except metadata.PackageNotFoundError:
        return ()
    names = (re.match(r"[\w.-]+", line) for line in asked if "extra ==" not in line)
    return tuple(_name(found.group()) for found in names if found)


def _torch_cuda() -> str | None:
    """Reads what torch says of its build, without importing it."""
    found = util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return None
    version = Path(next(iter(found.submodule_search_locations))) / "version.py"
    stated = re.search(r"^cuda[^=]*= *['\"]([\d.]+)['\"]", version.read_text(encoding="utf-8"), re.MULTILINE)
    return stated.group(1) if stated else None


def _hub() -> Account:
    from huggingface_hub import HfApi, constants, get_token

    offline = constants.HF_HUB_OFFLINE
    reachable = not offline and machine.reaches(constants.ENDPOINT, PATIENCE)
    key = get_token() is not None
    answer: dict[str, Any] | None = None
    if reachable and key:
        answer = machine.within(PATIENCE, HfApi().whoami)
    return Account(constants.ENDPOINT, reachable, key, answer["name"] if answer else None)
