"""How stages become processes: hardware options, launchers' arguments, what may be resumed."""

import dataclasses
import hashlib
import json
import sys

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from openrs.config.compose import restore
from openrs.errors import Mistake
from openrs.processes import launch, vllm_server
from openrs.records import training
from openrs.records.run import Run
from openrs.train.arguments import trainer_arguments

GPU = ("a40x4", "a100x1", "h100x1", "h100x8")
TWO_NODES = (
    "hardware.nodes=2",
    "hardware.training_processes=12",
    "hardware.devices=6",
    "hardware.generation=vllm_colocate",
    "hardware.server_devices=0",
)


@pytest.mark.slow
@pytest.mark.parametrize("option", [*GPU, "cpu", "cpux2"])
def test_every_hardware_keeps_the_papers_batch(composed, option):
    config = composed("experiment=exp3", "scale=paper", f"hardware={option}")
    arguments = trainer_arguments(config, "model", launch.Path("/run/train"))
    per_process = arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"]
    assert arguments["per_device_train_batch_size"] == 6
    assert per_process * config.hardware.training_processes == 12 * 6
    assert arguments["steps_per_generation"] == arguments["gradient_accumulation_steps"]
    assert arguments["model_init_kwargs"]["dtype"] == "float32"
    assert config.hardware.name == option


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["hardware=h100x8", "hardware.training_processes=8", "hardware.generation=vllm_colocate",
          "hardware.server_devices=0"], ["8 processes", "1, 2, 3, 4, 6 or 12"]),
        (["hardware=cpux2", "hardware.sharding=zero2"], ["hardware.sharding=zero2", "needs CUDA"]),
        (["hardware=cpu", "hardware.generation=vllm_server"], ["hardware.generation=vllm_server"]),
        (["hardware=a40x4", "hardware.training_processes=4"], ["hardware.devices=4", "Make them agree"]),
        (["hardware=a40x4", "hardware.server_devices=0", "hardware.devices=3"],
         ["hardware.server_devices=0", "Give 1 or more with vllm_server"]),
        (["hardware=a40x4", "hardware.nodes=2", "hardware.training_processes=6", "hardware.server_devices=2"],
         ["hardware.generation=vllm_server", "vllm_colocate"]),
        (["hardware=a40x4", "hardware.sharding=zero3"], ["hardware.sharding=zero3", "sharding=zero2"]),
        (["hardware=a40x4", "hardware.sharding=fsdp2"], ["hardware.sharding=fsdp2", "vllm_colocate"]),
        (["hardware=a100x1", "model.compute_dtype=float32"], ["vllm_colocate", "compute_dtype=bfloat16"]),
        (["hardware=cpux2", "hardware.nodes=4"], ["hardware.training_processes=2", "hardware.nodes=4"]),
        (["hardware=a40x4", "hardware.vllm_memory=1.5"], ["hardware.vllm_memory=1.5"]),
        (["hardware.nodes=0"], ["hardware.nodes=0"]),
        (["hardware.stall_timeout=0"], ["hardware.stall_timeout=0", "greater than 0"]),
        (["hardware.server_timeout=-1"], ["hardware.server_timeout=-1", "greater than 0"]),
    ],
)  # fmt: skip
def test_hardware_that_does_not_fit_together_is_refused(composed, overrides, told):
    with pytest.raises((Mistake, OmegaConfBaseException)) as caught:
        composed("experiment=exp3", "scale=paper", *overrides)
    for part in told:
        assert part in str(caught.value)


