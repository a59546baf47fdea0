"""The vLLM server of training: started, awaited, watched and stopped by openrs.

TRL's trainer samples from it and sends it the new weights after each step. `trl vllm-serve` starts
vLLM's own server with the flags that TRL's client needs (weight transfer, processed log-probabilities).
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openrs.config.schema import Config
from openrs.errors import Crashed
from openrs.processes.subprocess import WatchedProcess

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
        reached: the step that training goes on from. It moves the sampling seed, so that a resumed run
            does not draw the first steps' random numbers again.
    """
    hardware, length = config.hardware, config.length
    told = {
        "model": model,
        "revision": None if config.model.package else config.model.revision,
        "host": server.host,
        "port": server.port,
        "tensor_parallel_size": hardware.server_devices,
        "gpu_memory_utilization": hardware.vllm_memory,
        "dtype": config.model.compute_dtype,
        "max_model_len": length.prompt + length.completion,
        "seed": config.seed + reached,  # not TRL's own: handed on to vLLM
    }
    return [part for name, value in told.items() if value is not None for part in (f"--{name}", str(value))]


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
    command: list[str], server: Server, log: Path, environment: dict[str, str], timeout: float
) -> Iterator[WatchedProcess]:
    """A server that answers; it is stopped at the end, however that comes.

    Raises:
        Crashed: it died before it answered, or did not answer in time; with its last lines.
    """
    child = WatchedProcess(command, log, environment)
    try:
        _await(child, server, timeout)
        yield child
    finally:
        child.stop()


def _await(child: WatchedProcess, server: Server, timeout: float) -> None:
    until = time.monotonic() + timeout
    while True:
        if (status := child.wait(ASK_EVERY)) is not None:
            raise died(child, status)
        if answers(server):
            return
        if time.monotonic() > until:
            raise Crashed(
                f"hardware.server_timeout={timeout:g}: the vLLM server did not answer on port {server.port} "
                f"in that many seconds. Give it longer, or see {child.log}; its last lines:\n{child.tail()}"
            )


def answers(server: Server) -> bool:
    """Whether the server says that it is well."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy knows no loopback
    try:
        with direct.open(f"http://{server.host}:{server.port}/health", timeout=ANSWER_SECONDS) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def died(child: WatchedProcess, status: int) -> Crashed:
    """The error of a server that ended by itself."""
    return Crashed(
        f"the vLLM server ended with {describe(status)}. The same command goes on from the last checkpoint "
        f"once its cause is mended; its log is {child.log}, its last lines:\n{child.tail()}"
    )


def describe(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
