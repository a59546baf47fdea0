"""The vLLM server of training, which openrs starts, awaits, watches and stops.

TRL's trainer samples from the server and sends the new weights there after each step. `trl vllm-serve` starts
vLLM's own server with the flags that TRL's client needs (weight transfer, processed log-probabilities).
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openrs.config.schema import Config
from openrs.errors import Crashed
from openrs.processes.subprocess import WatchedProcess, in_words

HOST = "127.0.0.1"
ASK_EVERY = 1.0
"""Seconds between two questions whether the server answers."""
ANSWER_SECONDS = 5.0
"""Time for an answer."""


@dataclass(frozen=True)
class Server:
    """Where a server listens; the ports are TRL's defaults."""

    host: str = HOST
    port: int = 8000
    group_port: int = 51216
    """Port over which the weights are sent."""


def arguments(config: Config, model: str, server: Server, reached: int) -> list[str]:
    """The command line of `trl vllm-serve`.

    Args:
        model: path or Hub id of the starting weights.
        reached: the step that training goes on from. The sampling seed depends on it, so that a resumed
            run does not draw the first steps' random numbers again.
    """
    hardware, length = config.hardware, config.length
    flags = {
        "model": model,
        "revision": None if config.model.package else config.model.loaded_revision,
        "host": server.host,
        "port": server.port,
        "tensor_parallel_size": hardware.server_devices,
        "gpu_memory_utilization": hardware.vllm_memory,
        "dtype": config.model.compute_dtype,
        "max_model_len": length.prompt + length.completion,
        "seed": config.seed + reached,  # vLLM's own flag, which TRL hands on
    }
    return [part for name, value in flags.items() if value is not None for part in (f"--{name}", str(value))]


def command(config: Config, model: str, server: Server, reached: int) -> list[str]:
    """The server's whole command."""
    return [sys.executable, "-m", "trl.scripts.vllm_serve", *arguments(config, model, server, reached)]


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def address(port: int | None) -> Server:
    """The server's address on this port, or on a free one."""
    return Server(HOST, port or free_port(), free_port())


@contextmanager
def serving(
    command: list[str],
    server: Server,
    log: Path,
    environment: dict[str, str],
    timeout: float,
    hear: Callable[[str], None] | None = None,
) -> Iterator[WatchedProcess]:
    """A server that answers; it is stopped when the block ends, however that comes.

    Args:
        hear: gets each line of its log.

    Raises:
        Crashed: the server died before it answered, or did not answer in time.
    """
    process = WatchedProcess(command, log, environment, show=hear)
    try:
        _await(process, server, timeout)
        yield process
    finally:
        process.stop()


def _await(process: WatchedProcess, server: Server, timeout: float) -> None:
    until = time.monotonic() + timeout
    while True:
        if (status := process.wait(ASK_EVERY)) is not None:
            raise died(process, status)
        if answers(server):
            return
        if time.monotonic() > until:
            raise Crashed(
                f"hardware.server_timeout={timeout:g}: the vLLM server did not answer on port {server.port} "
                f"in that many seconds. Give more time, or mend the cause. {process.log_tail}"
            )


def answers(server: Server) -> bool:
    """Whether the server answers that all is well."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not reach 127.0.0.1
    try:
        with direct.open(f"http://{server.host}:{server.port}/health", timeout=ANSWER_SECONDS) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def died(process: WatchedProcess, status: int) -> Crashed:
    """The error of a server that ended by itself."""
    return Crashed(
        f"the vLLM server ended with {in_words(status)}. Mend the cause, and start the same command again. "
        f"{process.log_tail}"
    )
