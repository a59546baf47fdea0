"""What may stand side by side: rows measured in other ways are refused, or marked where it was asked for."""

import json
from dataclasses import replace

import pytest

from openrs.analysis import cells, mixing, run_records
from openrs.analysis.tables import compare, table1
from openrs.errors import Mistake
from openrs.records.files import write_record
from openrs.records.scores import ScoreAddress, score, write
from tests.helpers.run_folders import SETTINGS, halves, imported_run, make_run


def refuse(runs):
    mixing.refuse([item for run in runs for item in run_records.evaluations(run)])


def test_runs_that_all_have_nano_and_own_benchmarks_share_a_table(tmp_path):
    for name in ("exp1", "exp2"):
        make_run(tmp_path, name, {10: {"aime24": halves()}})
        make_run(tmp_path, name, {10: {"amc23": halves()}}, prefix="nano-")
    refuse(run_records.load_all(tmp_path))


def test_scores_of_other_settings_are_other_rows(tmp_path):
    folder = make_run(tmp_path, "exp3", {10: {"aime24": halves()}})
    cell = ScoreAddress(10, "aime24", "f" * 64, "5" * 64, 1234)
    other = score(
        cell, title="AIME24", seconds=1.0, versions={}, settings=SETTINGS | {"temperature": 1.0},
        columns={"ids": ["p0000", "p0001", "p0002", "p0003"], "correct": [1] * 4, "tokens": [1] * 4,
                 "truncated": [0] * 4,
                 "timed_out": [0, 0, 0, 1]},
    )  # fmt: skip
    write(folder, other)
    table = table1.everything(run_records.load_all(tmp_path))[0]
    assert [label for label, _ in table.rows if "temperature=1.0" in label]
    assert len(table.rows) == 2
    assert any("1 answers could not be verified" in line for line in table.caption)


def test_timeouts_of_runs_and_of_their_mean_are_counted_once(tmp_path):
    for seed in (1, 2):
        folder = make_run(tmp_path, "exp1", {10: {"aime24": halves()}}, {"seed": seed})
        for path in folder.glob("eval/*/*/seed-*.json"):
            record = json.loads(path.read_text())
            write_record(path, record | {"timed_out": [1, 0, 0, 0]})
    caption = table1.everything(run_records.load_all(tmp_path))[0].caption
    assert "2 answers could not be verified in time and count as wrong." in caption


def test_other_problems_are_refused_unless_asked_for_and_then_marked(tmp_path):
    make_run(tmp_path, "exp3", {10: {"aime24": halves()}})
    make_run(tmp_path, "exp4", {10: {"aime24": halves()}}, problems="q")
    runs = run_records.load_all(tmp_path)
    with pytest.raises(Mistake, match=r"differ in the benchmark's problems.*--mixed problems"):
        refuse(runs)
    apart = [table for table in table1.everything(runs) if "Differences" not in table.title]
    assert [len(table.rows) for table in apart] == [1, 1]
    assert all("--mixed problems puts them into one table" in table.caption[-1] for table in apart)
    mixed = table1.everything(runs, table1.Options(mixed={"problems"}))[0]
    assert len(mixed.rows) == 2
    (note,) = (line for line in mixed.caption if "Mixed by --mixed" in line)
    own = [label.split("(problems: ")[1].rstrip(")") for label, _ in mixed.rows]
    assert len(set(own)) == 2
    assert all(value in note for value in own)


def test_files_on_other_problems_are_no_two_samples_of_one_cell(tmp_path):
    whole = imported_run("exp1", {10: {"AIME24": [0.3]}}, n=30)
    part = imported_run("exp1", {10: {"AIME24": [0.5]}}, n=20, seeds=(-2,))
    pooled = replace(whole, scores=whole.scores + part.scores)
    with pytest.raises(Mistake, match=r"20 and 30 problems.*Import them again"):
        table1.everything([pooled])[0]
    folder = make_run(tmp_path, "exp1", {10: {"aime24": halves() * 2}})
    place = next(folder.glob("eval/*/*/seed-1235-*.json"))
    record = json.loads(place.read_text())
    write_record(place, record | {"ids": [f"q{i}" for i in range(4)]})
    with pytest.raises(Mistake, match="hold different problems"):
        table1.everything(run_records.load_all(tmp_path))[0]


