"""Training in several real processes: torchrun and gloo on the CPU. Minutes, so marked slow."""

import importlib.util
import json
import os
import subprocess
import sys
import time

import psutil
import pytest
from omegaconf import OmegaConf

from openrs.paths import ROOT
from openrs.processes import launch
from openrs.records import ledger
from tests.helpers import commands
from tests.helpers.jobs import SHORT, metrics, only_run, outcomes, ranks_of, weights

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

FIXED = [override for override in SHORT if not override.startswith(("scale=", "evaluation."))]
FIXED_COMPLETIONS = "tests/helpers/fixed_completions.py"
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def started(*command, **environment):
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=400)
    assert made.returncode == 0, made.stdout[-1500:] + made.stderr[-4000:]
    return made


def openrs(*arguments, **more):
    made = commands.openrs(*arguments, **more)
    assert made.returncode == 0, made.stdout[-1500:] + made.stderr[-4000:]
    return made


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One process on fixed completions."""
    outputs = tmp_path_factory.mktemp("alone")
    openrs(*FIXED, f"outputs={outputs}", module=FIXED_COMPLETIONS)
    return only_run(outputs)


def assert_same_training(run, alone):
    """Losses, gradients and weights agree to what the order of a sum leaves open."""
    import torch
    from safetensors.torch import load_file

    assert (run / "train/prompts.jsonl").read_bytes() == (alone / "train/prompts.jsonl").read_bytes()
    lines, expected = metrics(run), metrics(alone)
    assert len(lines) == len(expected) == 6
    for line, other in zip(lines, expected, strict=True):
        assert line["reward"] == pytest.approx(other["reward"], abs=1e-5)
        assert line["completion_length"] == pytest.approx(other["completion_length"], rel=1e-5)
        assert line["loss"] == pytest.approx(other["loss"], abs=2e-5)
        assert line["grad_norm"] == pytest.approx(other["grad_norm"], rel=2e-4)
    for step in (2, 6):
        ours, theirs = (load_file(r / f"train/checkpoint-{step}/model.safetensors") for r in (run, alone))
        for name, tensor in theirs.items():
            # Adam divides by the root of a square: where a gradient is nearly 0, its last bit decides
            assert torch.allclose(ours[name], tensor, atol=1e-4), name


def test_two_processes_train_what_one_does(alone, tmp_path):
    started(*TWO, FIXED_COMPLETIONS, *FIXED, "hardware=cpux2", f"outputs={tmp_path}")
    run = only_run(tmp_path)
    assert run.name == alone.name
    assert_same_training(run, alone)
    (segment,) = json.loads((run / "train.json").read_text())["segments"]
    assert (segment["world_size"], segment["hardware"], segment["sharding"]) == (2, "cpux2", "ddp")


@pytest.mark.parametrize("sharding", ["zero2", "zero3", "fsdp2"])
def test_sharded_training_is_the_same_and_resumes(composed, alone, tmp_path, monkeypatch, sharding):
    """ZeRO and FSDP2 under the very config file that `accelerate launch` is given on GPUs."""
    from accelerate.commands.launch import launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    if sharding != "fsdp2" and importlib.util.find_spec("deepspeed") is None:
        pytest.skip("DeepSpeed is not installed (extra: deepspeed)")
    gpu = ["hardware=a40x4", f"hardware.sharding={sharding}", "hardware.training_processes=2",
           "hardware.generation=transformers", "hardware.server_devices=0", "hardware.devices=2"]  # fmt: skip
    path = tmp_path / "accelerate.yaml"
    OmegaConf.save(OmegaConf.create(launch.accelerate_config(composed(*FIXED, *gpu))), path)
    seen = []
    for launcher in ("deepspeed_launcher", "multi_gpu_launcher"):
        monkeypatch.setattr(f"accelerate.commands.launch.{launcher}", seen.append)
    launch_command(launch_command_parser().parse_args(["--config_file", str(path), "script"]))
    (read,) = seen
    made = prepare_multi_gpu_env(read) if read.use_fsdp else prepare_deepspeed_cmd_env(read)[1]
    settings = {
        key: value
        for key, value in made.items()
        if key.startswith(("ACCELERATE_", "FSDP_", "MIXED_")) and os.environ.get(key) != value
    }
    script = [*TWO, "tests/helpers/sharded_on_cpu.py", *FIXED, "hardware=cpux2", f"outputs={tmp_path}"]
    settings["DS_ACCELERATOR"] = "cpu"
    started(*script, "steps.stop_at=4", **settings)
    started(*script, **settings)
    run = only_run(tmp_path)
    assert_same_training(run, alone)
    state = {"zero2": "global_step*", "zero3": "global_step*", "fsdp2": "optimizer.bin"}[sharding]
    kept = {found.parent.name for found in run.glob(f"train/checkpoint-*/{state}")}
    assert kept == {"checkpoint-4", "checkpoint-6"}


def test_a_killed_rank_ends_the_run_and_the_same_command_goes_on(tmp_path):
    arguments = [*SHORT, "hardware=cpux2", "stages=[train]", f"outputs={tmp_path}"]
    process = commands.start(*arguments)
    until = time.monotonic() + 300
    while not list(tmp_path.glob("runs/exp3-*/train/checkpoint-2/whole.json")):
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < until
        time.sleep(0.02)
    ranks = ranks_of(process)
    assert ranks.keys() == {0, 1}
    ranks[1].kill()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: train: process 1 of training ended first, with signal 9" in told
    assert "goes on from the last checkpoint" in told
    assert not any(rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE for rank in ranks.values())
    openrs(*arguments)
    run = only_run(tmp_path)
    record = json.loads((run / "train.json").read_text())
    assert record["last_step"] == 6
    assert record["segments"][-1]["last_step"] == 6
    assert [segment["world_size"] for segment in record["segments"]] == [2] * len(record["segments"])
    lines = metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]  # written once, by one process
    assert len(list((run / "train/completions").glob("*.parquet"))) == 6
    assert [line["stage"] for line in ledger.entries(run)] == ["train", "train"]


def test_another_number_of_processes_goes_on_as_a_segment_of_its_own(tmp_path):
    arguments = [*SHORT, "stages=[train]", f"outputs={tmp_path}"]
    openrs(*arguments, "hardware=cpu", "steps.stop_at=2", "evaluation.checkpoints=[last]")
    openrs(*arguments, "hardware=cpux2")
    record = json.loads((only_run(tmp_path) / "train.json").read_text())
    assert [(s["world_size"], s["first_step"], s["last_step"]) for s in record["segments"]] == [
        (1, 1, 2), (2, 3, 6),
    ]  # fmt: skip


def test_a_worker_knows_how_many_they_are(tmp_path):
    """What `accelerate launch --cpu` does in silence, one process instead of two, is an error here."""
    made = commands.openrs(*FIXED, "hardware=cpux2", f"outputs={tmp_path}", module=FIXED_COMPLETIONS)
    assert made.returncode == 1
    assert "hardware.training_processes=2: training runs in 1 process" in made.stderr
    assert not list(tmp_path.glob("runs/*/train/prompts.jsonl"))


def test_two_nodes_train_together(tmp_path):
    """Two machines are two commands here, which meet over a real rendezvous."""
    port = launch.vllm_server.free_port()
    arguments = [
        *SHORT, "hardware=cpux2", "hardware.nodes=2", "hardware.main_address=127.0.0.1",
        f"hardware.main_port={port}", "stages=[train]", "steps.stop_at=2", "evaluation.checkpoints=[last]",
        f"outputs={tmp_path}",
    ]  # fmt: skip
    nodes = [commands.start(*arguments, SLURM_NODEID=str(rank)) for rank in (0, 1)]
    told = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], told
    assert "node 1: the rest is done on node 0" in told[1]
    run = only_run(tmp_path)
    (segment,) = json.loads((run / "train.json").read_text())["segments"]
    assert (segment["world_size"], segment["last_step"]) == (2, 2)
    assert len(ledger.entries(run)) == 1  # node 0 counts the devices of all
    assert {path.name for path in (run / "logs").glob("*.json")} == {"train-0.json", "train-1.json"}


def test_stages_in_processes_of_their_own_change_nothing(tmp_path):
    """Paper scale starts each stage as a process; at nano's sizes, so that a CPU sees it through."""
    short = [*SHORT, "steps.stop_at=2", "evaluation.checkpoints=[last]", "evaluation.benchmarks=[amc23]"]
    here, apart = (tmp_path / name for name in ("here", "apart"))
    openrs(*short, f"outputs={here}")
    openrs(*short, f"outputs={apart}", "scale.name=paper")
    run = only_run(apart)
    assert {path.name for path in (run / "logs").glob("*.json")} == {"train.json", "evaluate.json"}
    assert not list((only_run(here)).glob("logs"))
    assert weights(run, 2) == weights(only_run(here), 2)
    assert outcomes(run) == outcomes(only_run(here))
    assert len(outcomes(run)) == 1
