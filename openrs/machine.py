"""This machine: visible NVIDIA devices, and keys and reachability of the Hub and Weights & Biases."""

import ctypes
import netrc
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

WANDB_HOST = "api.wandb.ai"
NOT_PASSED_ON = (407, 502, 503, 504)
"""What a proxy answers where the host itself was not asked."""


def within(seconds: float, ask: Callable[[], Any]) -> Any:
    """What `ask` returns, or None where it fails or takes longer (a name server may hang)."""
    answer: list[Any] = []

    def run() -> None:
        try:
            answer.append(ask())
        except Exception:  # a check tells no more than yes or no
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else None


def reaches(url: str, seconds: float = 3) -> bool:
    """Whether the host of a URL (or a bare host name, by https) answers, through a proxy where one is set."""
    asked = urllib.request.Request(url if "//" in url else f"https://{url}", method="HEAD")

    def ask() -> bool:
        try:
            # urlopen keeps the proxies of its first call in this process
            with urllib.request.build_opener().open(asked, timeout=seconds):
                return True
        except urllib.error.HTTPError as error:  # a host that refuses has been reached
            return error.code not in NOT_PASSED_ON

    return bool(within(seconds, ask))


def wandb_key() -> bool:
    """Whether W&B has a key on this machine: WANDB_API_KEY, or the one that `wandb login` stored."""
    try:
        stored = netrc.netrc().authenticators(WANDB_HOST)
    except (OSError, netrc.NetrcParseError):
        stored = None
    return bool(os.environ.get("WANDB_API_KEY") or stored)


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


def die_with_parent(number: int) -> None:
    """Asks Linux to send this process a signal when its parent dies, `kill -9` included.

    Else the process would go on writing into a run while the same command runs again.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # 1 is PR_SET_PDEATHSIG
