"""Picks the scale of this machine without importing torch, and scales the paper's numbers."""

import os
import subprocess
from typing import Any

PAPER_DEVICES = 4
PAPER_MEMORY_GIB = 40
"""What `hardware=a40x4` needs on each device (an A40 shows 44 to 46 GiB)."""


def visible_devices() -> list[int]:
    """Memory of each visible NVIDIA device in GiB, as its driver and CUDA_VISIBLE_DEVICES say."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = [int(line) // 1024 for line in listed.split("\n") if line.strip().isdigit()]
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return found
    names = [name.strip() for name in asked.split(",") if name.strip() not in ("", "-1")]
    if all(name.isdigit() for name in names):
        return [found[int(name)] for name in names if int(name) < len(found)]
    return found[: len(names)]  # named by UUID: how many, all taken to be alike


def pick(devices: list[int]) -> tuple[str, str]:
    """Returns (scale, reason) for devices with this much memory (GiB each)."""
    if not devices:
        return "nano", "no NVIDIA device is visible"
    large = [memory for memory in devices if memory >= PAPER_MEMORY_GIB]
    seen = f"{len(devices)} NVIDIA device{'s' * (len(devices) > 1)} of {min(devices)} GiB"
    if len(large) >= PAPER_DEVICES:
        return "paper", f"{seen} visible"
    needed = f"paper scale needs {PAPER_DEVICES} of {PAPER_MEMORY_GIB} GiB (hardware=a40x4)"
    return "nano", f"{seen} visible, {needed}"


def scaled(kind: str, number: float, factors: Any) -> float:
    """Multiplies a number of the paper by the scale's factor; whole numbers stay whole, at least 1."""
    value = number * factors[kind]
    return max(1, round(value)) if isinstance(number, int) else float(f"{value:.12g}")


def within_context(number: int, context: int) -> int:
    """At most three quarters of a model's context, so that a prompt has room beside the answer."""
    return min(number, context * 3 // 4)
