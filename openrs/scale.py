"""Picks the scale of this machine without importing torch, and scales the paper's numbers.

`python -m openrs.scale` prints what scale=auto is here.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any

import yaml

from openrs.paths import CONF


@dataclass(frozen=True)
class Option:
    """What a file of conf/hardware/ asks of a machine with accelerators."""

    name: str
    devices: int
    memory: int
    """GiB of each device."""

    def fits(self, devices: list[int]) -> bool:
        """Whether enough devices are large enough."""
        return sum(memory >= self.memory for memory in devices) >= self.devices

    def made_for(self, name: str) -> bool:
        """Whether the option is named after this device, as a40x4 after NVIDIA A40."""
        return bool(re.search(rf"\b{re.escape(self.name.rsplit('x', 1)[0])}\b", name, re.IGNORECASE))


def options() -> list[Option]:
    """The hardware options that use accelerators of one machine."""
    found = []
    for path in sorted(CONF.glob("hardware/*.yaml")):
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
        if stated.get("device") == "cuda" and stated.get("nodes", 1) == 1:
            found.append(Option(path.stem, stated["devices"], stated["device_memory_gib"]))
    return found


def visible_devices() -> list[int]:
    """Memory of each visible NVIDIA device in GiB, as its driver and CUDA_VISIBLE_DEVICES say."""
    return [int(line) // 1024 for line in _visible("memory.total") if line.isdigit()]


def device_names() -> list[str]:
    """Name of each visible NVIDIA device."""
    return _visible("name")


def driver() -> str | None:
    """Version of NVIDIA's driver; None without a device."""
    return next(iter(_visible("driver_version")), None)


def _visible(field: str) -> list[str]:
    """One field of each visible device."""
    query = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = [line.strip() for line in listed.split("\n") if line.strip()]
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return found
    names = [name.strip() for name in asked.split(",") if name.strip() not in ("", "-1")]
    if all(name.isdigit() for name in names):
        return [found[int(name)] for name in names if int(name) < len(found)]
    return found[: len(names)]  # named by UUID: how many, all taken to be alike


def pick(devices: list[int], names: list[str], known: list[Option]) -> tuple[str, str | None, str]:
    """Chooses scale and hardware for a machine.

    The option that uses most devices is preferred, then one named after them.

    Args:
        devices: memory of each, GiB.
        names: what the driver calls them.
        known: the options to choose from.

    Returns:
        Scale, hardware (None: the scale's own), and the reason.
    """
    if not devices:
        return "nano", None, "no NVIDIA device is visible"
    seen = f"{len(devices)} NVIDIA device{'s' * (len(devices) > 1)} of {min(devices)} GiB visible"
    fitting = [option for option in known if option.fits(devices)]
    if not fitting:
        asked = " or ".join(f"{o.devices} of {o.memory} GiB (hardware={o.name})" for o in known)
        return "nano", None, f"{seen}, paper scale needs {asked}"
    best = max(fitting, key=lambda o: (o.devices, any(map(o.made_for, names)), -o.memory))
    if any(map(best.made_for, names)):
        return "paper", best.name, f"{seen}, hardware={best.name}"
    return "paper", best.name, f"{seen}, hardware={best.name} fits (its price is another device's)"


def scaled(kind: str, number: float, factors: Any) -> float:
    """Multiplies a number of the paper by the scale's factor; whole numbers stay whole, at least 1."""
    value = number * factors[kind]
    return max(1, round(value)) if isinstance(number, int) else float(f"{value:.12g}")


def within_context(number: int, context: int) -> int:
    """At most three quarters of a model's context, so that a prompt has room beside the answer."""
    return min(number, context * 3 // 4)


if __name__ == "__main__":
    found = visible_devices()
    print(pick(found, device_names() if found else [], options())[0])
