"""The vLLM server's life: awaited, watched, stopped. A small web server stands in for vLLM itself, which
needs a device to take weights; what it is told is checked against TRL and vLLM in test_launch."""

import json
import os
import sys
import time

import psutil
import pytest

from openrs.errors import Crashed, Mistake
from openrs.processes import launch, vllm_server, weight_sync
from openrs.processes.hang_watchdog import HangWatchdog
from openrs.processes.subprocess import WatchedProcess
from openrs.records.run import Run

pytestmark = pytest.mark.slow

STAND_IN = """
import http.server, os, sys, threading, time
port, ready_after, dies_after = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
for line in sys.argv[5:]:
    print(line, flush=True)
answers_to_hang_after = int(sys.argv[4])
print("devices", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
def die():
    time.sleep(dies_after)
    print("RuntimeError: CUDA out of memory", flush=True)
    os._exit(7)
if dies_after >= 0:
    threading.Thread(target=die, daemon=True).start()
time.sleep(ready_after)
class Handler(http.server.BaseHTTPRequestHandler):
    answered = 0
    def do_GET(self):
        Handler.answered += 1
        if Handler.answered == answers_to_hang_after + 1:
            print("stuck in a kernel", flush=True)
        while Handler.answered > answers_to_hang_after >= 0:
            time.sleep(1)
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(vllm_server, "ASK_EVERY", 0.05)


@pytest.fixture
def stand_in(tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)

    def command(server, ready_after=0.0, dies_after=-1.0, hangs_after=-1, logs=()):
        told = (server.port, ready_after, dies_after, hangs_after, *logs)
        return [sys.executable, str(script), *map(str, told)]

    return command


def start(stand_in, tmp_path, timeout=30.0, **how):
    server = vllm_server.address(None)
    log = tmp_path / "logs" / "vllm-server.log"
    return vllm_server.serving(stand_in(server, **how), server, log, {"CUDA_VISIBLE_DEVICES": "3"}, timeout)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_it_is_awaited_logged_and_stopped(stand_in, tmp_path):
    with start(stand_in, tmp_path, ready_after=0.3) as child:
        assert child.wait(0) is None
        pid = child.pid
    assert gone(pid)
    assert (tmp_path / "logs" / "vllm-server.log").read_text() == "devices 3\n"


def test_it_is_stopped_when_training_fails(stand_in, tmp_path):
    pids = []

    def fail():
        with start(stand_in, tmp_path) as child:
            pids.append(child.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gone(pids[0])


def test_a_server_that_dies_before_it_answers_is_told(stand_in, tmp_path):
    starting = start(stand_in, tmp_path, ready_after=60.0, dies_after=0.0)
    with pytest.raises(Mistake, match=r"exit status 7(.|\n)*\| RuntimeError: CUDA out of memory"), starting:
        pytest.fail("it never answered")


def test_a_server_that_never_answers_is_given_up(stand_in, tmp_path):
    starting = start(stand_in, tmp_path, timeout=2.0, ready_after=60.0)
    with pytest.raises(Mistake, match=r"hardware.server_timeout=2(.|\n)*\| devices 3"), starting:
        pytest.fail("it never answered")


def test_the_servers_two_ports_differ():
    assert vllm_server.address(None).port != vllm_server.address(None).group_port


@pytest.fixture
def four_devices(composed, tmp_path, stand_in, monkeypatch):
    """A run on the paper's hardware with stand-ins for the server and for training."""
    config = composed("experiment=exp3", "scale=paper", "hardware=a40x4")
    run = Run(tmp_path / "runs" / "exp3-12345678", "1" * 64, {})

    def train(server_how, script, config=config):
        monkeypatch.setattr(
            vllm_server, "command", lambda config, model, server, reached: stand_in(server, **server_how)
        )
        monkeypatch.setattr(launch, "command", lambda config, stage, file: [sys.executable, "-c", script])
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        launch.train(config, run, "model", 0)

    return train, run.folder / "logs"


def test_training_and_server_share_the_devices(four_devices):
    train, logs = four_devices
    train({}, "import os; print('training on', os.environ['CUDA_VISIBLE_DEVICES'])")
    assert (logs / "train.log").read_text() == "training on 0,1,2\n"
    assert (logs / "vllm-server.log").read_text() == "devices 3\n"


def test_a_server_that_dies_ends_training_with_its_last_lines(four_devices):
    train, logs = four_devices
    began = time.monotonic()
    with pytest.raises(Mistake, match=r"vLLM server ended with exit status 7(.|\n)*CUDA out of memory"):
        train({"dies_after": 1.0}, "import os, time; print(os.getpid(), flush=True); time.sleep(300)")
    assert time.monotonic() - began < 100
    assert gone(int((logs / "train.log").read_text()))


WAITS = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"


def test_a_server_that_hangs_ends_training_with_its_last_lines(four_devices, composed, monkeypatch):
    train, logs = four_devices
    config = composed("experiment=exp3", "scale=paper", "hardware.stall_timeout=2")
    monkeypatch.setattr(HangWatchdog, "_state", lambda self: (time.monotonic_ns(),))  # steps go on
    monkeypatch.setattr(vllm_server, "ANSWER_SECONDS", 0.2)
    said = r"hardware.stall_timeout=2: the vLLM server has not answered(.|\n)*\| stuck in a kernel"
    with pytest.raises(Mistake, match=said):
        train({"hangs_after": 1}, WAITS, config)
    assert gone(int((logs / "train.log").read_text()))


