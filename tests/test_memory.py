"""What training takes of a device by arithmetic, against what is known and what conf/hardware/ states."""

import math
from dataclasses import replace

import pytest
import yaml

from openrs import needs
from openrs.config.catalog import Shape
from openrs.cost.memory import GIB, phases
from openrs.cost.sizes import memory_gib
from openrs.errors import Mistake, Unfit
from openrs.machine.facts import Machine
from openrs.paths import CONF

THREE = (
    *("hardware=a40x4", "hardware.generation=vllm_colocate", "hardware.server_devices=0"),
    "hardware.devices=3",
)


def of(composed, *overrides):
    config = composed("experiment=exp3", "scale=paper", *overrides)
    return phases(config, config.hardware.device_memory_gib)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "learning", "sampling"),
    [
        (["hardware=a40x4"], 23.9, 30.8),  # conf/hardware: 22 to 25 of each 44; vLLM takes its share, 0.7
        (["hardware=a40x4", "experiment=exp1"], 24.5, 30.8),
        (["hardware=a40x4", "algorithm.beta=0"], 20.6, 30.8),  # no base
        ([*THREE, "hardware.sharding=zero3"], 20.5, 9.8 + 30.8),
        ([*THREE, "hardware.sharding=fsdp2"], 18.7, 9.8 + 30.8),
        ([*THREE, "hardware.sharding=ddp", "adapter=lora"], 15.9, 8.0 + 30.8),
        (["hardware=a100x1"], 47.3, 47.2),  # known of all weights on one card: 47 and 47
        (["hardware=a100x1", "algorithm.optimizer=adamw_torch_fused"], 44.2, 47.2),  # 33 and 10 more, CUDA
        (["hardware=h100x8"], 19.6, 55.3),
        (["hardware=gpu24x1", "adapter=lora"], 15.8, 19.0),  # known: LoRA about 16
        (["hardware=gpu24x1", "adapter=dora"], 18.0, 19.0),
        (["hardware=gpu24x1"], 14.2, 18.6),  # known: about 17 with ZeRO-2, which leaves 3.3 of gradients
        (["hardware=gpu24x1", "experiment=exp1"], 14.8, 18.6),
        (["hardware=gpu48x1"], 14.2, 29.6),
        (["hardware=gpu48x1", "adapter=lora"], 15.8, 30.0),
        (["hardware=gpu24x2"], 14.2, 18.7),
        (["hardware=gpu24x2", "adapter=lora"], 15.8, 18.7),
        (["hardware=gpu40x4"], 23.9, 27.3),
    ],
)
def test_devices_hold_what_is_known_of_the_layouts(composed, overrides, learning, sampling):
    found = of(composed, *overrides)
    assert [phase.gib for phase in found] == pytest.approx([learning, sampling], abs=0.1)
    assert all(phase.fits for phase in found)


@pytest.mark.parametrize(
    ("overrides", "part", "gib"),
    [
        (["hardware=a40x4"], "weights", 3.3),
        (["hardware=a40x4"], "base", 3.3),
        (["hardware=a40x4"], "exchange", 1.9),
        (["hardware=a40x4"], "activations", 2.0 + 2.3),
        (["hardware=a40x4", "experiment=exp1"], "activations", 5),  # of 6 x 4,608 tokens
        (["hardware=a40x4"], "head", 1.3),
        (["hardware=a100x1"], "the optimizer's step", 13.2),  # 6.6 to 13 with foreach
    ],
)
def test_parts_are_those_that_are_known(composed, overrides, part, gib):
    assert of(composed, *overrides)[0].parts[part] / GIB == pytest.approx(gib, abs=0.16)


def test_masters_and_moments_of_the_papers_machine_are_a_third_each(composed):
    parts = of(composed, "hardware=a40x4")[0].parts
    assert (parts["masters"] + parts["moments"]) / GIB == pytest.approx(6.6, abs=0.1)
    whole = of(composed, "hardware=a100x1")[0].parts
    state = sum(whole[name] for name in ("weights", "moments", "gradients"))
    assert state / GIB == pytest.approx(26.5, abs=0.1)
    assert (state + whole["base"]) / GIB == pytest.approx(33, abs=0.2)


def test_the_cache_of_one_card_is_that_of_its_comment(composed):
    sampling = of(composed, "hardware=a100x1", "experiment=exp1")[1]
    assert sampling.parts["its cache"] / GIB == pytest.approx(15, abs=0.1)
    assert "room for 559487 tokens at once, of up to 331776" in str(sampling)  # 560,000, and 72 x 4,608


