"""The command as a process, and what it imports."""

import json
import os
import subprocess
import sys

from openrs.paths import ROOT


def openrs(*arguments, cwd=ROOT, module="openrs", **environment):
    command = [sys.executable, "-m", module, *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env, timeout=120)


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
