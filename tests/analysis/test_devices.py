"""The kind of device of a score: its own, and of an older record that of run.json."""

import json

import pytest

from openrs.analysis import devices, run_records
from openrs.records.files import write_record
from tests.helpers.run_folders import SETTINGS, halves, imported_run, make_run

A40 = {"device": "cuda", "name": "a40x4"}
CPU = {"device": "cpu", "name": "cpu"}
FITS = {"reason": "4 NVIDIA devices of 45 GiB visible, hardware=a40x4 fits (not its price)"}


def kinds(folder):
    return {item.settings["device"] for item in run_records.evaluations(run_records.load(folder))}


def run(tmp_path, hardware, **scale):
    """A run whose records are older than the field, with its run.json's hardware."""
    folder = make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, settings=scale.pop("settings", None))
    for path in folder.glob("eval/*/*/seed-*.json"):
        record = json.loads(path.read_text())
        del record["device"]
        write_record(path, record)
    record = json.loads((folder / "run.json").read_text())
    record["config"] |= {"hardware": hardware, "scale": {"name": "paper", **scale}}
    write_record(folder / "run.json", record)
    return folder


@pytest.mark.parametrize(
    ("hardware", "more", "kind"),
    [
        (CPU, {}, "CPU"),
        ({"device": "cpu", "name": "cpux2"}, {}, "CPU"),
        (A40, {}, "NVIDIA A40"),
        ({"device": "cuda", "name": "h100x8"}, {}, "NVIDIA H100"),
        ({"device": "cuda", "name": "l40sx2"}, {}, "NVIDIA L40S"),
        ({"device": "cuda", "name": "lab"}, {}, "not stated"),
        ({"device": "cuda", "name": "box2x4"}, {}, "not stated"),
        (A40, FITS, "not stated"),
        ({"device": "cuda", "name": "h100x1"}, FITS, "NVIDIA H100"),
        (CPU, {"settings": SETTINGS | {"engine": "server"}}, "not stated"),
        ({}, {}, "not stated"),
    ],
)
def test_an_older_record_takes_its_device_from_the_run(tmp_path, hardware, more, kind):
    assert kinds(run(tmp_path, hardware, **more)) == {kind}


@pytest.mark.parametrize(("name", "kind"), [("cpu", "CPU"), ("a40x4", "not stated")])
def test_hardware_of_a_later_command_is_not_that_of_the_evaluation(tmp_path, name, kind):
    folder = run(tmp_path, CPU)
    amounts = {"seconds": 1.0, "device_hours": 0.1, "dollars": None}
    line = {"stage": "evaluate step 10", "began": "2026-11-28", "hardware": name, **amounts}
    others = [{**line, "stage": "train", "hardware": "a40x4"}, {**line, "stage": "evaluate step 5"}]
    (folder / "cost.jsonl").write_text("".join(json.dumps(item) + "\n" for item in (*others, line)))
    assert kinds(folder) == {kind}


def test_a_record_that_states_its_device_is_believed(tmp_path):
    folder = run(tmp_path, A40)
    for path in folder.glob("eval/*/*/seed-*.json"):
        for stated, kind in (("NVIDIA L40", "NVIDIA L40"), (None, "not stated")):
            write_record(path, json.loads(path.read_text()) | {"device": stated})
            assert kinds(folder) == {kind}


def test_an_imported_score_has_the_device_that_its_file_states():
    item = imported_run("exp1", {10: {"AIME24": 0.3}})
    assert [e.settings["device"] for e in run_records.evaluations(item)] == ["not stated"]
    item.scores[0].imported["device"] = "NVIDIA A100"
    assert [e.settings["device"] for e in run_records.evaluations(item)] == ["NVIDIA A100"]


TWO = (
    "CUDA: 12\nGPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB\nGPU 1: NVIDIA A100-SXM4-80GB\n\nX"
)


@pytest.mark.parametrize(
    ("kind", "place", "environment", "device"),
    [
        ("hf", "cpu", None, "CPU"),
        ("hf", "cuda:0", TWO, "NVIDIA A100"),
        ("vllm", None, TWO, "NVIDIA A100"),
        ("hf", "cuda", TWO.replace("1: NVIDIA A100-SXM4-80GB", "1: NVIDIA T4"), None),
        ("hf", "cuda", "GPU models and configuration: Could not collect", None),
        ("hf", "mps", TWO, None),
        ("hf", None, None, None),
        ("local-completions", "cpu", TWO, None),
    ],
)
def test_the_harness_states_a_device(kind, place, environment, device):
    assert devices.of_harness(kind, place, environment) == device
