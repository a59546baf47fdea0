"""Records that cannot be read hide no others; what tells runs apart."""

import json
import math
import shutil

import pytest

from openrs.analysis import factors, run_records
from openrs.analysis.tables import costs
from openrs.records import ledger
from openrs.records.weights import weights_hash
from tests.helpers.run_folders import make_run


@pytest.mark.parametrize("content", ["{", '{"name": "exp2"}', "[]", ""])
@pytest.mark.parametrize("torn", ["run.json", "eval/step-00010/amc23-*/seed-1234-*.json"])
def test_a_record_that_cannot_be_read_is_left_out_and_named(tmp_path, capsys, torn, content):
    make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    broken = make_run(tmp_path, "exp2", {10: {"amc23": [[1, 0]], "aime24": [[1, 0]]}})
    (path,) = broken.glob(torn)
    path.write_text(content)
    runs = run_records.load_all(tmp_path)
    left = {run.name: [score.benchmark for score in run.scores] for run in runs}
    assert left == {"exp1": ["amc23"]} | ({} if torn == "run.json" else {"exp2": ["aime24"]})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"left out: {path}: ")


NOT_SOUND = {
    "value NaN": ({"value": float("nan")}, "value 'nan' is no share from 0 to 1"),
    "value above 1": ({"value": 7.5}, "value '7.5' is no share from 0 to 1"),
    "value a text": ({"value": "0.5"}, "value '0.5' is no share from 0 to 1"),
    "value against outcomes": ({"value": 0.75}, "value 0.75 contradicts its outcomes, 1 of 2 right"),
    "doubled ids": ({"ids": ["a", "a"]}, "names a problem twice in ids"),
    "fewer ids": ({"ids": ["a"]}, "has 1 ids for n=2"),
    "short column": ({"tokens": [9]}, "tokens does not have one number for each of 2 ids"),
    "an outcome of 2": ({"correct": [2, 0]}, "correct holds what is neither 0 nor 1"),
    "negative tokens": ({"tokens": [-1, 9]}, "tokens holds what is no count"),
    "400 digits": ({"n": 10**400}, f"n '1{'0' * 39}' is no number of problems"),
    "imported true": ({"imported": True}, "imported True is no group of fields"),
    "step a text": ({"step": "10"}, "step '10' is no count"),
    "seed NaN": ({"seed": float("nan")}, "seed 'nan' is no whole number"),
    "infinite time": ({"seconds": float("inf")}, "seconds 'inf' is no finite number from 0"),
    "a field of no score": ({"extra": 1}, "has no such field as 'extra'"),
}


@pytest.mark.parametrize("kind", NOT_SOUND)
def test_a_score_that_is_not_sound_is_left_out_and_named(tmp_path, capsys, kind):
    changes, fault = NOT_SOUND[kind]
    folder = make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]], "aime24": [[1, 0]]}})
    (path,) = folder.glob("eval/step-00010/amc23-*/seed-1234-*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    (run,) = run_records.load_all(tmp_path)
    assert [score.title for score in run.scores] == ["AIME24"]
    assert capsys.readouterr().err.startswith(f"left out: {path}: {fault}. ")


@pytest.mark.parametrize("lost", ["value", "ids", "settings", "correct"])
def test_a_score_without_a_field_is_left_out_and_named(tmp_path, capsys, lost):
    folder = make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    (path,) = folder.glob("eval/step-00010/amc23-*/seed-1234-*.json")
    record = json.loads(path.read_text())
    del record[lost]
    path.write_text(json.dumps(record))
    assert run_records.load_all(tmp_path)[0].scores == ()
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"recipe": {"imported": True}}, "recipe.imported True is no group of fields"),
        ({"config": {"model": "m"}}, "config.model.title is no text"),
        ({"name": 7}, "name '7' is no text"),
        ({"invocations": ["x"]}, "invocations is no list of commands"),
    ],
)
def test_a_run_whose_record_is_not_sound_is_left_out_and_named(tmp_path, capsys, changes, fault):
    folder = make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert run_records.load_all(tmp_path) == []
    assert capsys.readouterr().err.startswith(f"left out: {path}: {fault}. ")


def test_a_run_whose_record_was_deleted_is_named(tmp_path, capsys):
    make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    folder = make_run(tmp_path, "exp2", {10: {"amc23": [[1, 0]]}})
    (folder / "run.json").unlink()
    (tmp_path / "runs" / "exp3-00000000").mkdir()  # has begun, and has nothing yet
    assert [run.name for run in run_records.load_all(tmp_path)] == ["exp1"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"left out: {folder}: holds results and no run.json")


