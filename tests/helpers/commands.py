"""The command as a process, and what it imports."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from openrs.paths import ROOT
from tests.helpers import fork_server
from tests.helpers.fork_server import Fork

Process = Fork | subprocess.Popen[str]


def start(
    *arguments: str, module: str = "openrs", cwd: Path = ROOT, cold: bool = False, **environment: str
) -> Process:
    """Starts a command in a session of its own, as a fork of a process with the heavy packages.

    Args:
        module: what `python -m` runs, or the path of a script.
        cold: whether a new interpreter runs it, as it does where the environment asks for one.
    """
    command = [*([] if module.endswith(".py") else ["-m"]), module, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    if not cold and fork_server.serves(environment):
        return Fork(command, cwd, environment)
    return subprocess.Popen(
        [sys.executable, *command], cwd=cwd, env=environment, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def openrs(*arguments: str, timeout: float = 300, **more) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; takes what `start` takes."""
    process = start(*arguments, **more)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: Process) -> None:
    """Kills a command with -9, and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


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
