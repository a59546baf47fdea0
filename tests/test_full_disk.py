"""Which errors are a full disk, and what is said of it."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from safetensors import SafetensorError
from safetensors.numpy import save_file

from openrs.analysis import run_records
from openrs.analysis.final_tables import show_table1
from openrs.cost import full_disk
from openrs.paths import ROOT
from openrs.processes.subprocess import WatchedProcess
from tests.helpers.jobs import SHORT
from tests.helpers.rights import denied
from tests.helpers.run_folders import make_run

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_write_to_a_full_disk_is_one():
    with pytest.raises(OSError) as error:
        FULL.write_text("x")
    assert error.value.errno == errno.ENOSPC
    assert full_disk.is_cause(error.value)
    outer = RuntimeError("the checkpoint was not saved")
    outer.__cause__ = error.value
    assert full_disk.is_cause(outer)


def test_what_safetensors_says_of_it_is_one(tmp_path):
    message = "Error while serializing: I/O error: No space left on device (os error 28)"
    assert full_disk.is_cause(SafetensorError(message))
    with pytest.raises(SafetensorError) as other:  # another failure of the same library
        save_file({"a": numpy.zeros(3)}, tmp_path / "no" / "folder")
    assert not full_disk.is_cause(other.value)
    assert not full_disk.is_cause(ValueError("wrong"))


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_process_whose_log_cannot_be_written_is_still_read(tmp_path):
    log = tmp_path / "train.log"
    log.symlink_to(FULL)
    process = WatchedProcess([sys.executable, "-c", "for i in range(20000): print('line', i)"], log)
    assert process.wait(60) == 0
    assert process.last[-1] == "line 19999"


SMALL_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=9m tmpfs "$0" && exec "$@"']
"""Runs a command with a disk of nine megabytes at a folder: room for two checkpoints of four."""


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode != 0,
    reason="this machine gives no user a disk of its own",
)
@pytest.mark.parametrize("hardware", ["cpu", "cpux2"])
def test_a_disk_that_fills_up_while_it_trains_is_one_line(tmp_path, hardware):
    command = [sys.executable, "-m", "openrs", *SHORT, f"hardware={hardware}", f"outputs={tmp_path}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    made = subprocess.run([*SMALL_DISK, tmp_path, *command], env=environment, capture_output=True, text=True)
    assert made.returncode == 1, made.stderr[-2000:]
    errors = [line for line in made.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, made.stderr[-2000:]
    assert errors[0].startswith(f"error: outputs={tmp_path}: the disk is full, ")
    assert "the same command goes on from the last whole checkpoint" in errors[0]
    strange = [line for line in made.stderr.splitlines() if not line.startswith(("scale", "exp3-", "error"))]
    assert strange == []


def test_tables_that_cannot_be_written_are_printed(tmp_path, capsys):
    make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    with denied(tmp_path):
        show_table1(run_records.load_all(tmp_path), tmp_path)
    printed = capsys.readouterr()
    assert "| exp1, step 10" in printed.out
    assert printed.err == f"not written: {tmp_path}/tables (Permission denied)\n"


def test_the_folder_the_space_needed_and_left_are_named(composed, tmp_path):
    config = composed("experiment=exp3", "steps.total=2", "steps.save_every=1", "report_step=1",
                      f"outputs={tmp_path}/not/yet")  # fmt: skip
    told = full_disk.explain(config, OSError(errno.ENOSPC, "full", f"{tmp_path}/train.json"))
    assert told.startswith(f"outputs={tmp_path}/not/yet: the disk is full, ")
    assert "take 23.2 MB in all" in told
    assert ".json" not in told
    in_process = full_disk.explain(config, OSError(errno.ENOSPC, "full", "logs/train.log"))
    assert in_process == f"{told} The log is logs/train.log."
    assert "\n" not in told
