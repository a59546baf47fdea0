"""A command in a fork behaves as a command that started cold."""

import os
import signal
import subprocess
import time

import psutil
import pytest

from tests.helpers.commands import command

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), os.environ.get("A_WORD"), sys.stdin.read())
print("to the other stream", file=sys.stderr)
if sys.argv[1] == "wait":
    open(sys.argv[2], "w").write(str(os.getpid()))
    time.sleep(60)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return str(path)


def test_arguments_folder_environment_streams_and_status_are_the_commands(script, tmp_path):
    finished = subprocess.run(
        command("7", "x y", module=script), cwd=tmp_path, env=os.environ | {"A_WORD": "ö"},
        input="said", capture_output=True, text=True,
    )  # fmt: skip
    assert finished.stdout == f"['7', 'x y'] {tmp_path} ö said\n"
    assert (finished.returncode, finished.stderr) == (7, "to the other stream\n")


def test_an_error_shows_its_traceback(script):
    finished = subprocess.run(
        command("no number", module=script), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert "ValueError: invalid literal for int()" in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_strikes_the_fork(script, tmp_path, number):
    written = tmp_path / "pid"
    client = subprocess.Popen(
        command("wait", str(written), module=script), stdin=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 60
    while not (written.exists() and written.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)
    fork = psutil.Process(int(written.read_text()))
    os.killpg(client.pid, number)
    assert client.wait(timeout=20) == -number
    fork.wait(timeout=20)
