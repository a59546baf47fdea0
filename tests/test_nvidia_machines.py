"""Machines that a script called nvidia-smi plays: which devices are counted, and which are used."""

import time

import pytest

from openrs import needs
from openrs.config import scale
from openrs.machine import devices
from openrs.machine.facts import Machine
from openrs.processes import launch

SCRIPT = """#!/bin/sh
{before}
for field in $(echo "$1" | sed 's/--query-gpu=//; s/,/ /g'); do fields="$fields $field"; done
while IFS=';' read -r uuid name total free; do
    row=
    for field in $fields; do
        case $field in
            uuid) value=$uuid;; name) value=$name;; memory.total) value=$total;; memory.free) value=$free;;
            driver_version) value=580.65.06;; *) echo "$field is not a valid field to query."; exit 2;;
        esac
        row="$row${{row:+, }}$value"
    done
    echo "$row"
done <<END
{rows}
END
"""


def rows(*devices):
    """Lines of UUID, name, memory and free memory in MiB."""
    return "\n".join(
        f"GPU-{i};{name};{gib * 1024};{gib * 1024 - 512}" for i, (name, gib) in enumerate(devices)
    )


A100, L40S, H100 = ("NVIDIA A100-SXM4-80GB", 80), ("NVIDIA L40S", 45), ("NVIDIA H100 80GB HBM3", 80)
ONE, FOUR = ("hardware=a100x1",), ("hardware=a40x4",)
EIGHT = ("hardware=h100x8",)


@pytest.fixture
def played(tmp_path, monkeypatch):
    def play(listed, before=""):
        script = tmp_path / "nvidia-smi"
        script.write_text(SCRIPT.format(before=before, rows=listed))
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(devices, "_hangs", False)

    return play


@pytest.mark.parametrize(
    ("listed", "options", "training", "server", "lacks"),
    [
        (rows(("NVIDIA T400", 8), A100), ONE, "GPU-1", "", None),
        (rows(A100, A100), ONE, "GPU-0", "", None),
        (rows(L40S, L40S, L40S, L40S), FOUR, "GPU-0,GPU-1,GPU-2", "GPU-3", None),
        (rows(L40S, L40S), FOUR, "GPU-0", "GPU-1", "4 NVIDIA devices of 44 GiB (found NVIDIA L40S 45 GiB, "),
        (rows(*[H100] * 8), EIGHT, "GPU-0,GPU-1,GPU-2,GPU-3,GPU-4,GPU-5", "GPU-6,GPU-7", None),
        (rows(("NVIDIA T400", 8)), ONE, "0", "", "1 NVIDIA devices of 79 GiB (found NVIDIA T400 8 GiB)"),
    ],
    ids=["8 GB and an A100", "2 x A100", "4 x L40S", "2 of 4 L40S", "8 x H100", "8 GB alone"],
)
def test_devices_that_are_large_enough_are_used(
    composed, tmp_path, played, listed, options, training, server, lacks
):
    played(listed)
    config = composed("experiment=exp3", "scale=paper", *options)
    assert launch.devices_of(config.hardware) == (training, server)
    unmet = [
        need.what for need in needs.unmet_at_start(config, Machine(tmp_path)) if "NVIDIA devices" in need.what
    ]
    assert len(unmet) == (lacks is not None)
    assert all(what.startswith(lacks) for what in unmet)


ONE_LEARNS = "GiB on the training device while learning (found"
ALL_WEIGHTS = ("hardware.sharding=ddp", "hardware.offload_optimizer=false")
CARD, L40S_45, A40 = ("NVIDIA GeForce RTX 4090", 24), ("NVIDIA L40S", 45), ("NVIDIA A40", 44)
LAPTOP = ("hardware=gpu24x1", "hardware.device_memory_gib=8", "adapter=lora")