def accelerates_view(config, folder):
    """What accelerate's own loader and launcher make of our config file."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    path = folder / "accelerate.yaml"
    OmegaConf.save(OmegaConf.create(launch.accelerate_config(config)), path)
    parsed = launch_command_parser().parse_args(
        ["--config_file", str(path), "-m", "openrs.command.stage", "file"]
    )
    arguments, _, _ = _validate_launch_command(parsed)
    return arguments


@pytest.mark.slow  # imports accelerate
@pytest.mark.parametrize("option", ["a40x4", "h100x8"])
@pytest.mark.parametrize("sharding", ["ddp", "zero2", "zero3", "fsdp2"])
def test_accelerate_reads_every_config(composed, tmp_path, option, sharding):
    devices = {"a40x4": 3, "h100x8": 6}[option]  # vLLM beside the trainer: a server bears no whole sharding
    colocated = ("generation=vllm_colocate", "server_devices=0", f"devices={devices}", f"sharding={sharding}")
    words = [f"hardware.{word}" for word in colocated]
    config = composed("experiment=exp3", "scale=paper", f"hardware={option}", *words)
    seen = accelerates_view(config, tmp_path)
    assert seen.num_processes == config.hardware.training_processes
    assert (seen.num_machines, seen.machine_rank, seen.mixed_precision) == (1, 0, "bf16")
    assert (seen.training_script, seen.training_script_args) == ("openrs.command.stage", ["file"])
    kinds = (seen.multi_gpu, seen.use_deepspeed, seen.use_fsdp)
    assert kinds == (sharding == "ddp", sharding.startswith("zero"), sharding == "fsdp2")
    if seen.use_deepspeed:
        assert str(seen.zero_stage) == sharding[-1]
        assert float(seen.gradient_clipping) == config.algorithm.max_grad_norm
        assert int(seen.gradient_accumulation_steps) == config.gradient_accumulation
        assert (str(seen.zero3_save_16bit_model) == "True") == (sharding == "zero3")
    if seen.use_fsdp:
        from accelerate.utils.launch import prepare_multi_gpu_env

        environment = prepare_multi_gpu_env(seen)
        assert environment["FSDP_VERSION"] == "2"
        assert environment["FSDP_STATE_DICT_TYPE"] == "FULL_STATE_DICT"
        assert environment["FSDP_CPU_RAM_EFFICIENT_LOADING"] == "false"


@pytest.mark.slow  # imports accelerate
@pytest.mark.parametrize(("option", "where"), [("gpu24x1", "cpu"), ("gpu24x2", "cpu"), ("gpu40x4", "none")])
def test_an_optimizer_that_does_not_fit_is_on_the_host(composed, tmp_path, option, where):
    seen = accelerates_view(composed("experiment=exp3", "scale=paper", f"hardware={option}"), tmp_path)
    assert (seen.use_deepspeed, seen.offload_optimizer_device, seen.offload_param_device) == (
        True,
        where,
        "none",
    )


@pytest.mark.slow  # imports accelerate
def test_two_nodes_meet_at_the_first(composed, tmp_path, monkeypatch):
    config = composed("experiment=exp3", "scale=paper", "hardware=h100x8", *TWO_NODES)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.delenv("NODE_RANK", raising=False)
    monkeypatch.delenv("SLURM_NODEID", raising=False)
    with pytest.raises(Mistake, match="hardware.node_rank=null.*0 to 1"):
        launch.accelerate_config(config)
    monkeypatch.setenv("SLURM_NODEID", "1")
    with pytest.raises(Mistake, match="hardware.main_address=null"):
        launch.accelerate_config(config)
    monkeypatch.setenv("MASTER_ADDR", "first")
    seen = accelerates_view(config, tmp_path)
    assert (seen.num_machines, seen.machine_rank, seen.num_processes) == (2, 1, 12)
    assert (seen.main_process_ip, seen.main_process_port) == ("first", 29500)
    monkeypatch.setenv("SLURM_NODEID", "2")
    with pytest.raises(Mistake, match="hardware.node_rank=2"):
        launch.node_rank(config.hardware)


def test_each_stage_gets_its_launcher(composed, tmp_path):
    def words(*overrides, stage="train"):
        return " ".join(
            launch.command(composed("experiment=exp3", *overrides), stage, tmp_path / "train.json")
        )

    assert "accelerate_cli launch --config_file" in words("hardware=a40x4")
    assert "torch.distributed.run --nproc-per-node=2 --standalone -m openrs.command.stage" in words(
        "hardware=cpux2"
    )
    for alone in (words("hardware=a100x1"), words("hardware=a40x4", stage="evaluate")):
        assert "launch" not in alone
        assert alone.endswith(f"-m openrs.command.stage {tmp_path}/train.json")
    assert "accelerate_cli launch" in words("hardware=h100x1", "hardware.sharding=zero2")


def test_a_stage_leaves_this_process_where_memory_or_processes_would_stay(composed):
    for overrides, train, evaluate in (
        (("hardware=cpu",), False, False),
        (("hardware=cpux2",), True, False),
        (("hardware=cpu", "engine=vllm"), False, True),
        (("hardware=h100x1",), True, True),
        (("hardware=cpu", "scale=paper"), True, True),
    ):
        config = composed("experiment=exp3", *overrides)
        assert launch.in_own_process(config, "train") == train, overrides
        assert launch.in_own_process(config, "evaluate") == evaluate, overrides


def test_the_server_has_the_last_devices(composed, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert launch.devices_of(composed("experiment=exp3", "hardware=a40x4").hardware) == ("0,1,2", "3")
    eight = composed("experiment=exp3", "hardware=h100x8").hardware
    assert launch.devices_of(eight) == ("0,1,2,3,4,5", "6,7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c,GPU-d,GPU-e")
    assert launch.devices_of(composed("experiment=exp3", "hardware=a40x4").hardware) == (
        "GPU-a,GPU-b,GPU-c", "GPU-d",
    )  # fmt: skip
    assert launch.devices_of(composed("experiment=exp3", "scale=paper", "hardware=a100x1").hardware) == (
        "GPU-a",
        "",
    )


def test_devices_are_those_that_are_large_enough_by_name(composed, tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    rows = ("GPU-small, 8192", "GPU-a, 81920", "GPU-b, 81920")
    fake.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    config = composed("experiment=exp3", "scale=paper", "hardware=a100x1")
    assert launch.devices_of(config.hardware) == ("GPU-a", "")
    assert launch.devices_of_evaluation(config.hardware) == {"CUDA_VISIBLE_DEVICES": "GPU-a"}
    two = composed(
        "experiment=exp3",
        "scale=paper",
        "hardware=a40x4",
        "hardware.devices=2",
        "hardware.training_processes=1",
    )
    assert launch.devices_of(two.hardware) == ("GPU-a", "GPU-b")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert launch.devices_of(config.hardware) == ("2", "")  # the user's own names stay
    assert launch.devices_of_evaluation(config.hardware) == {}


@pytest.mark.parametrize("experiment", ["exp1", "exp2", "exp3", "base"])
def test_a_config_survives_the_way_into_a_stage(composed, experiment):
    config = composed(f"experiment={experiment}", "scale=paper", "hardware=h100x8")
    assert restore(json.loads(json.dumps(dataclasses.asdict(config)))) == config


@pytest.mark.slow  # imports TRL
@pytest.mark.parametrize("option", GPU)
def test_trl_knows_every_argument_of_training(composed, tmp_path, option):
    from trl import GRPOConfig

    config = composed("experiment=exp3", "scale=paper", f"hardware={option}")
    server = vllm_server.Server(port=8123, group_port=8124)
    made = trainer_arguments(config, "model", tmp_path, server)
    assert made.keys() <= {field.name for field in dataclasses.fields(GRPOConfig)}
    # what no CPU has: a device, and bf16 on it
    built = GRPOConfig(**made | {"use_cpu": True, "bf16": False})
    assert built.use_vllm
    if option in ("a40x4", "h100x8"):
        assert (built.vllm_mode, built.vllm_server_port, built.vllm_group_port) == ("server", 8123, 8124)
    else:
        assert (built.vllm_mode, built.vllm_max_model_length) == ("colocate", 512 + 3584)
        assert built.vllm_gpu_memory_utilization == 0.25


@pytest.mark.slow  # imports TRL
@pytest.mark.parametrize("option", ["a40x4", "h100x8"])
def test_trl_and_vllm_know_every_argument_of_the_server(composed, option):
    from trl.scripts.vllm_serve import ScriptArguments, build_command, make_parser

    config = composed("experiment=exp3", "scale=paper", f"hardware={option}")
    server = vllm_server.Server(port=8123)
    told = vllm_server.arguments(config, "org/model", server, reached=50)
    read, rest = make_parser().parse_args_and_config(told, return_remaining_strings=True)
    assert isinstance(read, ScriptArguments)
    assert (read.model, read.port, read.host) == ("org/model", 8123, "127.0.0.1")
    assert (read.dtype, read.max_model_len, read.gpu_memory_utilization) == ("bfloat16", 4096, 0.7)
    assert read.tensor_parallel_size == config.hardware.server_devices
    assert rest == ["--seed", "92"]
    command = build_command(read, rest)
    pytest.importorskip("vllm", reason="vLLM is not installed: its own parser cannot be asked")
    from vllm.entrypoints.openai.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = make_arg_parser(FlexibleArgumentParser())
    parsed = parser.parse_args(command[command.index("serve") + 1 :])
    assert (parsed.seed, parsed.max_model_len, parsed.dtype) == (92, 4096, "bfloat16")


def begun(folder, **more):
    """A run's train/ folder with the segment that it began with."""
    folder.mkdir(parents=True)
    training.begin_segment(folder, {"first_step": 1, "world_size": 3, "hardware": "a40x4"} | more)


