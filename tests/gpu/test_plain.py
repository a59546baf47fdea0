"""What torch and transformers alone settle on a GPU: precision, memory, attention, resuming, device names."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.gpu import learning

pytestmark = [pytest.mark.gpu, pytest.mark.gpu_plain, pytest.mark.slow]
GIB = 2**30


def flat(weights):
    """All weights but the embeddings, of which only those of words that occur get a gradient."""
    named = weights.named_parameters()
    return torch.cat([p.detach().flatten().float().cpu() for name, p in named if "embed" not in name])


def trained(device, dtype, steps, rate=1e-4, masters=torch.float32):
    """Loss, KL and gradient norm of each step, and how the weights changed, as one vector."""
    weights, base = (learning.model(learning.SMALL, device, masters) for _ in range(2))
    optimizer = torch.optim.AdamW(weights.parameters(), lr=rate, weight_decay=0.0)
    one = learning.batch(learning.SMALL, 6, 64, 16, device)
    before = flat(weights)
    lines = []
    for _ in range(steps):
        loss, kl = learning.step(weights, one, base, dtype)
        norm = torch.nn.utils.clip_grad_norm_(weights.parameters(), 1.0).item()
        optimizer.step()
        optimizer.zero_grad()
        lines.append((loss, kl, norm))
    return lines, flat(weights) - before


@pytest.mark.risk(5, 20)
def test_bf16_step_equals_fp32_step(device, measured):
    exact, change = trained("cpu", None, 6)
    rounded, other = trained(device, torch.bfloat16, 6)
    losses = [abs(a[0] - b[0]) for a, b in zip(exact, rounded, strict=True)]
    norms = [abs(b[2] / a[2] - 1) for a, b in zip(exact, rounded, strict=True)]
    cosine = torch.nn.functional.cosine_similarity(change, other, dim=0).item()
    measured("loss, largest difference", max(losses))
    measured("gradient norm, largest difference", 100 * max(norms), "%")
    measured("cosine of the weights' changes", cosine)
    measured("KL at the first step", rounded[0][1])
    assert rounded[0][1] < 1e-6  # policy and base are cast alike
    assert max(losses) < 0.02
    assert max(norms) < 0.03
    assert cosine > 0.98


@pytest.mark.risk(6, 5)
def test_master_weights_are_float32(device, measured):
    """At the paper's rate bfloat16 weights hardly move: a step is less than half of their last digit."""
    moved = {}
    for name, masters in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        _, change = trained(device, torch.bfloat16, 20, 1e-6, masters)
        moved[name] = (change != 0).float().mean().item()
        measured(f"{name} weights that moved", 100 * moved[name], "%")
    assert moved["float32"] > 0.99
    assert moved["bfloat16"] < 0.5


@pytest.mark.risk(7, 10)
def test_a_step_goes_on_from_a_saved_state(device, tmp_path, measured):
    """Weights, optimizer and both random states: the numbers that are drawn next, and the losses."""

    def run(first, last, load):
        weights = learning.model(learning.SMALL, device)
        optimizer = torch.optim.AdamW(weights.parameters(), lr=1e-4)
        one = learning.batch(learning.SMALL, 6, 64, 16, device)
        torch.manual_seed(3)
        if load:
            state = torch.load(tmp_path / "state.pt", weights_only=True)
            weights.load_state_dict(state["weights"])
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["cpu"])
            if device == "cuda":
                torch.cuda.set_rng_state(state["cuda"])
        found = []
        for _ in range(first, last):
            loss, _ = learning.step(weights, one, None, torch.bfloat16)
            optimizer.step()
            optimizer.zero_grad()
            found.append((loss, torch.rand(1, device=device).item()))
        state = {"weights": weights.state_dict(), "optimizer": optimizer.state_dict()}
        state["cpu"] = torch.get_rng_state()
        if device == "cuda":
            state["cuda"] = torch.cuda.get_rng_state()
        torch.save(state, tmp_path / "state.pt")
        return found

    through = run(0, 6, False)
    halves = run(0, 3, False) + run(3, 6, True)
    measured(
        "losses, largest difference", max(abs(a[0] - b[0]) for a, b in zip(through, halves, strict=True))
    )
    assert [draw for _, draw in through] == [draw for _, draw in halves]
    assert [loss for loss, _ in through] == pytest.approx([loss for loss, _ in halves], abs=1e-4)


