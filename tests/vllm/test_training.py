"""Training with real vLLM on a CPU: weights sent and used, resumed, and nothing left behind.

    make test-vllm

What a CPU does not have is replaced by `cpu_sync`: NCCL. Sleep mode is off.
"""

import json
import os
import signal
import time

import psutil
import pytest

from tests.helpers import commands
from tests.helpers.jobs import SHORT, only_run

pytest.importorskip("vllm", reason="vLLM is not installed (make test-vllm)")
pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3000)]

JOB = "tests/vllm/job.py"
BASE = [
    *SHORT, "stages=[train]", "steps.total=4", "steps.save_every=2", "algorithm.learning_rate=1e-3",
    "hardware.sampler_check_every=1",
]  # fmt: skip
SERVER = ["hardware.generation=vllm_server", "hardware.server_devices=1"]
COLOCATE = ["hardware.generation=vllm_colocate", "hardware.vllm_memory=0.1"]


def job(outputs, *overrides, **environment):
    return commands.start(*BASE, f"outputs={outputs}", *overrides, module=JOB, cold=True, **environment)


def finished(process, status=0):
    out, err = process.communicate(timeout=1500)
    assert process.returncode == status, out[-1000:] + err[-6000:]
    return err


def lines(outputs):
    path = only_run(outputs) / "train/metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, process, seconds=900):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1][-6000:]
        assert time.monotonic() < until
        time.sleep(0.1)


def below(process):
    return psutil.Process(process.pid).children(recursive=True)


def name_of(process):
    """ "" of one that ended while it was looked at."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def words_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def there(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def assert_gone(processes, seconds=30):
    until = time.monotonic() + seconds
    while there(processes) and time.monotonic() < until:
        time.sleep(0.1)
    assert [words_of(p) for p in there(processes)] == []


@pytest.mark.parametrize("mode", [SERVER, COLOCATE], ids=["server", "colocate"])
def test_vllm_samples_from_the_weights_that_are_trained_and_a_resumed_run_too(tmp_path, plugged, mode):
    """At a learning rate that changes the weights at once."""
    limit = 1e-4 if mode is SERVER else 0.1  # beside the trainer vLLM computes in bfloat16
    dtype = [] if mode is SERVER else ["model.compute_dtype=bfloat16"]
    finished(job(tmp_path, *mode, *dtype, "steps.stop_at=2", **plugged))
    finished(job(tmp_path, *mode, *dtype, **plugged))
    steps = lines(tmp_path)
    print([(line["step"], line["sampling_gap"], line["kl"]) for line in steps])
    assert [line["step"] for line in steps] == [1, 2, 3, 4]
    assert all(line["sampling_gap"] < limit for line in steps)
    assert steps[-1]["kl"] > 1e-3  # other weights than those that vLLM had loaded
    record = json.loads((only_run(tmp_path) / "train.json").read_text())
    assert [c["step"] for c in record["checkpoints"]] == [2, 4]


def test_weights_that_vllm_does_not_take_are_found(tmp_path, plugged):
    """The server answers that all is well, and drops what it gets from the third step on."""
    process = job(tmp_path, *SERVER, CPU_SYNC_DROPS_AFTER="2", **plugged)
    err = finished(process, 1)
    (error,) = (line for line in err.splitlines() if "sampler's log-probabilities differ" in line)
    print(error)
    assert "at step 3" in error


def test_a_refused_transfer_ends_training_soon(tmp_path, plugged):
    process = job(tmp_path, *SERVER, CPU_SYNC_FAILS_AFTER="1", **plugged)
    began = time.monotonic()
    err = finished(process, 1)
    print(f"{time.monotonic() - began:.0f} s")
    assert "the vLLM server answered update_weights with status 500" in err


VICTIMS = {
    "the command": lambda process: process,
    "the stage": lambda process: next(p for p in below(process) if "stage.py" in " ".join(words_of(p))),
    "the server": lambda process: next(p for p in below(process) if "serve" in words_of(p)),
    "the engine": lambda process: next(p for p in below(process) if "EngineCore" in name_of(p)),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_nothing_of_a_training_outlives_its_end(tmp_path, plugged, victim):
    process = job(tmp_path, *SERVER, "steps.total=200", **plugged)
    wait_for(lambda: list(tmp_path.glob("runs/exp3-*/train/metrics.jsonl")) and lines(tmp_path), process)
    processes = below(process)
    assert any("EngineCore" in name_of(p) for p in processes), list(map(name_of, processes))
    os.kill(VICTIMS[victim](process).pid, signal.SIGKILL)
    assert_gone(processes, 90 if victim == "the engine" else 30)  # its server waits for an open request
    if victim != "the command":
        err = finished(process, 1)
        assert "the same command" in err.lower()


EVALUATION = [
    "experiment=base", "scale=nano", "engine=vllm", "engine.data_parallel=2", "evaluation.max_problems=20",
    "evaluation.max_new_tokens=64",
]  # fmt: skip


def test_two_copies_evaluate_as_one_does(tmp_path, plugged):
    scores = []
    for copies in (1, 2):
        outputs = tmp_path / str(copies)
        done = commands.openrs(
            *EVALUATION, f"engine.data_parallel={copies}", f"outputs={outputs}", cold=True, timeout=1500,
            **plugged,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-5000:]
        texts = outputs.glob("runs/*/eval/step-00000/*/seed-*.text.json")
        scores.append({path.parent.name: json.loads(path.read_text())["text"] for path in texts})
    one, two = scores
    pairs = [pair for name in one for pair in zip(one[name], two[name], strict=True)]
    same = sum(a == b for a, b in pairs)
    print(f"{same} of {len(pairs)} completions are the same")
    assert one.keys() == two.keys()
    assert same >= 0.9 * len(pairs)


@pytest.mark.parametrize("when", ["starting", "generating"])
@pytest.mark.parametrize("victim", ["the command", "the stage"])
def test_nothing_of_an_evaluation_outlives_its_end(tmp_path, plugged, victim, when):
    process = commands.start(
        *EVALUATION, "evaluation.max_problems=500", "evaluation.num_seeds.aime24=50", f"outputs={tmp_path}",
        cold=True, **plugged,
    )  # fmt: skip

    def engines():
        return [
            p for p in below(process) if "EngineCore" in name_of(p) or "spawn_main" in " ".join(words_of(p))
        ]

    wait_for(engines, process)
    if when == "generating":
        wait_for(lambda: list(tmp_path.glob("runs/*/eval/*/*/*.partial.jsonl")), process)
    processes = below(process)
    stage = next(p for p in processes if "openrs.command.stage" in words_of(p))
    os.kill(process.pid if victim == "the command" else stage.pid, signal.SIGKILL)
    assert_gone(processes)
    process.communicate(timeout=60)


def test_nothing_of_a_curation_outlives_its_end(tmp_path, plugged):
    process = commands.start(
        "curate", "curation=nano", "scale=nano", "engine=vllm", "curation.max_problems=100",
        f"outputs={tmp_path}", cold=True, **plugged,
    )  # fmt: skip
    wait_for(lambda: [p for p in below(process) if "EngineCore" in name_of(p)], process)
    processes = below(process)
    os.kill(process.pid, signal.SIGKILL)
    assert_gone(processes)
