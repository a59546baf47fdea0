"""Folders of weights without torch: what is wrong with one, and what names it."""

import json

import numpy
import pytest
from safetensors.numpy import save_file

from openrs.records.weights import INDEX, header, weights_fault, weights_hash


@pytest.fixture
def folder(tmp_path):
    """A folder with a config and half a megabyte of weights."""
    (tmp_path / "config.json").write_text("{}")
    save_file({"a": weights(1), "b": numpy.zeros((2, 3), "float32")}, tmp_path / "model.safetensors")
    return tmp_path


def weights(seed):
    return numpy.random.default_rng(seed).random((256, 512), "float32")


def shortened(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def indexed(folder):
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "model-2.safetensors"}}))


BROKEN = {
    "nothing is there": (lambda folder: [path.unlink() for path in folder.iterdir()] and folder.rmdir(),
                         "{}: is not there"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "{}: holds no weights"),
    "cut": (shortened, "{}/model.safetensors: has 1000 bytes, and its header says 524"),
    "no header": (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 100),
                  "{}/model.safetensors: its header cannot be read (100 bytes in all)"),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""),
              "{}/model.safetensors: its header cannot be read (0 bytes in all)"),
    "a config that is torn": (lambda folder: (folder / "config.json").write_text("{"),
                              "{}: its config or its index cannot be read"),
    "a file of the index is missing": (indexed, "{}/model-2.safetensors: is not there"),
    "an index of nothing": (lambda folder: (folder / INDEX).write_text("[]"),
                            "{}: its config or its index cannot be read"),
}  # fmt: skip


def test_whole_weights_have_no_fault(folder):
    assert weights_fault(folder) is None
    assert {name: item["shape"] for name, item in header(folder / "model.safetensors").items()} == {
        "a": [256, 512],
        "b": [2, 3],
    }


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_named(folder, kind):
    harm, fault = BROKEN[kind]
    harm(folder)
    assert weights_fault(folder).startswith(fault.format(folder))


def test_a_hash_follows_the_content_and_not_the_place(folder, tmp_path):
    first = weights_hash(folder)
    assert len(first) == 64
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert weights_hash(other) == first
    save_file({"a": weights(2), "b": numpy.zeros((2, 3), "float32")}, folder / "model.safetensors")
    assert weights_hash(folder) not in ("", first)
    assert weights_hash(tmp_path / "none") == ""
