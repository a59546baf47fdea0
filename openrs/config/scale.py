"""Picks the scale of this machine without importing torch, and scales the paper's numbers.

`python -m openrs.config.scale` prints what scale=auto is here.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from openrs.machine.devices import device_names, visible_devices
from openrs.paths import CONF


@dataclass(frozen=True)
class Option:
    """The accelerators that a file of conf/hardware/ needs."""

    name: str
    devices: int
    memory: int
    """GiB of each device."""

    @property
    def size(self) -> int:
        """GiB of all devices."""
        return self.devices * self.memory

    def fits(self, devices: list[int]) -> bool:
        """Whether enough devices are large enough."""
        return sum(memory >= self.memory for memory in devices) >= self.devices


def made_for(option: str, devices: list[str]) -> bool:
    """Whether an option is named after one of these devices, as a40x4 is after NVIDIA A40."""
    device = re.escape(option.rsplit("x", 1)[0])
    return any(re.search(rf"\b{device}\b", name, re.IGNORECASE) for name in devices)


def options() -> list[Option]:
    """The hardware options that use accelerators of one machine."""
    files = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in CONF.glob("hardware/*.yaml")}
    return [
        Option(name, hardware["devices"], hardware["device_memory_gib"])
        for name, hardware in sorted(files.items())
        if hardware.get("device") == "cuda" and hardware.get("nodes", 1) == 1
    ]


def pick(devices: list[int], names: list[str], candidates: list[Option]) -> tuple[str, str | None, str]:
    """Chooses scale and hardware for a machine.

    The option that is sized for most memory is preferred, then more devices, then the devices' own name.

    Args:
        devices: memory of each, GiB.
        names: their names, from the driver.
        candidates: the options to choose from.

    Returns:
        Scale, hardware (None: the scale's own), and the reason, with the options that were passed over.
    """
    if not devices:
        return "nano", None, "no NVIDIA device is visible"
    seen = f"{len(devices)} NVIDIA device{'s' * (len(devices) > 1)} of {min(devices)} GiB visible"
    fitting = [option for option in candidates if option.fits(devices)]
    if not fitting:
        needs = " or ".join(f"{o.devices} of {o.memory} GiB (hardware={o.name})" for o in candidates)
        return "nano", None, f"{seen}, paper scale needs {needs}"
    best = max(fitting, key=lambda o: (o.size, o.devices, made_for(o.name, names)))
    fits = "" if made_for(best.name, names) else " fits (not its price)"
    others = [_why_not(option, best, devices) for option in candidates if option is not best]
    over = f"; passed over: {', '.join(others)}" if others else ""
    return "paper", best.name, f"{seen}, hardware={best.name}{fits}{over}"


def _why_not(option: Option, best: Option, devices: list[int]) -> str:
    """Why an option is not the best one for these devices."""
    if not option.fits(devices):
        return f"{option.name} (needs {option.devices} of {option.memory} GiB)"
    if option.size < best.size:
        return f"{option.name} (is for {option.size} GiB in all, not {best.size})"
    return f"{option.name} (is for {'fewer' if option.devices < best.devices else 'other'} devices)"


def scaled(kind: str, number: float, factors: Any) -> float:
    """Multiplies a number of the paper by the scale's factor; whole numbers stay whole, at least 1."""
    value = number * factors[kind]
    return max(1, round(value)) if isinstance(number, int) else float(f"{value:.12g}")


def within_context(number: int, context: int) -> int:
    """At most three quarters of a model's context, so that a prompt has room beside the answer."""
    return min(number, context * 3 // 4)


if __name__ == "__main__":
    devices = visible_devices()
    print(pick(devices, device_names() if devices else [], options())[0])
