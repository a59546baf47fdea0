"""Stages as processes: which get one of their own, how several are started, how they are watched.

Training in several processes goes through `accelerate launch` on GPUs and torchrun on CPU (accelerate's
launcher starts one process there, whatever number it is given). Both start `openrs.command.stage`.
"""

import errno
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

from omegaconf import OmegaConf

from openrs.config.schema import Config, Hardware
from openrs.errors import Crashed, Mistake, Unfit, refuse
from openrs.machine.devices import device_uuids
from openrs.processes import interruption, loopback, vllm_server
from openrs.processes.hang_watchdog import HangWatchdog
from openrs.processes.subprocess import WatchedProcess, in_words
from openrs.processes.tracebacks import WithoutTracebacks
from openrs.processes.weight_sync import WeightSync
from openrs.records.files import write_record
from openrs.records.masking import covered
from openrs.records.resumption import resumption
from openrs.records.run import Run
from openrs.terminal import say

Stage = Literal["train", "evaluate"]

COMMAND = "OPENRS_COMMAND"
"""Environment variable of a stage's process: the process of the command that it belongs to."""
DISK_FULL = 4
"""Exit status of a stage that ended because the disk is full, where no file can say so."""
SECRETS = "OPENRS_SECRETS"
"""Environment variable of a stage's process: what is masked in its file."""


def in_own_process(config: Config, stage: Stage) -> bool:
    """Whether the stage leaves this process: to run in several, to give device memory back, or because it
    starts processes that would outlive this one if it were killed, as vLLM's engine would."""
    several = stage == "train" and config.hardware.training_processes > 1
    leaves_engine = stage == "evaluate" and config.engine.kind == "vllm"
    return several or leaves_engine or config.hardware.device == "cuda" or config.scale.name == "paper"


def node_rank(hardware: Hardware) -> int:
    """The number of this machine among `hardware.nodes`, from the config or the job's environment.

    Raises:
        Mistake: the number is stated nowhere, or out of range.
    """
    if hardware.nodes == 1:
        return 0
    rank = hardware.node_rank
    for name in ("NODE_RANK", "SLURM_NODEID"):
        if rank is None and os.environ.get(name, "").isdigit():
            rank = int(os.environ[name])
    if rank is None or not 0 <= rank < hardware.nodes:
        refuse(
            "hardware.node_rank",
            rank,
            f"with hardware.nodes={hardware.nodes} each machine needs its number, 0 to {hardware.nodes - 1}",
            "Give it, or set NODE_RANK (SLURM sets SLURM_NODEID)",
        )
    return rank


def main_address(hardware: Hardware) -> str:
    """The address of machine 0.

    Raises:
        Mistake: the address is stated nowhere.
    """
    if hardware.nodes == 1:
        return vllm_server.HOST
    if address := hardware.main_address or os.environ.get("MASTER_ADDR"):
        return address
    raise Mistake(
        f"hardware.main_address=null: with hardware.nodes={hardware.nodes} every machine must know the "
        "first. Give its address, or set MASTER_ADDR."
    )


def accelerate_config(config: Config) -> dict[str, Any]:
    """The config file of `accelerate launch` for this hardware.

    Master weights are float32 in all of them: DeepSpeed keeps them in its optimizer, FSDP2 and DDP train
    them and compute in bf16.
    """
    hardware = config.hardware
    settings: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "machine_rank": node_rank(hardware),
        "num_machines": hardware.nodes,
        "num_processes": hardware.training_processes,
        "main_process_ip": main_address(hardware),
        "main_process_port": hardware.main_port if hardware.nodes > 1 else vllm_server.free_port(),
        "rdzv_backend": "static",
        "same_network": True,
        "mixed_precision": "bf16" if config.model.compute_dtype == "bfloat16" else "no",
        "use_cpu": False,
    }
    if hardware.sharding == "ddp":
        return settings | {"distributed_type": "MULTI_GPU", "gpu_ids": "all"}
    if hardware.sharding == "fsdp2":
        return settings | {
            "distributed_type": "FSDP",
            "fsdp_config": {
                "fsdp_version": 2,
                "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "fsdp_reshard_after_forward": True,
                # True, as in TRL's own example, reads weights in the first process alone, and nothing sends
                # the KL term's base model on to the others: measured KL 1885 instead of 0 at step 1
                "fsdp_cpu_ram_efficient_loading": False,
                "fsdp_offload_params": False,
                "fsdp_activation_checkpointing": False,  # transformers checkpoints activations
                "fsdp_state_dict_type": "FULL_STATE_DICT",  # else no weights that evaluation could load
            },
        }
    stage = int(hardware.sharding.removeprefix("zero"))
    deepspeed: dict[str, Any] = {
        "zero_stage": stage,
        "deepspeed_multinode_launcher": "standard",
        "offload_optimizer_device": "cpu" if hardware.offload_optimizer else "none",
        "offload_param_device": "none",
        "gradient_accumulation_steps": config.gradient_accumulation,
        "gradient_clipping": config.algorithm.max_grad_norm,
        "zero3_init_flag": stage == 3,
    }
    if stage == 3:
        deepspeed["zero3_save_16bit_model"] = True  # else no weights that evaluation could load
    return settings | {"distributed_type": "DEEPSPEED", "deepspeed_config": deepspeed}


