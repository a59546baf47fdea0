"""Notices weights that do not arrive, and a server that ends, by the lines of the server's log.

TRL announces weights in one thread and sends them in another. Where the vLLM server refuses what is
announced, or one of its workers stops, the sending thread waits for ever, and the server's /health goes on
saying that all is well. Where vLLM's engine dies (killed for want of memory, say), the server waits for the
open request to end, and training waits for its answer.
"""

import re
import time
from collections.abc import Callable

REQUEST = re.compile(r'"POST /(\w*weight\w*) HTTP/[\d.]+" (\d{3})')
"""A request in the server's log, with its answer."""
ENDING = re.compile(r"\bEngineDeadError\b|^INFO: +Shutting down$")
"""A line after which the server answers no more."""
SECONDS_TO_FAIL = 30.0
"""Time for training to end by itself after the server has refused or begun to end."""


class WeightSync:
    """Follows the transfers of weights, and the server's end, through the lines of its log.

    Args:
        limit: seconds that a transfer may take; None waits for ever.
        clock: gives seconds.
    """

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.clock = limit, clock
        self.began: float | None = None
        self.refusal: tuple[float, str] | None = None
        self.ended: float | None = None

    def hear(self, line: str) -> None:
        """Takes a line."""
        if self.ended is None and ENDING.search(line.rstrip()):
            self.ended = self.clock()
        if (request := REQUEST.search(line)) is None:
            return
        name, status = request.groups()
        if int(status) >= 400 and self.refusal is None:
            self.refusal = self.clock(), f"{name} with status {status}"
        self.began = self.clock() if name == "start_weight_update" else None

    def look(self) -> str | None:
        """What is wrong, in words; None while all is well."""
        now, began = self.clock(), self.began  # a thread of its own hears
        if self.refusal is not None and now - self.refusal[0] > SECONDS_TO_FAIL:
            return f"the vLLM server answered {self.refusal[1]}, and training waits for it"
        if self.ended is not None and now - self.ended > SECONDS_TO_FAIL:
            return "vLLM's engine died, and training waits for its server's answer"
        if self.limit is not None and began is not None and now - began > self.limit:
            return f"hardware.sync_timeout={self.limit:g}: weights have been on their way to vLLM for longer"
        return None