def test_scores_of_former_weights_are_named_and_left_out(tmp_path, capsys):
    folder = make_run(tmp_path, "exp1", {step: {"amc23": [[1, 0]]} for step in (10, 20, 30, 40)})
    for step in (20, 30, 40):
        checkpoint = folder / "train" / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "model.safetensors").write_bytes(b"weights of %d" % step)
        (path,) = folder.glob(f"eval/step-000{step}/amc23-*/seed-1234-*.json")
        record = json.loads(path.read_text()) | {"weights": weights_hash(checkpoint)}
        path.write_text(json.dumps(record))
    (folder / "train" / "checkpoint-30" / "model.safetensors").write_bytes(b"other weights")
    shutil.rmtree(folder / "train" / "checkpoint-40")  # to free the disk: nothing contradicts its scores
    (run,) = run_records.load_all(tmp_path)
    assert [score.step for score in run.scores] == [10, 20, 40]
    assert capsys.readouterr().err == (
        f"left out: {folder}: the scores of step 30 (1) are of other weights than its checkpoint holds. "
        "Start the command of the run again, which measures these.\n"
    )


LINE = {"stage": "train", "began": "t", "seconds": 3600, "device_hours": 1.0, "dollars": None}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"stage": "tr\xff', "is no JSON object"),
        (b"7", "is no JSON object"),
        (b"[" * 10_000, "is no JSON object"),
        (
            json.dumps(LINE | {"device_hours": math.nan}).encode(),
            "device_hours 'nan' is no finite number from 0",
        ),
        (json.dumps(LINE | {"seconds": -1}).encode(), "seconds '-1' is no finite number from 0"),
        (b'{"stage": "train"}', "lacks began"),
    ],
)
def test_a_bad_line_of_the_ledger_is_left_out_and_named(tmp_path, capsys, line, fault):
    path = tmp_path / "cost.jsonl"
    path.write_bytes(line + b"\n" + json.dumps(LINE).encode() + b'\n{"torn')
    assert ledger.spent(tmp_path, "train") == ledger.Spent(1.0, None, 1.0)
    error = capsys.readouterr().err
    assert error == f"left out: {path}, line 1: {fault}. Mend or remove the line.\n"


def test_a_training_record_without_its_fields_costs_nothing_else(tmp_path, capsys):
    folder = make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    (folder / "train.json").write_text("{}")
    (run,) = run_records.load_all(tmp_path)
    assert costs.training(run) is None
    assert capsys.readouterr().err.startswith(f"left out: {folder / 'train.json'}: lacks device_hours. ")


def test_an_option_of_many_values_is_told_by_its_name(tmp_path):
    options = {"a": {"loss": "dapo", "beta": 0.0}, "b": {"loss": "bnpo", "beta": 0.04}}
    for seed, name in ((1, "a"), (2, "a"), (3, "b")):
        recipe = {"algorithm": {"name": name, **options[name]}, "seed": seed}
        make_run(tmp_path, "exp", {10: {"aime24": [[1, 0]]}}, recipe)
    runs = run_records.load_all(tmp_path)
    assert sorted(factors.differences(runs).values()) == [
        f"algorithm={n}, seed={s}" for n, s in ("a1", "a2", "b3")
    ]
    levels = factors.factors(runs)
    assert factors.named(levels, ["algorithm.beta"]) == levels
    changed = {"algorithm": {**options["a"], "name": "a", "beta": 0.1}}
    make_run(tmp_path, "exp", {10: {"aime24": [[1, 0]]}}, changed)
    text = factors.differences(run_records.load_all(tmp_path)).values()
    assert sorted(text)[0] == "algorithm.beta=0.0, algorithm=a, seed=1", "and not the loss, which a says"


def test_a_label_of_many_factors_tells_what_is_special_of_its_run(tmp_path):
    usual = {"beta": 0.04, "loss": "grpo", "rate": 1e-6, "steps": 50}
    changes = [{}, {"beta": 0.0}, {"loss": "dapo"}, {"rate": 1e-5, "steps": 100}, {"steps": 100}]
    for change in changes:
        make_run(tmp_path, "exp", {10: {"aime24": [[1, 0]]}}, usual | change)
    texts = factors.differences(run_records.load_all(tmp_path)).values()
    assert sorted(texts) == ["", "beta=0.0", "loss=dapo", "rate=1e-05, steps=100", "steps=100"]