def command(config: Config, stage: Stage, file: Path) -> list[str]:
    """The command that runs a stage; on GPUs it writes accelerate's config beside the stage's file."""
    hardware, target = config.hardware, ["-m", "openrs.command.stage", str(file)]
    alone = hardware.training_processes == 1 and hardware.sharding == "ddp"
    if stage == "evaluate" or alone:
        return [sys.executable, *target]
    if hardware.device == "cuda":
        settings = file.with_suffix(".accelerate.yaml")
        OmegaConf.save(OmegaConf.create(accelerate_config(config)), settings)
        launcher = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
        return [*launcher, "--config_file", str(settings), *target]
    per_node = hardware.training_processes // hardware.nodes
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={per_node}"]
    if hardware.nodes == 1:
        return [*torchrun, "--standalone", *target]
    where = [f"--nnodes={hardware.nodes}", f"--node-rank={node_rank(hardware)}"]
    where += [f"--master-addr={main_address(hardware)}", f"--master-port={hardware.main_port}"]
    return [*torchrun, *where, *target]


def devices_of(hardware: Hardware) -> tuple[str, str]:
    """CUDA_VISIBLE_DEVICES of training and of the vLLM server: the first devices, and the last."""
    names = _named_by_user() or _large_enough(hardware) or [*map(str, range(hardware.devices))]
    names = names[: hardware.devices]
    training = len(names) - hardware.server_devices
    return ",".join(names[:training]), ",".join(names[training:])


def devices_of_evaluation(hardware: Hardware) -> dict[str, str]:
    """CUDA_VISIBLE_DEVICES of an evaluation, where the user names no devices and some are large enough."""
    names = [] if hardware.device == "cpu" or _named_by_user() else _large_enough(hardware)
    return {"CUDA_VISIBLE_DEVICES": ",".join(names)} if names else {}


def _named_by_user() -> list[str]:
    return [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]


def _large_enough(hardware: Hardware) -> list[str]:
    """UUIDs of the devices that the hardware option means: numbers depend on CUDA_DEVICE_ORDER, in which a
    small display card may come first."""
    devices = device_uuids().items()
    return [uuid for uuid, memory in devices if memory >= hardware.device_memory_gib][: hardware.devices]


def train(config: Config, run: Run, model: str, reached: int, study: dict[str, Any] | None = None) -> None:
    """Trains in processes of their own, with a vLLM server beside them where the hardware has one.

    Args:
        model: path or Hub id of the starting weights.
        reached: the step that training goes on from.
        study: the sweep's study, which may end training early.

    Raises:
        Mistake: the stage refused the config.
        Crashed: a process or the server ended by itself; training up to the last checkpoint stays.
        Interrupted: the command was asked to end; training has saved a checkpoint, if there was time.
    """
    hardware = config.hardware
    visible, visible_to_server = devices_of(hardware)
    environment = loopback.around_proxies() | {"CUDA_VISIBLE_DEVICES": visible}
    if hardware.device == "cpu":
        share = (os.cpu_count() or 1) * hardware.nodes // hardware.training_processes
        environment["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", str(max(1, share)))
    with ExitStack() as stack:
        server, server_process, sync = None, None, None
        if hardware.generation == "vllm_server":
            sync = WeightSync(hardware.sync_timeout)
            server = vllm_server.address(hardware.server_port)
            server_process = stack.enter_context(
                vllm_server.serving(
                    vllm_server.command(config, model, server, reached),
                    server,
                    run.folder / "logs" / "vllm-server.log",
                    # TRL's client sends no key
                    {"CUDA_VISIBLE_DEVICES": visible_to_server, "VLLM_API_KEY": ""},
                    hardware.server_timeout,
                    sync.hear,
                )
            )
        arguments = {"server": asdict(server) if server else None, "study": study}
        watchdog = _watchdog(config, run, server)
        seconds = config.hardware.stop_timeout
        with interruption.ends_itself(interruption.training_ends(seconds), seconds):
            _run(config, run, "train", arguments, environment, server_process, watchdog, sync)


