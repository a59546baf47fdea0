"""Several trials at once: processes of one machine, a Ray cluster, submitit's jobs."""

import os
import re
import signal
import sys
import time
from functools import partial

import pytest
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.sweep import workers
from openrs.sweep.sweeper import Sweep
from openrs.sweep.worker import SharedState
from tests.helpers import slurm
from tests.helpers.composition import composed_tree
from tests.helpers.jobs import segments
from tests.helpers.sweeps import TRAINING, start, study_of, sweep

POINTS = [f"{x} 0" for x in range(6)]
whole_tree = partial(composed_tree, "scale=nano", with_hydra=True)


def machine(**hardware):
    return OmegaConf.create({"hardware": {"name": "made-up", **hardware}})


def test_workers_share_the_devices_of_a_machine(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    found = workers.shares(2, machine(device="cuda", devices=2))
    assert found == [{"CUDA_VISIBLE_DEVICES": "4,5"}, {"CUDA_VISIBLE_DEVICES": "6,7"}]
    with pytest.raises(ValueError, match=r"n_jobs=3: hardware=made-up needs 2 devices a run"):
        workers.shares(3, machine(device="cuda", devices=2))


def test_workers_without_devices_share_the_processor(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 8)
    assert workers.shares(3, machine(device="cpu", devices=0)) == [{"OMP_NUM_THREADS": "2"}] * 3


@pytest.mark.slow
@pytest.mark.chaos
def test_processes_share_a_grid_and_one_of_them_reports(stub):
    made = stub.run("x=range(0,6)", "sleep=0.3", "hydra.sweeper.n_jobs=3", "tell=OMP_NUM_THREADS")
    assert made.returncode == 0, made.stderr
    assert sorted(stub.ran()) == POINTS
    assert len({line.split()[-1] for line in stub.log.read_text().splitlines()}) > 1
    assert made.stderr.count("6 trials: 6 complete") == 1
    assert set(stub.told()) == set("012345")
    assert sorted(path.name for path in (stub.folder / "sweep" / "workers").iterdir()) == [
        "1.log", "2.log", "3.log",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.chaos
def test_processes_of_a_new_command_try_what_failed_once_more(stub):
    arguments = ["x=0,1", "fail_at=0", "hydra.sweeper.retries=0", "hydra.sweeper.n_jobs=3"]
    made = stub.run(*arguments)
    assert made.returncode == 1
    assert "2 trials: 1 complete, 1 failed" in made.stderr
    assert sorted(stub.ran()) == ["0 0", "1 0"]
    assert stub.run(*arguments).returncode == 1
    assert sorted(stub.ran()) == ["0 0", "0 0", "1 0"]


@pytest.mark.slow
@pytest.mark.chaos
def test_ray_gives_every_trial_its_devices(stub, ray_cluster):
    made = stub.run(
        "x=range(0,6)", "sleep=0.5", "hydra.sweeper.n_jobs=2", "hydra/launcher=ray",
        "+hydra.launcher.ray.remote.num_gpus=1", "tell=CUDA_VISIBLE_DEVICES", **ray_cluster,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert sorted(stub.ran()) == POINTS
    assert set(stub.told().values()) == {"0", "1"}
    assert "6 trials: 6 complete" in made.stderr


@pytest.mark.slow
@pytest.mark.chaos
def test_a_ray_worker_that_dies_is_a_failed_trial_and_tried_again(stub, ray_cluster):
    made = stub.run(
        "x=0,1", "die_at=1", "hydra/launcher=ray", "+hydra.launcher.ray.remote.max_retries=0", **ray_cluster
    )
    assert made.returncode == 0, made.stderr
    assert stub.ran() == ["0 0", "1 0", "1 0"]
    assert "WorkerCrashedError" in made.stderr


@pytest.mark.slow
@pytest.mark.chaos
def test_ray_runs_real_training(tmp_path, ray_cluster):
    made = sweep(
        *TRAINING, "steps.stop_at=1", "seed=1,2", f"outputs={tmp_path}", "hydra/launcher=ray",
        "hydra.sweeper.n_jobs=2", **ray_cluster,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    assert "2 trials: 2 complete" in made.stderr
    assert len(list(tmp_path.glob("runs/exp2-*/train.json"))) == 2


@pytest.mark.slow
@pytest.mark.chaos
def test_submitit_runs_the_trials_as_jobs(stub):
    pytest.importorskip("submitit", reason="submitit is not installed (the extra `slurm`)")
    made = stub.run("x=range(0,6)", "hydra.sweeper.n_jobs=3", "hydra/launcher=submitit_local")
    assert made.returncode == 0, made.stderr
    assert sorted(stub.ran()) == POINTS
    assert len({line.split()[-1] for line in stub.log.read_text().splitlines()}) == 6, "a process each"


@pytest.mark.slow
def test_the_threads_of_several_workers_share_no_config(monkeypatch):
    """Hydra changes flags of the config that it instantiates from, so another thread may not read it."""
    config = whole_tree("hydra/launcher=submitit_local", "hydra.sweep.dir=made-up", "hydra.sweeper.n_jobs=4")
    sweep, made = Sweep(None, None, config, config.hydra.sweeper), []

    class Often:
        def __init__(self, question, options, patience, progress, launcher):
            self.config = launcher.config

        def take_all(self):
            for _ in range(20):
                launcher = Plugins.instance().instantiate_launcher(
                    hydra_context=None, task_function=None, config=self.config
                )
                made.append(launcher)

    monkeypatch.setattr(sweep, "_address", lambda question: [])
    monkeypatch.setattr("openrs.sweep.sweeper.Worker", Often)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        sweep._work(None, None, SharedState())
    finally:
        sys.setswitchinterval(interval)
    assert len(made) == 80


def test_launchers_ask_for_what_the_hardware_needs():
    ray = whole_tree("hydra/launcher=ray", "hardware=h100x8").hydra.launcher.ray.remote
    assert (ray.num_gpus, ray.num_cpus, ray.max_retries) == (8, 6, 0)
    job = whole_tree("hydra/launcher=submitit_slurm", "hardware=a40x4", "hydra.launcher.partition=gpu")
    asked = job.hydra.launcher
    assert (asked.nodes, asked.gpus_per_node, asked.tasks_per_node, asked.partition) == (1, 4, 1, "gpu")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], ""),
        (["hydra/launcher=ray", "hydra.sweeper.n_jobs=2"], "ray, 2 jobs at once"),
        (
            [
                "hydra/launcher=submitit_slurm",
                "hydra.launcher.partition=gpu",
                "hydra.launcher.timeout_min=90",
            ],
            "submitit_slurm, 1 job at once, partition gpu, time limit 90 minutes; a job that reaches it is "
            "queued again and goes on",
        ),
    ],
)
def test_a_plan_says_what_starts_the_trials(overrides, words):
    assert workers.described(whole_tree(*overrides)) == words


