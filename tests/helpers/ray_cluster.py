"""A Ray cluster of its own on loopback, with two made-up GPUs."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from openrs.machine.processes import die_with_parent

OPEN = {"RAY_AUTH_MODE": "disabled", "RAY_raylet_start_wait_time_s": "240"}
"""Loopback needs no token; a busy machine starts slowly."""

ATTEMPTS = 3
"""Ray's node gives up when its agent takes more than 30 seconds to start, which no setting changes."""


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[dict[str, str]]:
    """Starts it, and gives the environment in which workers find it."""
    pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")
    for _ in range(ATTEMPTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = Path(tempfile.mkdtemp(prefix="openrs-ray-")) / "log"
        head = subprocess.Popen(
            [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}",
             "--node-ip-address=127.0.0.1", "--num-cpus=2", "--num-gpus=2", "--include-dashboard=false",
             "--disable-usage-stats"],
            env=os.environ | OPEN, stdout=log.open("w"), stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),
        )  # fmt: skip
        began = time.monotonic()
        while head.poll() is None and time.monotonic() - began < 300:
            if "Ray runtime started" in log.read_text():
                yield {**OPEN, "RAY_ADDRESS": f"127.0.0.1:{port}"}
                _stop(head)
                return
            time.sleep(0.2)
        _stop(head)
    raise RuntimeError(f"Ray did not start in {ATTEMPTS} attempts: {log.read_text()[-2000:]}")


def _stop(head: subprocess.Popen[bytes]) -> None:
    """Ends the node and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(head.pid, number)
        with suppress(subprocess.TimeoutExpired):
            head.wait(timeout=20)
