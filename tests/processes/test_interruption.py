"""SIGINT, SIGTERM and the signals of SLURM: real signals to real processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from openrs.paths import ROOT
from openrs.processes import interruption, launch
from openrs.processes.subprocess import WatchedProcess
from openrs.records.run import Run, held, locked

pytestmark = pytest.mark.slow

COMMAND = """
import os, sys, time
from openrs.processes.interruption import Interrupted, stop_requested, ends_itself, heard
work, seconds = sys.argv[1], float(sys.argv[2])
try:
    with heard():
        if work == "other":
            print("ready", flush=True)
            time.sleep(60)
        if work == "fork" and os.fork() == 0:
            time.sleep(60)
        with ends_itself("ending", seconds):
            print("ready", flush=True)
            while not stop_requested() or work == "endless":
                time.sleep(0.01)
            print("saved", flush=True)
except Interrupted as interrupted:
    sys.exit(interrupted.status)
"""


def start(work, seconds=60.0, command=COMMAND):
    process = subprocess.Popen(
        [sys.executable, "-c", command, work, str(seconds)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGUSR2, 140)],
)
def test_work_that_ends_itself_is_asked_and_anything_else_ended(number, status):
    working, other = start("training"), start("other")
    for process in (working, other):
        process.send_signal(number)
    assert working.communicate(timeout=20) == ("saved\n", "ending\n")
    assert other.communicate(timeout=20) == ("", "")
    assert (working.returncode, other.returncode) == (status, status)


JOB = """
import signal, sys, time
from openrs.processes.interruption import stop_requested, ends_itself
def queue_again(number, frame):
    print("queued again", flush=True)
    sys.exit(7)
signal.signal(signal.SIGUSR2, queue_again)
with ends_itself("ending", float(sys.argv[2])):
    print("ready", flush=True)
    while not stop_requested() or sys.argv[1] == "endless":
        time.sleep(0.01)
    print("saved", flush=True)
"""


@pytest.mark.parametrize(
    ("work", "seconds", "told"), [("job", 60, "saved\nqueued again\n"), ("endless", 0.5, "queued again\n")]
)
def test_a_job_that_hears_the_signal_itself_hears_it_once_its_work_has_ended(work, seconds, told):
    process = start(work, seconds, JOB)
    process.send_signal(signal.SIGUSR2)
    assert process.communicate(timeout=20) == (told, "ending\n")
    assert process.returncode == 7


def test_the_signals_of_a_job_end_no_process_that_a_command_started(tmp_path):
    process = WatchedProcess(["sleep", "60"], tmp_path / "log")
    for number in interruption.OF_LAUNCHERS:
        process.ask(number)
    assert process.wait(0.5) is None
    process.stop()


def test_a_second_signal_ends_work_at_once():
    process = start("endless")
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "ending\n"
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 143


def test_work_has_its_time_and_no_more():
    process = start("endless", 0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert time.monotonic() - began > 0.5


def test_a_fork_of_a_command_ends_like_any_process():
    process = start("fork")
    (child,) = subprocess.run(
        ["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(child), signal.SIGTERM)
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20) == ("saved\n", "ending\n")


TRAINING = """
import pathlib, sys, time
stop = pathlib.Path(sys.argv[1])
print("training", flush=True)
while not stop.exists() or sys.argv[2] == "endless":
    time.sleep(0.01)
print("saved", flush=True)
"""


@pytest.fixture
def train(composed, tmp_path, monkeypatch):
    """Trains with a stand-in; signals come from a thread as soon as the log says this."""
    config = composed("experiment=exp3", "scale=paper", "hardware=h100x1")
    run = Run(tmp_path / "runs" / "exp3-12345678", "1" * 64, {})
    log = run.folder / "logs" / "train.log"

    def made(how, signals):
        def command(config, stage, file):
            return [sys.executable, "-c", TRAINING, str(launch.stop_file(file)), how]

        def send():
            while not (log.exists() and log.read_text()):
                time.sleep(0.01)
            for number in signals:
                os.kill(os.getpid(), number)
                time.sleep(0.3)

        monkeypatch.setattr(launch, "command", command)
        launch.stop_file(log).parent.mkdir(parents=True)
        launch.stop_file(log).touch()  # left by an interruption before
        thread = threading.Thread(target=send)
        thread.start()
        with interruption.heard():
            try:
                with pytest.raises(interruption.Interrupted) as caught:
                    launch.train(config, run, "model", 0)
            finally:
                thread.join()
        return caught.value.status, log.read_text()

    return made


def test_training_in_a_process_of_its_own_is_asked_by_a_file(train):
    assert train("training", [signal.SIGTERM]) == (143, "training\nsaved\n")


def test_training_in_a_process_of_its_own_is_killed_by_a_second_signal(train):
    began = time.monotonic()
    assert train("endless", [signal.SIGTERM, signal.SIGINT]) == (130, "training\n")
    assert time.monotonic() - began < 15


def test_a_run_is_free_once_the_processes_of_its_stages_are_gone(tmp_path):
    run = Run(tmp_path, "1" * 64, {})
    with held(tmp_path):
        taken = threading.Event()

        def take():
            with locked(run):
                taken.set()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        assert not taken.wait(0.5)
    assert taken.wait(10)
    thread.join()
