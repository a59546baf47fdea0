"""Nothing that openrs starts outlives it: a tree of processes of which some have sessions of their own."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from openrs.paths import ROOT
from openrs.processes.subprocess import WatchedProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a keeper")

TREE = "setsid sh -c 'sleep 301 & setsid sleep 302 & exec sleep 303' & sleep 304 & exec sleep 305"
"""A command, a child in its session, one in a session of its own, and that one's two."""
PARENT = """
import sys, time
from pathlib import Path
from openrs.processes.subprocess import WatchedProcess
child = WatchedProcess(["sh", "-c", sys.argv[1]], Path(sys.argv[2]))
print(child.pid, flush=True)
time.sleep(300)
"""


def there(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def tree(command):
    """The five sleeping processes, once all sleep."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        top = psutil.Process(command)
        found = [top, *top.children(recursive=True)]
        if sum(process.name() == "sleep" for process in found) == 5:
            return found
        time.sleep(0.02)
    raise AssertionError([process.cmdline() for process in found])


def assert_gone(processes, seconds=5):
    until = time.monotonic() + seconds
    while any(map(there, processes)) and time.monotonic() < until:
        time.sleep(0.02)
    assert [process.cmdline() for process in processes if there(process)] == []


def test_a_tree_does_not_outlive_a_parent_that_was_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, TREE, str(tmp_path / "log")],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    below = tree(int(parent.stdout.readline()))
    assert len({os.getsid(process.pid) for process in below}) == 3
    keeper = below[0].parent()
    parent.kill()
    assert_gone([*below, keeper])
    parent.communicate()


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda command: os.kill(command.pid, signal.SIGKILL), -9),
        (lambda command: command.ask(signal.SIGINT), -2),
        (lambda command: command.stop(), -15),
        (lambda command: command.stop(grace=0), -9),
    ],
)
def test_a_tree_does_not_outlive_its_command(tmp_path, end, status):
    command = WatchedProcess(["sh", "-c", TREE], tmp_path / "log")
    below = tree(command.pid)
    end(command)
    assert command.wait(5) == status
    assert_gone(below, 0)


def test_a_keeper_that_is_killed_takes_its_command_along(tmp_path):
    command = WatchedProcess(["sh", "-c", "sleep 301 >/dev/null 2>&1 & exec sleep 302"], tmp_path / "log")
    until = time.monotonic() + 20
    while not (below := psutil.Process(command.pid).children()) and time.monotonic() < until:
        time.sleep(0.02)
    below.append(psutil.Process(command.pid))
    psutil.Process(command.pid).parent().kill()
    assert command.wait(5) == -9
    command.stop()
    assert_gone(below)


@pytest.mark.parametrize(
    ("command", "status", "line"),
    [
        (["sh", "-c", "echo out; exit 7"], 7, "out"),
        (["sh", "-c", "echo err >&2; kill -6 $$"], -6, "err"),
        (["sh", "-c", "cat; trap | wc -c"], 0, "0"),
        (["/nowhere/at-all"], 127, "/nowhere/at-all: No such file or directory"),
    ],
)
def test_a_command_under_a_keeper_is_itself(tmp_path, command, status, line):
    """Its status, its output, an empty input, and no signal that it would ignore."""
    watched = WatchedProcess(command, tmp_path / "log")
    assert watched.wait(10) == status
    assert list(watched.last) == [line]
    assert (tmp_path / "log").read_text() == f"{line}\n"
