"""Checkpoints on disk: what is whole, what is kept, and where training goes on."""

import json
import os
import shutil

import pytest

from openrs.records import checkpoints
from openrs.records.resumption import make_way, resumption
from openrs.records.training import begin_segment
from tests.helpers.run_folders import KEPT, STATE
from tests.helpers.run_folders import save_checkpoint as save

FREED = (
    *STATE, "optimizer.bin", "pytorch_model_fsdp.bin", "latest", "rng_state_1.pth", "zero_to_fp32.py",
    "scaler.pt",
)  # fmt: skip


def test_a_checkpoints_files_have_the_umasks_mode(tmp_path):
    (tmp_path / "checkpoint-1").mkdir()
    os.close(os.open(tmp_path / "checkpoint-1" / "model.safetensors", os.O_CREAT, 0o600))
    umask = os.umask(0o027)
    try:
        save(tmp_path, 1)
    finally:
        os.umask(umask)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "checkpoint-1").iterdir()}
    assert modes == dict.fromkeys((*KEPT, *STATE, "whole.json"), "0o640")


def test_the_two_newest_checkpoints_keep_their_optimizer_state(tmp_path):
    for step in (2, 4, 6):
        saved = save(tmp_path, step, (*KEPT, *FREED, f"global_step{step}/shard.pt", "optimizer_0/shard"))
        checkpoints.free_what_is_passed(tmp_path)
    assert sorted(os.listdir(tmp_path / "checkpoint-2")) == sorted([*KEPT, "whole.json"])
    assert (tmp_path / "checkpoint-4" / "global_step4" / "shard.pt").exists()
    assert sorted(os.listdir(saved)) == sorted([*KEPT, *FREED, "global_step6", "optimizer_0", "whole.json"])
    assert checkpoints.whole_checkpoints(tmp_path).keys() == {2, 4, 6}
    assert all(checkpoints.damage(tmp_path / f"checkpoint-{step}") == "" for step in (2, 4, 6))


def test_an_interruptions_checkpoint_is_a_place_to_go_on_from_and_goes(tmp_path):
    def kept():
        checkpoints.free_what_is_passed(tmp_path)
        return [sorted(found(tmp_path)) for found in (checkpoints.places, checkpoints.whole_checkpoints)]

    for step in (2, 4):
        save(tmp_path, step)
    save(tmp_path, 5, interrupted=True)
    assert kept() == [[2, 4, 5], [2, 4]]
    assert resumption(tmp_path, 10).step == 5
    assert resumption(tmp_path, 4).step == 4  # trained that far: nothing is asked of step 5
    save(tmp_path, 7, interrupted=True)
    assert kept() == [[2, 4, 7], [2, 4]]
    assert (tmp_path / "checkpoint-2" / "optimizer.pt").exists()
    save(tmp_path, 8)
    assert kept() == [[2, 4, 8], [2, 4, 8]]
    assert resumption(tmp_path, 10).step == 8
    save(tmp_path, 9, interrupted=True)
    checkpoints.keep(tmp_path / "checkpoint-9")
    assert kept() == [[2, 4, 8, 9], [2, 4, 8, 9]]


def cut(path):
    path.write_bytes(path.read_bytes()[:5])


def corrupt(path):
    path.write_bytes(b"X" + path.read_bytes()[1:])


def garble(path):
    path.write_bytes(b"\xff{")


def renumber(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 400}))


def forget_hashes(path):
    marker = json.loads(path.read_text())
    path.write_text(json.dumps(marker | {"files": list(marker["files"])}))


BROKEN = [
    (forget_hashes, "whole.json", "its whole.json cannot be read"),
    (garble, "whole.json", "its whole.json cannot be read"),
    (renumber, "whole.json", "its whole.json cannot be read"),
    (cut, "model.safetensors", "model.safetensors has 5 of 27 bytes"),
    (cut, "optimizer.pt", "optimizer.pt has 5 of 22 bytes"),
    (corrupt, "scheduler.pt", "scheduler.pt is not what was saved"),
    (corrupt, "trainer_state.json", "trainer_state.json is not what was saved"),
    (os.unlink, "model.safetensors", "model.safetensors is missing"),
    (os.unlink, "optimizer.pt", "it has no optimizer.pt"),
    (os.unlink, "scheduler.pt", "it has no scheduler.pt"),
    (os.unlink, "rng_state.pth", "it has no rng_state.pth"),
    (os.unlink, "trainer_state.json", "trainer_state.json is missing"),
]