@pytest.mark.risk(9, 60)
def test_memory_of_the_papers_step(device, measured):
    """All weights on one device, as a100x1 has them: float32 masters, moments and base, six completions."""
    config, length = learning.SMALL, 96
    if device == "cuda":
        config, length = learning.PAPER, 4096
        if torch.cuda.get_device_properties(0).total_memory < 60 * GIB:
            config = learning.shaped(config, num_hidden_layers=8)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    weights, base = learning.model(config, device), learning.model(config, device).eval()
    weights.gradient_checkpointing_enable({"use_reentrant": False})
    optimizer = torch.optim.AdamW(weights.parameters(), lr=1e-6, fused=True)
    one = learning.batch(config, 6, length, 64, device)
    for name in ("first", "second"):
        began = time.perf_counter()
        learning.step(weights, one, base, torch.bfloat16)
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()
        measured(f"{name} step of 6 x {length} tokens", time.perf_counter() - began, "s")
    measured("layers", config.num_hidden_layers)
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / GIB
        measured("peak memory", peak, "GiB")
        assert config.num_hidden_layers < 28 or peak < 1.15 * 47  # conf/hardware/a100x1.yaml


@pytest.mark.risk(10, 30)
def test_attention_backends(device, measured):
    """A layer's time with a padding mask, without, and with flash_attention_2 where it is installed."""
    config = learning.PAPER if device == "cuda" else learning.SMALL
    config = learning.shaped(config, num_hidden_layers=1, vocab_size=512)
    length = 4096 if device == "cuda" else 96
    found = {}
    for name, padded in (("sdpa", True), ("sdpa", False), ("flash_attention_2", True)):
        title = f"{name}{', padding mask' if padded else ''}"
        if name != "sdpa" and (device == "cpu" or importlib.util.find_spec("flash_attn") is None):
            measured(title, "not here: flash_attn is not installed, or this is a CPU")
            continue
        layer = learning.model(config, device, attn_implementation=name)
        one = learning.batch(config, 6, length, 64, device, padded)
        for turn in range(3):
            if turn == 1:
                began = time.perf_counter()
            found[title], _ = learning.step(layer, one, None, torch.bfloat16)
            if device == "cuda":
                torch.cuda.synchronize()
        measured(title, 1000 * (time.perf_counter() - began) / 2, "ms a step of one layer")
    if "flash_attention_2, padding mask" in found:
        assert found["flash_attention_2, padding mask"] == pytest.approx(
            found["sdpa, padding mask"], abs=1e-2
        )


@pytest.mark.risk(0, 10)
def test_triton_compiles(cuda, measured):
    """Needs a C compiler and Python.h: kernels of TRL's loss and of vLLM run in every step."""
    triton = pytest.importorskip("triton")
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kernel.py"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    measured(f"triton {triton.__version__}, a kernel", time.perf_counter() - began, "s")
    assert done.returncode == 0, done.stderr[-1500:]


SEES = (
    "import torch; see = torch.cuda.get_device_properties\n"
    "print([str(see(i).uuid) for i in range(torch.cuda.device_count())])"
)


@pytest.mark.risk(13, 20)
@pytest.mark.parametrize("order", [1, -1])
def test_devices_named_are_devices_meant(cuda, order):
    """CUDA numbers devices by speed, nvidia-smi by place; a UUID means one device in both."""
    from openrs.machine.devices import device_uuids

    names = list(device_uuids())[::order]
    assert names
    done = subprocess.run(
        [sys.executable, "-c", SEES], capture_output=True, text=True, timeout=120,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ",".join(names)},
    )  # fmt: skip
    assert done.stdout.strip() == str([name.removeprefix("GPU-") for name in names]), done.stderr[-500:]