@pytest.mark.parametrize(
    ("before", "now", "refused"),
    [
        ("zero2", "hardware=a40x4", False),
        ("zero2", "hardware=h100x8", True),  # another number of shards
        ("zero2", "hardware=a100x1", True),  # would start with an empty optimizer
        ("ddp", "hardware=a100x1", False),
        ("ddp", "hardware=a40x4", True),
        ("ddp", "hardware=cpux2", False),
        ("fsdp2", "hardware=a100x1", True),
    ],
)
def test_only_the_same_training_goes_on(composed, tmp_path, before, now, refused):
    folder = tmp_path / "exp3-12345678" / "train"
    begun(folder, sharding=before)
    hardware = composed("experiment=exp3", "scale=paper", now).hardware
    if not refused:
        training.refuse_another_training(folder, hardware, 50)
        return
    with pytest.raises(Mistake) as caught:
        training.refuse_another_training(folder, hardware, 50)
    for part in ("exp3-12345678", "step 50", f"hardware.sharding={before}", "3 processes", "force=[train]"):
        assert part in str(caught.value)


def test_a_run_from_before_segments_said_how_it_was_shared_goes_on(composed, tmp_path):
    begun(tmp_path / "train", world_size=1, hardware="cpu")
    hardware = composed("experiment=exp3").hardware
    training.refuse_another_training(tmp_path / "train", hardware, 2)
    training.refuse_another_training(tmp_path / "nothing", hardware, 0)


