"""The command as a process, and what it imports."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openrs.paths import ROOT

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
FOLDER = "OPENRS_FORK_SERVER"
"""Environment variable: the folder of the fork server's socket, shared by the workers of one test session."""
COLD = ("COVERAGE", "HF_", "HYPOTHESIS", "LD_", "OMP_", "PYTHON", "TRANSFORMERS_", "VLLM_")
"""What packages or the interpreter read when they start: a command that sets one starts cold."""


def share_fork_server():
    """Names the folder and the owner of the fork server, before the workers of a test session start."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="openrs-forks-")
        os.environ[f"{FOLDER}_OWNER"] = str(os.getpid())


def _socket():
    """The fork server's socket; whoever asks first starts the server."""
    share_fork_server()
    folder = Path(os.environ[FOLDER])
    path, log = folder / "socket", folder / "log"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            environment = {k: v for k, v in ENVIRONMENT.items() if not k.startswith("COVERAGE")}
            with log.open("w") as output:
                server = subprocess.Popen(
                    [sys.executable, "-m", "tests.helpers.fork_server", path, os.environ[f"{FOLDER}_OWNER"]],
                    cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
                )  # fmt: skip
            while not path.exists():
                assert server.poll() is None, log.read_text()[-3000:]
                time.sleep(0.05)
    return path


def command(*arguments, module="openrs", **environment):
    """The argument vector of a command: a fork, or a cold start where the environment asks for one.

    Args:
        module: what `python -m` runs, or the path of a script.
    """
    if any(name.startswith(COLD) for name in environment):
        return [sys.executable, *([] if module.endswith(".py") else ["-m"]), module, *map(str, arguments)]
    client = Path(__file__).with_name("fork_client.py")
    return [sys.executable, "-I", "-S", str(client), str(_socket()), module, *map(str, arguments)]


def openrs(*arguments, cwd=ROOT, module="openrs", timeout=300, **environment):
    """Runs a command to its end."""
    return subprocess.run(
        command(*arguments, module=module, **environment),
        cwd=cwd, capture_output=True, text=True, env=ENVIRONMENT | environment, timeout=timeout,
    )  # fmt: skip


HEAVY = ("torch", "transformers", "trl", "lighteval", "scipy.stats", "datasets", "reasoning_gym")
SPY = (
    "import runpy, sys, json, atexit\n"
    "atexit.register(lambda: print('HEAVY', json.dumps([m for m in {heavy!r} if m in sys.modules])))\n"
    "sys.argv = ['openrs', *{arguments!r}]\n"
    "runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
)


def heavy_imports(*arguments, module="openrs"):
    """The heavy packages that a command has imported when it ends, and all that it showed."""
    code = SPY.format(heavy=HEAVY, arguments=arguments, module=module)
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    *_, last = shown.stdout.splitlines()
    assert last.startswith("HEAVY "), shown.stderr[-500:]
    return json.loads(last.removeprefix("HEAVY ")), shown
