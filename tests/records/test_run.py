"""Runs: addresses, records that are whole or absent, and the lock."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openrs.errors import Mistake, denial
from openrs.models import files as model_files
from openrs.records import files, run, training
from openrs.records.checkpoints import remove_torn, whole_checkpoints
from openrs.records.files import read_lines, read_record, write_record
from openrs.records.run import Run, find
from openrs.records.scores import ScoreAddress, read, read_all, score, write
from openrs.records.training import Checkpoint, TrainRecord
from tests.helpers.rights import denied

RECIPE = {"schema": 1, "seed": 1}


def record(last=20):
    return TrainRecord(
        checkpoints=(Checkpoint(10, "train/checkpoint-10"), Checkpoint(last, "train/x")),
        last_step=last,
        wall_seconds=1.5,
        device_hours=0.1,
        rows={"a": 1},
        dropped={},
        metrics={"reward": 1.0},
        segments=({"first_step": 1},),
    )


def test_a_record_survives_the_round_trip(tmp_path):
    made = find(tmp_path, "exp", RECIPE)
    assert made.train_record is None
    made.write_train_record(record())
    assert made.train_record == record()


def test_a_crash_before_the_move_leaves_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "power cut")))
    with pytest.raises(OSError, match="power cut"):
        write_record(tmp_path / "r.json", {"a": 1})
    assert read_record(tmp_path / "r.json") is None


SOUND = {"checkpoints": [{"step": 4, "path": "x"}], "last_step": 4, "wall_seconds": 1.0, "device_hours": 0.1,
         "rows": {}, "dropped": {}, "metrics": {}, "segments": []}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"last_step": "4"}, "last_step '4' is no count"),
        ({"checkpoints": [{"step": 4}]}, "checkpoints is no list of step, path"),
        *(
            ({"checkpoints": [{"step": 4, "path": path}]}, "checkpoints is no list of step, path")
            for path in ("/etc", "../other/train/checkpoint-4", 7)
        ),
        ({"segments": 7}, "segments is no list of first_step"),
        ({"stopped": {"step": 3}}, "stopped is no list of step, kind, reason"),
        ({"extra": 1}, "has no such field as 'extra'"),
        (dict.fromkeys(SOUND, None), "device_hours 'None' is no finite number from 0"),
    ],
)
def test_a_training_record_that_is_not_sound_is_named(tmp_path, changes, fault):
    made = find(tmp_path, "exp", RECIPE)
    write_record(made.folder / "train.json", SOUND)
    assert made.train_record.last_step == 4
    write_record(made.folder / "train.json", SOUND | changes)
    with pytest.raises(Mistake, match=f"train.json: {fault}"):
        _ = made.train_record


def test_a_run_whose_record_is_not_sound_is_no_address(tmp_path):
    made = find(tmp_path, "exp", RECIPE)
    write_record(made.folder / "run.json", {})
    with pytest.raises(Mistake, match=r"run\.json: lacks name\. Put it back from a copy, or remove it"):
        find(tmp_path, "exp", RECIPE)
    with pytest.raises(Mistake, match=r"run\.json: lacks name"):
        made.log_invocation({})


def test_damaged_steps_are_named_and_the_others_stay(tmp_path, capsys):
    lines = [
        b'{"step": 1, "reward": NaN}',
        b'{"step": 2, "reward": "high"}',
        b'{"reward": 1.0}',
        b"\xff\xfe",
        b'{"step": 5, "step_seconds": -1}',
        b'{"step": 6, "rewards": [1]}',
        b'{"step": 7, "kl": null}',
    ]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert [line["step"] for line in training.logged_steps(tmp_path)] == [1, 7]
    said = [line.partition(", line ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        f"{number}: {fault}. Mend or remove the line."
        for number, fault in (
            (2, "reward 'high' is no number"),
            (3, "lacks step"),
            (4, "is no JSON object"),
            (5, "step_seconds '-1' is no finite number from 0"),
            (6, "rewards '[1]' is no group of fields"),
        )
    ]


def test_what_is_set_aside_is_set_over_nothing(tmp_path):
    made = Run(tmp_path, "0" * 64, {})
    for content in ("first", "second"):
        (tmp_path / "eval").mkdir(exist_ok=True)
        (tmp_path / "eval" / "a").write_text(content)
        made.set_aside(tmp_path / "eval" / "a", tmp_path / "not there")
    assert (tmp_path / "replaced-1" / "eval" / "a").read_text() == "first"
    assert (tmp_path / "replaced-2" / "eval" / "a").read_text() == "second"


def test_files_that_a_dead_process_left_half_written_go(tmp_path):
    made = find(tmp_path, "exp", RECIPE)
    made.log_invocation({})
    left = [made.folder / ".run.json.4711", made.folder / "eval" / ".seed-1.json.99"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    other = made.folder / ".gitignore.d"
    other.write_text("")
    with run.locked(made):
        assert [path.exists() for path in (*left, other)] == [False, False, True]
    old, new = tmp_path / ".table.md.4711", tmp_path / ".table.md.4712"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    files.write_file(tmp_path / "table.md", "whole")
    assert (old.exists(), new.exists()) == (False, True)


def test_a_name_that_no_file_system_takes_is_one_line():
    with pytest.raises(OSError) as error:
        Path("a" * 300).stat()
    assert "(300 characters): is a longer name than the file system takes." in denial(error.value)


def test_a_run_that_may_not_be_written_to_is_still_read(tmp_path, capsys):
    made = find(tmp_path, "exp", RECIPE)
    made.log_invocation({})
    with denied(made.folder), run.locked(made):
        assert find(tmp_path, "exp", RECIPE) == made
        with pytest.raises(OSError, match="denied") as error:
            made.log_invocation({"x": 1})
        assert denial(error.value).startswith(f"{made.folder}/run.json: cannot be")
    assert capsys.readouterr().err.startswith(f"{made.folder}: cannot be written to (Permission denied)")
    lock = made.folder / ".lock"
    lock.touch()
    with denied(lock), pytest.raises(Mistake, match=r"\.lock: belongs to another user"), run.locked(made):
        pass


def test_the_first_name_wins(tmp_path):
    first = find(tmp_path, "first", RECIPE)
    first.log_invocation({"x": 1})
    again = find(tmp_path, "second", RECIPE)
    assert again.folder == first.folder
    assert again.name == "first"
    assert find(tmp_path, "second", RECIPE | {"seed": 2}).name == "second"


def test_no_secret_of_a_command_is_recorded(tmp_path, monkeypatch):
    url = "http://me:SECRET@127.0.0.1:1/v1"
    storage = "hydra.sweeper.storage=postgresql+psycopg://me:SECRET@127.0.0.1:1/db"
    monkeypatch.setattr(run.sys, "argv", ["openrs", storage, f"engine.base_url={url}"])
    monkeypatch.setenv("MY_TOKEN", "SECRET-VALUE")
    run.provenance.cache_clear()
    made = find(tmp_path, "exp", RECIPE)
    made.log_invocation({"engine": {"base_url": url}, "hub": {"model_id": "SECRET-VALUE"}}, {"a": url})
    run.provenance.cache_clear()
    assert "SECRET" not in (made.folder / "run.json").read_text()
    stored = read_record(made.folder / "run.json")
    assert stored["config"] == {
        "engine": {"base_url": "http://me:***@127.0.0.1:1/v1"},
        "hub": {"model_id": "***"},
    }
    assert stored["invocations"][0]["argv"][0] == storage.replace("SECRET", "***")
    assert stored["recipe"] == RECIPE


def test_invocations_pile_up_with_their_provenance(tmp_path, monkeypatch):
    made = find(tmp_path, "exp", RECIPE)
    made.log_invocation({"x": 1})
    made.log_invocation({"x": 1})  # the same process again
    later = run.provenance() | {"time": "later"}
    monkeypatch.setattr(run, "provenance", lambda: later)
    made.log_invocation({"x": 2})
    stored = read_record(made.folder / "run.json")
    assert stored["config"] == {"x": 2}
    assert stored["recipe"] == RECIPE
    assert len(stored["invocations"]) == 2
    assert {"argv", "time", "commit", "dirty", "versions"} <= set(stored["invocations"][0])
    assert stored["invocations"][0]["versions"]["trl"]


def test_another_recipe_under_the_same_digits_is_refused(tmp_path):
    made = find(tmp_path, "exp", RECIPE)
    made.log_invocation({})
    stored = json.loads((made.folder / "run.json").read_text())
    stored["id"] = made.id[:8] + "0" * 56
    (made.folder / "run.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="same eight digits"):
        find(tmp_path, "exp", RECIPE)


def test_a_second_worker_waits_for_the_first(tmp_path):
    made = find(tmp_path, "exp", RECIPE)
    code = (
        "import sys; from pathlib import Path; from openrs.records.run import Run, locked\n"
        f"made = Run(Path({str(made.folder)!r}), {made.id!r}, {{}})\n"
        "with locked(made): print('in', flush=True)\n"
    )
    with run.locked(made):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert "waiting for process" in other.stdout.readline()
        assert other.poll() is None
    assert other.stdout.readline().strip() == "in"
    assert other.wait(timeout=20) == 0


def columns(correct):
    n = len(correct)
    return {
        "ids": [f"p{i}" for i in range(n)],
        "correct": correct,
        "tokens": [5] * n,
        "truncated": [0] * n,
        "timed_out": [0] * n,
    }


def make_score(cell, correct, title="AIME24"):
    return score(cell, title=title, columns=columns(correct), seconds=1.0, settings={"t": 1}, versions={})


def test_scores_round_trip_and_state_their_error(tmp_path):
    cell = ScoreAddress(10, "aime24", "ab" * 32, "cd" * 32, 1234)
    made = make_score(cell, [1, 0, 1, 0])
    assert (made.value, made.n) == (0.5, 4)
    assert made.stderr == pytest.approx((0.25 / 3) ** 0.5)
    write(tmp_path, made)
    write_record(cell.text_path(tmp_path), {"ids": []})
    assert read(cell.path(tmp_path)) == made
    assert read_all(tmp_path) == [made]
    assert read(ScoreAddress(10, "aime24", "ab" * 32, "cd" * 32, 1).path(tmp_path)) is None


def test_packaged_weights_are_named_by_content(composed):
    nano = composed().model
    assert model_files.fingerprint(nano) == model_files.fingerprint(nano)
    assert len(model_files.fingerprint(nano)) == 64
    hub = composed("model=r1_distill_1_5b", "model.revision=abc").model
    assert model_files.fingerprint(hub) == "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B@abc"
    assert model_files.loadable(hub, None) == hub.id


def test_a_missing_package_is_a_clear_error(composed):
    model = composed("model=smollm2", "model.package=not_installed").model
    with pytest.raises(ValueError, match=r"model\.package=not_installed: is not installed"):
        model_files.fingerprint(model)
    with pytest.raises(ValueError, match="no such file"):
        model_files.fingerprint(composed("model.file=nothing").model)


def test_a_run_is_known_by_its_address(tmp_path):
    made = Run(tmp_path / "exp-with-dashes-0123abcd", "0123abcd", {})
    assert made.name == "exp-with-dashes"


@pytest.mark.parametrize("content", [b"{", b"", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_record_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(Mistake, match=r"run\.json: .*remove it"):
        read_record(path)


def test_half_of_a_surrogate_pair_costs_one_character(tmp_path):
    readers = {"texts.json": read_record, "metrics.jsonl": lambda path: read_lines(path)[0]}
    for name, reader in readers.items():
        path = tmp_path / name
        path.write_bytes(b'{"text": "so \\ud800 it is"}\n')
        assert reader(path) == {"text": "so ? it is"}


def test_outputs_that_cannot_be_made_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    made = find(tmp_path / "file", "exp", RECIPE)
    with pytest.raises(Mistake, match=r"outputs=.*file: .* cannot be created"), run.locked(made):
        pass


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (b'{"a": "\xff"}', "byte 7 is no UTF-8"),
        (b'{"a": 1,\n "b": }', "line 2 is no JSON"),
        (b"", "line 1 is no JSON"),
        (b"[" * 100_000, "it is nested too deeply"),
        (None, "Is a directory"),
    ],
)
def test_what_is_no_record_is_told_in_words(tmp_path, content, damage):
    path = tmp_path / "run.json"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(Mistake, match=rf"^{path}: cannot be read as a record \({damage}\)\. Put it back"):
        read_record(path)


def test_a_checkpoint_without_a_marker_is_half_written(tmp_path):
    for step in (1, 2):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-1" / "whole.json").write_text('{"step": 1}')
    assert list(whole_checkpoints(tmp_path)) == [1]
    remove_torn(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]


def test_a_torn_segment_began_nothing_and_is_named(tmp_path, capsys):
    training.begin_segment(tmp_path, {"first_step": 1, "world_size": 1, "hardware": "cpu"})
    with (tmp_path / "segments.jsonl").open("a") as file:
        file.write('{"first_st')
    training.begin_segment(tmp_path, {"first_step": 3, "world_size": 1, "hardware": "cpu"})
    assert [segment["first_step"] for segment in training.segments(tmp_path)] == [1, 3]
    assert f"{tmp_path}/segments.jsonl, line 2: is no JSON object." in capsys.readouterr().err