@pytest.mark.parametrize(("breaks", "name", "reason"), BROKEN)
def test_training_goes_on_from_the_newest_sound_checkpoint(tmp_path, capsys, breaks, name, reason):
    folder = tmp_path / "exp3-12345678" / "train"
    for step in (2, 4):
        save(folder, step)
    breaks(folder / "checkpoint-4" / name)
    (folder.parent / "train.json").write_text('{"last_step": 4}')
    resumed = resumption(folder, 6)
    assert (resumed.step, resumed.passed_over) == (2, {4: reason})
    make_way(folder.parent, resumed, 6)
    line, record = capsys.readouterr().err.splitlines()
    assert line.startswith(f"exp3-12345678: training cannot go on from step 4: {reason}. ")
    assert line.endswith(
        f"aside as {folder.parent}/replaced-1/train/checkpoint-4; training goes on from step 2"
    )
    assert (folder.parent / "replaced-1" / "train" / "checkpoint-4" / "config.json").exists()
    assert record.endswith(
        f"step 4 is trained again; its record is set aside as {folder.parent}/replaced-1/train.json"
    )
    assert not (folder.parent / "train.json").exists(), "it named what is no longer in its place"
    assert resumption(folder, 6) == type(resumed)(2, {})


def test_training_starts_anew_where_no_checkpoint_has_its_state(tmp_path, capsys):
    folder = tmp_path / "exp3-12345678" / "train"
    for step in (2, 4, 6):
        save(folder, step)
        checkpoints.free_what_is_passed(folder)
    for step in (4, 6):
        shutil.rmtree(folder / f"checkpoint-{step}")
    resumed = resumption(folder, 6)
    assert resumed.step == 0
    make_way(folder.parent, resumed, 6)
    assert "it has no rng_state.pth, scheduler.pt, optimizer.pt. " in capsys.readouterr().err
    assert not checkpoints.places(folder)


@pytest.mark.parametrize(
    ("sharding", "names"),
    [
        ("ddp", ["optimizer.pt"]),
        ("fsdp2", ["optimizer.bin"]),
        *(
            (sharding, ["latest", *(f"global_step4/{form}zero_pp_rank_{rank}_mp_rank_00_optim_states.pt"
                                    for rank in (0, 1))])
            for sharding, form in (("zero2", "bf16_"), ("zero3", ""))
        ),
    ],
)  # fmt: skip
def test_every_rank_must_have_left_its_state(tmp_path, sharding, names):
    begin_segment(tmp_path, {"first_step": 1, "world_size": 2, "sharding": sharding, "hardware": "x"})
    whole = ["trainer_state.json", "scheduler.pt", "rng_state_0.pth", "rng_state_1.pth", *names]
    save(tmp_path, 4, (*KEPT, *whole))
    assert resumption(tmp_path, 6).step == 4
    for name in whole:
        saved = tmp_path / "checkpoint-4" / name
        content = saved.read_bytes()
        saved.unlink()
        assert resumption(tmp_path, 6).step == 0, name
        assert resumption(tmp_path, 4).step == (0 if name == "trainer_state.json" else 4), "weights suffice"
        saved.write_bytes(content)


def test_a_marker_of_an_older_version_names_no_files(tmp_path):
    checkpoint = save(tmp_path, 4)
    (checkpoint / "whole.json").write_text(json.dumps({"step": 4}))
    corrupt(checkpoint / "optimizer.pt")
    assert checkpoints.whole_checkpoints(tmp_path) == {4: checkpoint}
    assert resumption(tmp_path, 6).step == 4
    (checkpoint / "optimizer.pt").unlink()
    assert resumption(tmp_path, 6).passed_over == {4: "it has no optimizer.pt"}


def test_of_a_large_file_the_ends_and_blocks_between_are_hashed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BLOCK", 4)
    monkeypatch.setattr(checkpoints, "BLOCKS", 5)
    checkpoint = save(tmp_path, 1)
    large = checkpoint / "model.safetensors"
    content = bytes(range(100))
    large.write_bytes(content)
    checkpoints.mark_whole(checkpoint, 1)
    for place, seen in ((0, True), (24, True), (99, True), (10, False)):
        large.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
        assert bool(checkpoints.damage(checkpoint)) == seen, place
