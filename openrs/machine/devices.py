"""NVIDIA's devices, as their driver and CUDA_VISIBLE_DEVICES say."""

import os
import re
import subprocess
from collections.abc import Iterable

NVIDIA_SECONDS = 20.0
"""Time for NVIDIA's driver to answer."""
_hangs = False
"""Whether it did not, and is not waited for again by this process."""
CPU = "CPU"
"""The kind of device that every CPU is."""
FORM = re.compile(r"[ -](?:\d+ ?GB|SXM\d*|PCIe|NVL|HBM\d\w*|MIG .*)(?=[ -]|$)", re.IGNORECASE)
"""Memory size, bus form and slice in a device's name."""


def visible_devices() -> list[int]:
    """Memory of each visible NVIDIA device in GiB, as its driver and CUDA_VISIBLE_DEVICES say."""
    return [int(line) // 1024 for line in visible("memory.total") if line.isdigit()]


def device_uuids() -> dict[str, int]:
    """UUID of each visible NVIDIA device -> its memory in GiB."""
    rows = (line.rpartition(",") for line in visible("uuid,memory.total"))
    return {uuid.strip(): int(memory) // 1024 for uuid, _, memory in rows if memory.strip().isdigit()}


def driver_hangs() -> bool:
    """Whether NVIDIA's driver was asked and did not answer."""
    return _hangs


def device_names() -> list[str]:
    """Name of each visible NVIDIA device."""
    return visible("name")


def device_kind(names: Iterable[str]) -> str:
    """The kind of devices by their names: `NVIDIA A100-SXM4-80GB` is an `NVIDIA A100`.

    Several kinds are a kind of their own, `NVIDIA A40 and NVIDIA L40`.
    """
    kinds = {FORM.sub("", part).strip() for name in names for part in name.split(" and ")}
    return " and ".join(sorted(kinds))


def visible(field: str) -> list[str]:
    """One field of each visible device."""
    global _hangs
    query = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    if _hangs:
        return []
    try:
        listed = subprocess.run(
            query, capture_output=True, text=True, timeout=NVIDIA_SECONDS, check=True
        ).stdout
    except subprocess.TimeoutExpired:
        _hangs = True
        return []
    except (OSError, subprocess.SubprocessError):
        return []
    values = [line.strip() for line in listed.split("\n") if line.strip()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return values
    names = [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if all(name.isdigit() for name in names):
        return [values[int(name)] for name in names if int(name) < len(values)]
    return values[: len(names)]  # named by UUID: as many devices, all taken to be alike
