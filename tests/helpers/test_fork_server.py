"""The commands of the tests run as forks: a fork is to a command what a new interpreter is."""

import json
import signal
import time

import psutil
import pytest

from tests.helpers.commands import kill, openrs, start
from tests.helpers.fork_server import Fork

pytestmark = pytest.mark.slow

SHOW = """
import json, os, signal, sys
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path[0], "name": __name__, "file": __file__,
    "cwd": os.getcwd(), "environment": dict(os.environ), "leads its session": os.getsid(0) == os.getpid(),
    "openrs": [name for name in sys.modules if name.startswith("openrs")],
    "command": open("/proc/self/cmdline").read().rstrip("\\0"), "stdin": sys.stdin.read(),
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGCHLD)],
}))
print("told apart", file=sys.stderr)
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(text)
        return str(path)

    return write


def test_a_fork_sees_what_a_process_sees(script, tmp_path):
    shown = [
        openrs("a", "b c", module=script(SHOW), cwd=tmp_path, cold=cold, SEEN="ö") for cold in (False, True)
    ]
    fork, process = (json.loads(made.stdout) for made in shown)
    ours, theirs = fork.pop("environment"), process.pop("environment")
    assert theirs["SEEN"] == "ö"
    assert theirs.items() <= ours.items(), "what imports have set comes on top"
    assert fork == process
    assert [made.stderr for made in shown] == ["told apart\n"] * 2


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("import atexit; atexit.register(print, 'last')", 0, ""),
    ],
)
def test_it_ends_as_a_process_ends(script, text, status, told):
    forked, cold = (openrs(module=script(text), cold=cold) for cold in (False, True))
    assert forked.returncode == cold.returncode == status
    assert forked.stdout == cold.stdout
    assert told in forked.stderr
    assert told in cold.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSTOP])
def test_a_signal_strikes_the_fork(script, number):
    process = start(module=script("import time; print('on', flush=True); time.sleep(300)"))
    fork = psutil.Process(process.pid)
    process.send_signal(number)
    if number == signal.SIGTERM:
        assert process.wait(20) == -number
    else:
        while fork.status() != psutil.STATUS_STOPPED:
            time.sleep(0.02)
    kill(process)


def test_kill_9_strikes_the_fork_and_what_it_started(script):
    process = start(module=script("import subprocess; subprocess.run(['sleep', '300'])"))
    assert isinstance(process, Fork)
    while not (started := psutil.Process(process.pid).children()):
        assert process.poll() is None
    kill(process)
    assert process.returncode == -signal.SIGKILL
    psutil.wait_procs(started, timeout=5)
    for killed in (process.pid, started[0].pid):
        assert not psutil.pid_exists(killed) or psutil.Process(killed).status() == psutil.STATUS_ZOMBIE


def test_what_imports_have_put_into_temporary_folders_outlives_a_fork(script):
    media = "from wandb.sdk.data_types._private import MEDIA_TMP"
    text = f"import os; {media}; print(os.listdir(MEDIA_TMP.name))"
    for _ in range(2):
        assert openrs(module=script(text)).stdout == "[]\n"


def test_what_libraries_read_when_they_are_imported_starts_cold(script):
    processes = [
        start(module=script(""), **more) for more in ({}, {"HF_HOME": "/x"}, {"PYTHONHASHSEED": "5"})
    ]
    assert [isinstance(process, Fork) for process in processes] == [True, False, False]
    assert [process.wait() for process in processes] == [0, 0, 0]