def _watchdog(config: Config, run: Run, server: vllm_server.Server | None) -> HangWatchdog | None:
    """Watches for a hang, on the machine that writes the steps."""
    limit = config.hardware.stall_timeout
    if limit is None or node_rank(config.hardware):
        return None
    answers = partial(vllm_server.answers, server) if server else None
    return HangWatchdog(limit, run.folder / "train", config.stop_at, answers)


def evaluate(config: Config, run: Run, step: int, weights: str, look: int = 0) -> None:
    """Measures the missing scores of a checkpoint in a process of its own.

    Args:
        look: above 0 measures that look alone.

    Raises:
        Mistake: the stage refused the config.
        Crashed: the process ended by itself; finished scores stay.
    """
    visible = devices_of_evaluation(config.hardware)
    _run(config, run, "evaluate", {"step": step, "weights": weights, "look": look}, visible, None)


def _run(
    config: Config,
    run: Run,
    stage: Stage,
    arguments: dict[str, Any],
    environment: dict[str, str],
    server: WatchedProcess | None,
    watchdog: HangWatchdog | None = None,
    sync: WeightSync | None = None,
) -> None:
    suffix = f"-{node_rank(config.hardware)}" if config.hardware.nodes > 1 else ""
    file = run.folder / "logs" / f"{stage}{suffix}.json"
    for left in (error_file(file), stop_file(file)):
        left.unlink(missing_ok=True)
    spec = {"stage": stage, "id": run.id, "config": asdict(config), **arguments}
    shown, secrets = covered(spec)
    write_record(file, shown)
    process = WatchedProcess(
        command(config, stage, file),
        file.with_suffix(".log"),
        environment | {COMMAND: str(os.getpid()), SECRETS: secrets},
        show=WithoutTracebacks(say),
    )
    try:
        while (status := process.wait(0.5)) is None:
            if interruption.stop_requested():
                stop_file(file).touch()
            if server is not None and (ended := server.wait(0)) is not None:
                raise vllm_server.died(server, ended)
            if watchdog is not None and (hang := watchdog.look()) is not None:
                raise Crashed(
                    f"hardware.stall_timeout={watchdog.limit:g}: {hang} for that many seconds, so openrs "
                    f"ended training. {_way_on(stage, config, run)}; where steps do take longer, give more, "
                    f"or null. {(server or process).log_tail}"
                )
            if sync is not None and server is not None and (fault := sync.look()) is not None:
                raise Crashed(
                    f"{fault}, so openrs ended training. {_way_on(stage, config, run)}. {server.log_tail}"
                )
    except interruption.Interrupted:
        process.stop(grace=0)
        raise
    finally:
        process.stop()
    if status == 0:
        return
    failed = _first_failure(process)
    if DISK_FULL in (status, failed and failed[1]):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(process.log))
    if server is not None and (ended := server.wait(2)) is not None:
        raise vllm_server.died(server, ended)  # training died because its server did
    if error_file(file).exists():
        kind, _, text = error_file(file).read_text(encoding="utf-8").partition("\n")
        raise {"Crashed": Crashed, "Unfit": Unfit}.get(kind, Mistake)(text)
    first = f"process {failed[0]} of training ended first, with {in_words(failed[1])}" if failed else ""
    raise Crashed(
        f"{stage}: {first or f'its process ended with {in_words(status)}'}. "
        f"{_way_on(stage, config, run)}. {process.log_tail}"
    )


def _way_on(stage: Stage, config: Config, run: Run) -> str:
    """What the same command will do about the stage."""
    if stage == "evaluate":
        return "The same command measures what is missing"
    step = resumption(run.folder / "train", config.stop_at).step
    if not step:
        return "No checkpoint was saved yet, so the same command starts training again"
    return f"The same command goes on from the last checkpoint (step {step})"


def stop_file(file: Path) -> Path:
    """What the first training process looks for at the end of each step, to save a checkpoint and end; one
    for all nodes."""
    return file.with_name("train.stop")


def error_file(file: Path) -> Path:
    """Where a stage leaves the user's mistake: the class in the first line, then the message."""
    return file.with_suffix(".error")


def _first_failure(process: WatchedProcess) -> tuple[str, int] | None:
    """Number and exit status of the process that failed first, by the report of torch's launcher."""
    lines = [line.strip() for line in process.last]
    roots = [index for index, line in enumerate(lines) if line.startswith("Root Cause")]
    report: dict[str, str] = {}
    for line in lines[roots[-1] :] if roots else []:
        name, _, value = line.partition(":")
        report.setdefault(name.strip(), value.split("(")[0].strip())
    if "rank" not in report or "exitcode" not in report:
        return None
    return report["rank"], int(report["exitcode"])
