"""Which errors are a full disk, and what is said of it."""

import errno
from pathlib import Path

import numpy
import pytest
from safetensors import SafetensorError
from safetensors.numpy import save_file

from openrs.cost import full_disk

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


def test_the_folder_the_space_needed_and_left_are_named(composed, tmp_path):
    told = full_disk.explain(composed("experiment=exp3", "steps.total=2", "steps.save_every=1",
                                      "report_step=1", f"outputs={tmp_path}/not/yet"))  # fmt: skip
    assert told.startswith(f"outputs={tmp_path}/not/yet: the disk is full, ")
    assert "take 23.1 MB in all" in told
    assert "\n" not in told
