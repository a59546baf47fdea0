"""Keys and reachability of the services that a run may use: the Hub and Weights & Biases."""

import netrc
import os
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