def test_runs_on_other_problems_have_no_mean(tmp_path):
    for seed, problems in ((1, "p"), (2, "q")):
        make_run(tmp_path, "exp1", {10: {"aime24": halves()}}, {"seed": seed}, problems=problems)
    rows = table1.everything(run_records.load_all(tmp_path), table1.Options(mixed={"problems"}))[0].rows
    assert ["(seed=1, problems" in rows[0][0], "(seed=2, problems" in rows[1][0], len(rows)] == [
        True,
        True,
        2,
    ]


@pytest.mark.parametrize(
    ("trait", "settings", "versions"),
    [
        ("engine", {"engine": "vllm"}, {}),
        ("dtype", {"dtype": "bfloat16"}, {}),
        ("tags", {"remove_reasoning_tags": True}, {}),
        ("verifier", {}, {"math-verify": "9"}),
    ],
)
def test_rows_measured_in_other_ways_are_refused_unless_asked_for(tmp_path, trait, settings, versions):
    make_run(tmp_path, "exp3", {10: {"aime24": halves()}})
    make_run(tmp_path, "exp4", {10: {"aime24": halves()}}, settings=SETTINGS | settings, versions=versions)
    runs = run_records.load_all(tmp_path)
    with pytest.raises(Mistake, match=f"--mixed {trait}"):
        refuse(runs)
    mixed = table1.everything(runs, table1.Options(mixed=mixing.allowed(trait)))[0]
    assert any("Mixed by --mixed" in line for line in mixed.caption)
    assert len({label for label, _ in mixed.rows if "=" in label or "tags" in label or "math" in label}) == 2


def test_rows_of_two_kinds_of_device_are_set_apart_unless_asked_for_and_then_marked(tmp_path):
    for name, device in (("exp3", "NVIDIA A40"), ("exp4", "NVIDIA L40")):
        make_run(tmp_path, name, {10: {"aime24": halves(8)}}, device=device)
    runs = run_records.load_all(tmp_path)
    with pytest.raises(Mistake, match=r"kind of device \(NVIDIA A40; NVIDIA L40\).*--mixed device"):
        refuse(runs)
    apart = table1.everything(runs)
    assert [[label for label, _ in table.rows] for table in apart] == [
        ["exp3, step 10, reported and last"], ["exp4, step 10, reported and last"],
    ]  # fmt: skip
    for table, device in zip(apart, ("NVIDIA A40", "NVIDIA L40"), strict=True):
        assert any(line.endswith(f"weights in float64, device {device}.") for line in table.caption)
        assert "kind of device have a table of their own" in table.caption[-1]
        assert "--mixed device puts them into one table" in table.caption[-1]
    (mixed,) = (t for t in table1.everything(runs, table1.Options(mixed=mixing.allowed("device"))))
    assert [label for label, _ in mixed.rows] == [
        "exp3, step 10, reported and last (device NVIDIA A40)",
        "exp4, step 10, reported and last (device NVIDIA L40)",
    ]
    assert any("rows differ in kind of device (NVIDIA A40 | NVIDIA L40)" in line for line in mixed.caption)


def test_one_runs_scores_on_two_kinds_of_device_are_two_rows(tmp_path):
    folder = make_run(tmp_path, "exp3", {10: {"aime24": halves() * 2}}, device="NVIDIA A40")
    (path,) = folder.glob("eval/*/*/seed-1235-*.json")
    write_record(path, json.loads(path.read_text()) | {"device": "NVIDIA L40"})
    runs = run_records.load_all(tmp_path)
    assert [len(table.rows) for table in table1.everything(runs)] == [1, 1]
    mixed = table1.everything(runs, table1.Options(mixed={"device"}))[0]
    assert [label.split(" (")[1] for label, _ in mixed.rows] == ["device NVIDIA A40)", "device NVIDIA L40)"]


