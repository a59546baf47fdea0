"""Notices weights that do not arrive: TRL announces them in one thread and sends them in another.

Where the vLLM server refuses what is announced, or one of its workers stops, the sending thread waits for
ever, and the server's /health goes on saying that all is well. Its log of requests tells.
"""

import re
import time
from collections.abc import Callable

REQUEST = re.compile(r'"POST /(\w*weight\w*) HTTP/[\d.]+" (\d{3})')
"""A request in the server's log, with its answer."""
SECONDS_TO_FAIL = 30.0
"""Time for training to end by itself after the server has refused."""


class WeightSync:
    """Follows the transfers of weights through the lines of the server's log.

    Args:
        limit: seconds that a transfer may take; None waits for ever.
        clock: gives seconds.
    """

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.clock = limit, clock
        self.began: float | None = None
        self.refusal: tuple[float, str] | None = None

    def hear(self, line: str) -> None:
        """Takes a line."""
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
        if self.limit is not None and began is not None and now - began > self.limit:
            return f"hardware.sync_timeout={self.limit:g}: weights have been on their way to vLLM for longer"
        return None