def test_an_offloaded_optimizer_lies_in_the_hosts_memory(composed):
    """21 GB of masters and moments, as much as is known, and float32 gradients twice."""
    config = composed("experiment=exp3", "scale=paper", "hardware=gpu24x1", "stages=[train]")
    assert (memory_gib(config) - 2) * GIB == pytest.approx(21.3e9 + 8 * 1.777e9, rel=0.01)
    with pytest.raises(Mistake, match=r"offload_optimizer=true: is a part of DeepSpeed's ZeRO-3, and"):
        composed("hardware=gpu24x1", "hardware.sharding=zero2")


def test_an_adapter_has_little_state_to_offload(composed):
    for hardware in ("gpu24x1", "gpu24x2", "gpu48x1"):
        for adapter, state in (("none", ("zero3", True)), ("lora", ("ddp", False))):
            made = composed(f"hardware={hardware}", f"adapter={adapter}", "model=r1_distill_1_5b").hardware
            assert (made.sharding, made.offload_optimizer, made.price_per_device_hour) == (*state, None)


def test_no_device_trains(composed):
    for overrides in (["hardware=cpu"], ["untrained=true"], ["stages=[evaluate]"]):
        assert of(composed, *overrides) == ()


def test_a_model_of_unknown_sizes_is_let_through_and_said(composed):
    config = composed("experiment=exp3", "scale=paper", "hardware=a100x1")
    unknown = replace(config, model=replace(config.model, shape=None))
    assert phases(unknown, 79) is None
    (line,) = needs.devices.memory_lines(unknown, Machine("outputs", devices=()))
    assert "memory    of devices unknown: model.shape=null" in line
    assert not [
        need
        for need in needs.unmet_at_start(unknown, Machine("outputs", devices=()))
        if "GiB on" in need.what
    ]


def test_stated_shapes_have_as_many_weights_as_are_stated():
    """Beside the matrices are norms, and biases of Qwen's; SmolLM2 has one matrix for words and head."""
    for path in CONF.glob("model/*.yaml"):
        fields = yaml.safe_load(path.read_text())
        if "shape" not in fields:
            continue
        shape = Shape(**fields["shape"])
        matrices = shape.layers * sum(map(math.prod, shape.linear.values()))
        embeddings = shape.vocabulary * shape.hidden * (1 if path.stem == "smollm2" else 2)
        assert matrices + embeddings == pytest.approx(fields["parameters"], rel=5e-4), path.stem


REFUSED = [
    (
        ["hardware.device_memory_gib=22"],
        "hardware=a100x1: needs 47.3 GiB on the training device while learning (found 22; weights 6.6, ",
        "Remedy: a smaller algorithm.micro_batch, a hardware option with offload, as gpu24x1, adapter=lora, "
        "or hardware.check_memory=false to try it.",
    ),
    (
        ["adapter=lora", "hardware.device_memory_gib=22", "hardware.vllm_memory=0.7"],
        "hardware=a100x1: needs 23.4 GiB on the training device while sampling (found 22; ",
        "Remedy: a smaller hardware.vllm_memory, or hardware.check_memory=false to try it.",
    ),
    (
        ["hardware.vllm_memory=0.05"],
        "hardware.vllm_memory=0.05: needs 4.9 GiB on the training device for vLLM's weights, work space and "
        "one completion (its share is 4.0)",
        "Remedy: a larger hardware.vllm_memory, a smaller length.completion, or hardware.check_memory=false",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "needed", "remedy"), REFUSED)
def test_what_cannot_fit_is_refused_before_it_starts(composed, monkeypatch, overrides, needed, remedy):
    given = ["experiment=exp3", "scale=paper", "hardware=a100x1", *overrides]
    gib = composed(*given).hardware.device_memory_gib
    for name, fact in {"devices": (("NVIDIA", gib),), "packages": {"vllm": "1", "peft": "1"}}.items():
        monkeypatch.setattr(Machine, name, fact)
    with pytest.raises(Unfit) as error:
        needs.require("train", composed(*given))
    assert str(error.value).startswith(needed)
    assert remedy in str(error.value)
    assert "\n" not in str(error.value)
    needs.require("train", composed(*given, "hardware.check_memory=false"))


def test_devices_that_are_here_count_not_those_of_the_option(composed):
    config = composed("experiment=exp3", "scale=paper", "hardware=a100x1", "hardware.device_memory_gib=22")
    machine = Machine("outputs", devices=(("NVIDIA A100-SXM4-80GB", 80),))
    learning, sampling = needs.devices.training_memory(config, machine)
    assert (learning.device_gib, sampling.share) == (80, 20 * GIB)
    assert learning.fits
