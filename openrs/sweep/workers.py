"""Several workers under one command: processes of this machine, or jobs that a launcher runs elsewhere.

Hydra's basic launcher runs a job in the process that calls it, so `n_jobs` workers are as many
processes, each with its share of the machine's devices. Other launchers (Ray, SLURM) run jobs elsewhere,
so a thread for each is enough to wait for it.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from openrs.errors import Mistake
from openrs.machine.devices import visible_devices
from openrs.processes import interruption
from openrs.processes.subprocess import WatchedProcess
from openrs.terminal import say

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def elsewhere(config: DictConfig) -> bool:
    """Whether the launcher of the config runs jobs outside the process that calls it."""
    return config.hydra.launcher.get("_target_") != BASIC


SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"


def require_slurm(config: DictConfig) -> None:
    """Refuses jobs of SLURM where its commands are not.

    Raises:
        Mistake: a command that submits or starts a job is not on this machine.
    """
    lacking = [name for name in ("sbatch", "srun") if not shutil.which(name)]
    if config.hydra.launcher.get("_target_") == SLURM and lacking:
        raise Mistake(
            f"hydra/launcher={_choice(config)}: no {lacking[0]} on this machine. Start it on a login node, "
            "or leave hydra/launcher out."
        )


def described(config: DictConfig) -> str:
    """How a launcher starts the trials; nothing where they run in processes of this machine."""
    if not elsewhere(config):
        return ""
    launcher, number = config.hydra.launcher, config.hydra.sweeper.n_jobs
    text = f"{_choice(config)}, {number} job{'s' * (number > 1)} at once"
    if launcher.get("_target_") != SLURM:
        return text
    return (
        f"{text}, partition {launcher.partition or 'of the cluster by default'}, time limit "
        f"{launcher.timeout_min} minutes; a job that reaches it is queued again and goes on"
    )


def _choice(config: DictConfig) -> str:
    return str(config.hydra.runtime.choices["hydra/launcher"])


def prepare(launcher: Any) -> None:
    """Connects to Ray once, as two threads that find no connection would each make one."""
    settings = getattr(launcher, "ray_cfg", None)
    if settings is not None:
        from hydra_plugins.hydra_ray_launcher._launcher_util import start_ray

        start_ray(settings.init)


def threads(works: list[Callable[[], None]], halt: threading.Event) -> None:
    """Runs each of the works in a thread until all have ended.

    Args:
        halt: asks them to take no further trial; set where one of them fails.

    Raises:
        Exception: the first error of a thread.
    """
    errors: list[Exception] = []

    def one(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            errors.append(error)
            halt.set()

    # daemons, as Ctrl-C must not wait for jobs that run elsewhere: their trials are taken up again
    running = [threading.Thread(target=one, args=(work,), daemon=True) for work in works]
    for thread in running:
        thread.start()
    try:
        while any(thread.is_alive() for thread in running):
            time.sleep(0.2)
    finally:
        halt.set()
    if errors:
        raise errors[0]


def processes(number: int, config: DictConfig, overrides: list[str], folder: Path) -> None:
    """Starts this command so many times with `n_jobs=1`, and waits. They end with this process.

    Args:
        overrides: what leads every worker to the same study.
        folder: the sweep's, for their logs.

    Raises:
        Mistake: the devices do not go round.
    """
    command = [*sys.orig_argv, *overrides, "hydra.sweeper.n_jobs=1", "hydra.sweeper.report=false"]
    environments = shares(number, config)
    running: list[WatchedProcess] = []
    try:
        for index, environment in enumerate(environments, start=1):
            log = folder / "workers" / f"{index}.log"
            running.append(WatchedProcess(command, log, environment, show=say))
        notice = "ending: each worker that trains saves a checkpoint first (a second signal ends at once)"
        with interruption.ends_itself(notice, None):
            stop_requested = None
            for child in running:
                while child.wait(0.2) is None:
                    if (
                        stop_requested is None
                        and (stop_requested := interruption.stop_requested()) is not None
                    ):
                        for one in running:
                            one.ask(stop_requested)
    finally:
        for child in running:
            child.stop()


def can_repeat(config: DictConfig) -> bool:
    """Whether this process's command line is the sweep's, and not that of a program around it."""
    return set(config.hydra.overrides.task) <= set(sys.argv)


def shares(number: int, config: DictConfig) -> list[dict[str, str]]:
    """What each worker's environment says of devices, or of CPU threads where there is no device.

    Raises:
        Mistake: a worker's share is less than a run needs.
    """
    hardware = config.get("hardware", {})
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = listed.split(",") if listed else [str(index) for index in range(len(visible_devices()))]
    if hardware.get("device") != "cuda":
        threads = os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // number)))
        return [{"OMP_NUM_THREADS": threads} for _ in range(number)]
    each = len(visible) // number
    if each < hardware.devices:
        raise Mistake(
            f"hydra.sweeper.n_jobs={number}: hardware={hardware.name} needs {hardware.devices} devices a "
            f"run, and {number} workers have {each} each of {len(visible)}. Use fewer workers, or a hardware "
            "option with fewer devices."
        )
    return [
        {"CUDA_VISIBLE_DEVICES": ",".join(visible[index * each : (index + 1) * each])}
        for index in range(number)
    ]