def test_what_a_later_segment_trained_anew_counts_once():
    begun_at = [{"first_step": 1}, {"first_step": 5}, {"first_step": 3}]
    done = training.finished_segments(begun_at, last=6, seconds=dict.fromkeys(range(1, 7), 1.0))
    assert [(s["first_step"], s["last_step"], s["seconds"]) for s in done] == [(1, 2, 2.0), (3, 6, 4.0)]


def test_segments_count_their_own_time_and_devices():
    done = training.finished_segments(
        [{"first_step": 1, "devices": 4}, {"first_step": 3, "devices": 4}, {"first_step": 3, "devices": 1}],
        last=4,
        seconds={1: 1800.0, 2: 1800.0, 3: 3600.0, 4: 3600.0},
    )
    assert [(s["first_step"], s["last_step"], s["seconds"], s["device_hours"]) for s in done] == [
        (1, 2, 3600.0, 4.0), (3, 4, 7200.0, 2.0),
    ]  # fmt: skip


STAGE = """
import hashlib, os, sys
from pathlib import Path
from openrs.command import stage
def shown(spec, stop):
    texts = spec["config"]["engine"]["base_url"], spec["study"]["url"]
    print(*(hashlib.sha256(text.encode()).hexdigest() for text in texts), "SECRETS" in str(os.environ))
stage._run = shown
print(Path(sys.argv[1]).read_text().count("s3cret"))
sys.exit(stage.main(Path(sys.argv[1])))
"""


def test_a_stage_gets_its_secrets_and_no_file_does(composed, tmp_path, monkeypatch):
    urls = "http://me:s3cret@host:8000/v1", "postgresql://me:s3cret@host/db"
    config = composed("experiment=exp3", f"engine.base_url='{urls[0]}'")
    run = Run(tmp_path / "exp3-12345678", "1" * 64, {})
    monkeypatch.setattr(launch, "command", lambda *_: [sys.executable, "-c", STAGE, str(_[2])])
    launch.train(config, run, "model", 0, {"url": urls[1]})
    before, after = (run.folder / "logs" / "train.log").read_text().split("\n", 1)
    hashes = [hashlib.sha256(url.encode()).hexdigest() for url in urls]
    assert (before, after) == ("0", f"{hashes[0]} {hashes[1]} False\n")
    assert not [path for path in run.folder.rglob("*") if path.is_file() and "s3cret" in path.read_text()]
