"""Keys and reachability of the services that a run may use: the Hub and Weights & Biases."""

import netrc
import os
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

WANDB_HOST = "api.wandb.ai"


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
    """Whether the host of a URL (or a bare host name, at port 443) takes connections."""
    parts = urlsplit(url if "//" in url else f"https://{url}")
    port = parts.port or (80 if parts.scheme == "http" else 443)

    def connect() -> bool:
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return True

    return bool(within(seconds, connect))


def wandb_key() -> bool:
    """Whether W&B has a key on this machine: WANDB_API_KEY, or the one that `wandb login` stored."""
    try:
        stored = netrc.netrc().authenticators(WANDB_HOST)
    except (OSError, netrc.NetrcParseError):
        stored = None
    return bool(os.environ.get("WANDB_API_KEY") or stored)