@pytest.mark.parametrize(
    ("nvidia", "picked", "learning", "sampling", "options", "refused"),
    [
        ([("NVIDIA T400", 8)], None, None, None, LAPTOP, f"15.8 {ONE_LEARNS} 8; "),
        ([CARD], "gpu24x1", 14.2, 19.6, ALL_WEIGHTS, f"47.3 {ONE_LEARNS} 24; "),
        ([CARD] * 2, "gpu24x2", 14.2, 20.4, ALL_WEIGHTS, f"47.3 {ONE_LEARNS} 24; "),
        ([L40S_45], "gpu48x1", 14.2, 30.1, ALL_WEIGHTS, f"47.3 {ONE_LEARNS} 45; "),
        ([("NVIDIA A100-SXM4-40GB", 40)] * 4, "gpu40x4", 23.9, 28.0, ALL_WEIGHTS[:1],
         "50.8 GiB on each of 3 training devices while learning (found 40; "),
        ([A40] * 4, "a40x4", 23.9, 30.8, ("hardware.vllm_memory=0.1",),
         "4.9 GiB on the server's device for vLLM's weights, work space and one completion (its share"),
        ([A100], "a100x1", 47.3, 47.5, ("hardware.vllm_memory=0.9",),
         "99.5 GiB on the training device while sampling (found 80; "),
        ([H100] * 4, "a40x4", 23.9, 56.0, ("model=qwen2_5_math_7b",),
         "95.6 GiB on each of 3 training devices while learning (found 80; "),
    ],
    ids=["8 GB", "24 GB", "2 x 24 GB", "L40S", "4 x A100 of 40 GB", "4 x A40", "A100", "4 x H100"],
)  # fmt: skip
def test_a_machine_gets_what_fits_it_and_refuses_the_rest(
    composed, tmp_path, played, nvidia, picked, learning, sampling, options, refused
):
    """The option that scale=auto picks, the GiB of its devices, and what those do not hold."""
    played(rows(*nvidia))
    here = ["experiment=exp3", "scale=paper", *([f"hardware={picked}"] if picked else [])]
    assert scale.pick(devices.visible_devices(), devices.device_names(), scale.options())[1] == picked
    if picked:
        phases = needs.devices.training_memory(composed(*here), Machine(tmp_path))
        assert [phase.gib for phase in phases] == pytest.approx([learning, sampling], abs=0.1)
        assert lacking(composed(*here), tmp_path) == []
    assert lacking(composed(*here, *options), tmp_path)[0].startswith(refused)
    assert lacking(composed(*here, *options, "hardware.check_memory=false"), tmp_path) == []


def lacking(config, outputs):
    """The needs of a device's memory that it does not meet."""
    return [need.what for need in needs.unmet_at_start(config, Machine(outputs)) if " GiB on " in need.what]


def test_a_slice_of_a_device_is_the_users_to_name(composed, played, monkeypatch):
    """nvidia-smi lists the whole device; CUDA sees the slice that CUDA_VISIBLE_DEVICES names."""
    played(rows(A100))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5c89")
    hardware = composed("experiment=exp3", "scale=paper", "hardware=a100x1").hardware
    assert launch.devices_of(hardware) == ("MIG-5c89", "")
    assert launch.devices_of_evaluation(hardware) == {}
    assert devices.visible_devices() == [80]


def test_a_machine_without_a_device_and_one_whose_driver_hangs(composed, tmp_path, played, monkeypatch):
    played("", before="echo 'No devices were found' >&2; exit 6")
    assert Machine(tmp_path).devices == ()
    played(rows(A100), before="exec sleep 60")
    monkeypatch.setattr(devices, "NVIDIA_SECONDS", 0.5)
    began = time.monotonic()
    assert Machine(tmp_path).devices == ()
    assert Machine(tmp_path).free_gib == ()
    config = composed("experiment=exp3", "scale=paper", "hardware=a100x1")
    lacking = [need.what for need in needs.unmet_at_start(config, Machine(tmp_path))]
    assert any("found none, as nvidia-smi does not answer" in what for what in lacking), lacking
    assert devices.device_uuids() == {}
    assert time.monotonic() - began < 5  # waited for once