STARTED = 'INFO: 127.0.0.1:42 - "POST /start_weight_update HTTP/1.1" 200 OK'
REFUSED = 'INFO: 127.0.0.1:42 - "POST /update_weights HTTP/1.1" 500 Internal Server Error'
FINISHED = 'INFO: 127.0.0.1:42 - "POST /finish_weight_update HTTP/1.1" 200 OK'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([STARTED], r"hardware.sync_timeout=1: weights have been on their way to vLLM for longer"),
        ([STARTED, REFUSED], r"the vLLM server answered update_weights with status 500"),
    ],
)
def test_weights_that_do_not_arrive_end_training(four_devices, composed, monkeypatch, lines, said):
    train, logs = four_devices
    monkeypatch.setattr(weight_sync, "SECONDS_TO_FAIL", 0.5)
    config = composed("experiment=exp3", "scale=paper", "hardware.sync_timeout=1")
    with pytest.raises(Crashed, match=rf"{said}.*ended training(.|\n)*\| INFO: 127.0.0.1:42"):
        train({"logs": lines}, WAITS, config)
    assert gone(int((logs / "train.log").read_text()))


def test_a_transfer_of_weights_has_its_time_and_no_more():
    now = [0.0]
    sync = weight_sync.WeightSync(100, clock=lambda: now[0])

    def after(seconds, *lines):
        now[0] += seconds
        for line in lines:
            sync.hear(line)
        return sync.look()

    assert after(0, STARTED) is None
    assert after(99) is None
    assert after(0, FINISHED, "a line of another kind") is None
    assert after(1000) is None
    assert after(0, STARTED) is None
    assert "hardware.sync_timeout=100" in after(101)
    assert after(0, FINISHED) is None
    assert after(0, STARTED, REFUSED) is None  # training itself may fail by it, and says more
    assert "update_weights with status 500" in after(31)


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     Shutting down\n",
        "(APIServer pid=7) ERROR [async_llm.py:871] vllm.v1.engine.exceptions.EngineDeadError: ...",
    ],
)
def test_a_server_whose_engine_died_is_not_waited_for(line):
    now = [0.0]
    sync = weight_sync.WeightSync(None, clock=lambda: now[0])
    sync.hear(line)
    assert sync.look() is None  # training itself may fail by it, and says more
    now[0] = 31
    assert "vLLM's engine died" in sync.look()


def test_training_without_a_new_step_is_ended(four_devices, composed):
    train, logs = four_devices
    config = composed("experiment=exp3", "scale=paper", "hardware.stall_timeout=4")
    said = r"no step was finished after step 0(.|\n)*starts training again(.|\n)*\| devices 3"
    with pytest.raises(Mistake, match=said):
        train({}, WAITS, config)
    assert gone(int((logs / "train.log").read_text()))


def test_a_standstill_is_one_of_steps_or_of_answers(tmp_path):
    now, well = [0.0], [True]
    metrics = tmp_path / "metrics.jsonl"
    watchdog = HangWatchdog(100, tmp_path, 3, lambda: well[0], clock=lambda: now[0])

    def after(seconds, step=None):
        now[0] += seconds
        if step is not None:
            with metrics.open("a") as file:
                file.write(json.dumps({"step": step}) + "\n")
        return watchdog.look()

    assert after(90) is None
    assert after(90, step=1) is None
    assert after(90) is None
    assert after(20) == "no step was finished after step 1"
    assert after(1, step=2) is None
    well[0] = False
    assert after(75) is None
    assert after(10, step=3) == "the vLLM server has not answered"
    well[0] = True
    assert after(1000) is None  # after the last step come saves and pushes


def test_training_that_falls_over_its_dead_server_tells_of_the_server(four_devices):
    train, _ = four_devices
    with pytest.raises(Mistake, match="vLLM server ended with exit status 7"):
        train({"dies_after": 0.8}, "import time; time.sleep(1); raise SystemExit('connection refused')")


def test_training_that_fails_is_told_with_its_last_lines(four_devices):
    train, _ = four_devices
    with pytest.raises(Mistake, match=r"train: its process ended with exit status 1(.|\n)*\| out of ideas"):
        train({}, "raise SystemExit('out of ideas')")


def test_a_users_mistake_in_a_stage_is_one_line(four_devices):
    train, logs = four_devices
    refusal = "Mistake\\nlength.prompt=3: too short"
    script = f"open({str(logs / 'train.error')!r}, 'w').write('{refusal}'); raise SystemExit(3)"
    with pytest.raises(Mistake) as caught:
        train({}, script)
    assert str(caught.value) == "length.prompt=3: too short"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from openrs.processes.subprocess import WatchedProcess\n"
        f"log = Path({str(tmp_path / 'log')!r})\n"
        "child = WatchedProcess([sys.executable, '-c', 'import time; time.sleep(300)'], log)\n"
        "print(child.pid, flush=True); time.sleep(300)"
    )
    parent = WatchedProcess(
        [sys.executable, "-c", script], tmp_path / "parent.log", {"PYTHONPATH": os.getcwd()}
    )
    until = time.monotonic() + 60
    while not parent.last and time.monotonic() < until:
        time.sleep(0.05)
    pid = int(parent.last[0])
    assert not gone(pid)
    psutil.Process(parent.pid).kill()
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert gone(pid)
    parent.stop()
