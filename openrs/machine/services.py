"""Services on the network that this machine reaches: W&B, the Hub, any host."""

import netrc
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PATIENCE = 2.0
"""Seconds that a service may take to answer a survey of the machine."""
WANDB_HOST = "api.wandb.ai"
NOT_PASSED_ON = (407, 502, 503, 504)
"""Statuses with which a proxy answers for a host that it did not reach."""


@dataclass(frozen=True)
class Account:
    """A service on the network."""

    url: str
    reachable: bool
    key: bool
    user: str | None = None
    """The key's owner, where the service names one."""


def within(seconds: float, question: Callable[[], Any]) -> Any:
    """The question's answer, or None where it fails or takes longer (a name server may hang)."""
    answer: list[Any] = []

    def run() -> None:
        try:
            answer.append(question())
        except Exception:  # the caller needs no more than yes or no
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else None


def reaches(url: str, seconds: float = 3) -> bool:
    """Whether the host of a URL (or a bare host name, by https) answers, through a proxy where one is set."""
    import urllib.error  # tables, which ask this machine nothing, need not wait for these two
    import urllib.request

    request = urllib.request.Request(url if "//" in url else f"https://{url}", method="HEAD")

    def answers() -> bool:
        try:
            # urlopen keeps the proxies of its first call in this process
            with urllib.request.build_opener().open(request, timeout=seconds):
                return True
        except urllib.error.HTTPError as error:  # a host that refuses has been reached
            return error.code not in NOT_PASSED_ON

    return bool(within(seconds, answers))


def wandb_key() -> bool:
    """Whether W&B has a key on this machine: WANDB_API_KEY, or the one that `wandb login` stored."""
    try:
        stored = netrc.netrc().authenticators(WANDB_HOST)
    except (OSError, netrc.NetrcParseError):
        stored = None
    return bool(os.environ.get("WANDB_API_KEY") or stored)