def test_slurm_is_needed_where_it_starts_the_trials(monkeypatch, tmp_path):
    config = whole_tree("hydra/launcher=submitit_slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    workers.require_slurm(whole_tree())
    with pytest.raises(ValueError, match="^hydra/launcher=submitit_slurm: no sbatch on this machine. Start "):
        workers.require_slurm(config)
    monkeypatch.setenv("PATH", slurm.install(tmp_path / "slurm"))
    workers.require_slurm(config)


@pytest.mark.slow
@pytest.mark.chaos
def test_a_job_at_its_time_limit_is_queued_again_and_its_run_goes_on(tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed (the extra `slurm`)")
    process = start(
        *TRAINING, "steps.save_every=3", "report_step=3", "seed=1,2", f"outputs={tmp_path}",
        "hydra/launcher=submitit_local", "+hydra.launcher.max_num_timeout=2",
    )  # fmt: skip
    began = time.monotonic()
    while not (
        found := [path for path in tmp_path.glob("runs/exp2-*/train/metrics.jsonl") if path.read_text()]
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < 400
        time.sleep(0.05)
    run = found[0].parents[1]
    job = int(re.search(r"process (\d+)", (run / ".lock").read_text())[1])
    os.kill(job, signal.SIGUSR2)  # what submitit sends before a job's time is up
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err[-3000:]
    first, second = segments(run)
    assert first["first_step"] == 1
    assert 1 <= first["last_step"] == second["first_step"] - 1, (
        "no regular checkpoint was there to go on from"
    )
    assert second["last_step"] == 3
    states = [trial.state for trial in study_of(tmp_path).trials]
    assert states == [TrialState.COMPLETE] * 2, "to the study it was one trial"


@pytest.mark.slow
@pytest.mark.chaos
def test_slurm_gets_a_batch_script_for_every_trial(tmp_path):
    """Through sbatch as submitit calls it, with stand-ins for SLURM's commands."""
    pytest.importorskip("submitit", reason="submitit is not installed (the extra `slurm`)")
    path = f"{slurm.install(tmp_path / 'slurm')}:{os.environ['PATH']}"
    made = sweep(
        *TRAINING, "steps.stop_at=1", "seed=1,2", f"outputs={tmp_path}", "hydra/launcher=submitit_slurm",
        "hydra.launcher.partition=long", "hydra.launcher.gpus_per_node=2", PATH=path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    assert "2 trials: 2 complete" in made.stderr
    asked = (tmp_path / "slurm" / "sbatch.log").read_text()
    for line in ("--partition=long", "--gpus-per-node=2", "--nodes=1", "--time=720", "--signal=USR2@600"):
        assert asked.count(f"#SBATCH {line}") == 2, asked
    assert "export MASTER_ADDR=$(scontrol show hostnames" in asked