@pytest.mark.parametrize("device", ["CPU", "NVIDIA A40"])
def test_a_row_without_a_device_stands_beside_any_and_says_so(tmp_path, device):
    make_run(tmp_path, "exp3", {10: {"aime24": halves(8)}}, device=device)
    make_run(tmp_path, "exp4", {10: {"aime24": halves(8)}}, device=None)
    runs = run_records.load_all(tmp_path)
    refuse(runs)
    (table,) = table1.everything(runs)
    assert [label.split("last ")[1] for label, _ in table.rows] == [
        f"(device {device})",
        "(device not stated)",
    ]
    assert any(f"device {device} | not stated" in line for line in table.caption)


def test_two_devices_are_apart_though_a_row_without_one_stands_between(tmp_path):
    for name, device in (("exp1", None), ("exp2", "NVIDIA A40"), ("exp3", "NVIDIA L40"), ("exp4", None)):
        make_run(tmp_path, name, {10: {"aime24": halves()}}, device=device)
    apart = table1.everything(run_records.load_all(tmp_path))
    assert [[label[:4] for label, _ in table.rows] for table in apart] == [["exp1", "exp2", "exp4"], ["exp3"]]


def test_imported_rows_without_a_device_stand_beside_one_that_states_it():
    runs = [imported_run(name, {10: {"AIME24": 0.3}}) for name in ("exp1", "exp2")]
    alone = table1.everything(runs)[0]
    assert any("device not stated" in line for line in alone.caption)
    assert not any("device" in label for label, _ in alone.rows)
    stated = {**runs[1].scores[0].imported, "device": "NVIDIA A100"}
    runs[1] = replace(runs[1], scores=(replace(runs[1].scores[0], imported=stated),))
    (beside,) = (table for table in table1.everything(runs) if table.name == "table1")
    assert [label.split(" (")[1] for label, _ in beside.rows] == ["device not stated)", "device NVIDIA A100)"]


@pytest.mark.parametrize(
    ("first", "second", "marks"),
    [
        ("CPU", None, ["(device CPU)", "(device not stated)"]),
        ("NVIDIA A40", "NVIDIA L40", ["(device NVIDIA A40)", "(device NVIDIA L40)"]),
        ("CPU", "CPU", ["", ""]),
    ],
)
def test_a_comparison_marks_its_devices(tmp_path, first, second, marks):
    for name, device in (("exp3", first), ("exp4", second)):
        make_run(tmp_path, name, {10: {"aime24": halves()}}, device=device)
    runs = run_records.load_all(tmp_path)
    table = compare.tables(*(compare.find(runs, run.name) for run in runs), cells.AVERAGE, {"device"})[0]
    labels = [
        f"exp{i}, step 10, reported and last {mark}".strip() for i, mark in zip((3, 4), marks, strict=True)
    ]
    assert table.caption[0] == f"A: {labels[0]}. B: {labels[1]}."


def test_means_of_runs_measured_in_two_ways_are_two_and_say_so(tmp_path):
    for temperature in (0.6, 1.2):
        settings = SETTINGS | {"temperature": temperature}
        for seed in (1, 2):
            rows = {10: {"aime24": halves()}}
            make_run(tmp_path / str(temperature), "exp1", rows, {"seed": seed}, settings=settings)
    runs = [run for part in ("0.6", "1.2") for run in run_records.load_all(tmp_path / part)]
    first, second, third, fourth = runs
    both = [replace(a, scores=a.scores + b.scores) for a, b in ((first, third), (second, fourth))]
    labels = [label for label, _ in table1.everything(both)[0].rows if "mean of" in label]
    assert labels == [f"exp1, step 10, mean of 2 training runs (temperature={t})" for t in (0.6, 1.2)]


def test_an_unknown_trait_is_named():
    with pytest.raises(Mistake, match="harness is none of problems, verifier"):
        mixing.allowed("engine,harness")
