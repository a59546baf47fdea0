"""What is exported comes back: titles, metrics, outcomes, and nothing written over something else."""

import csv
import dataclasses
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from openrs.analysis import run_records
from openrs.analysis.importing import export
from tests.helpers.result_files import imported, new, old, put
from tests.helpers.run_folders import SETTINGS, make_run

DATA = Path(__file__).parents[2] / "data" / "imports"


def exported(runs, folder):
    """The scores of runs after an export and an import: {(run, step): scores}."""
    export.write(runs, folder / "to")
    report, back = imported(folder / "to/lighteval", folder / "back")
    assert (report.skipped, report.repeats) == ([], [])
    return back


def content(score):
    return (
        *(score.step, score.benchmark, score.title, score.seed, score.n, score.value),
        *(score.ids, score.correct, score.tokens),
    )


def test_measured_scores(tmp_path):
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1, 0, 0], [1, 1, 0]], "amc23": [[1, 1, 1, 0]]}})
    runs = run_records.load_all(tmp_path / "a")
    written = export.write(runs, tmp_path / "to")
    assert [path.name for path in written] == ["scores.csv", "scores.parquet", "lighteval"]
    table = pyarrow.parquet.read_table(tmp_path / "to/scores.parquet").to_pylist()
    assert [(row["title"], row["seed"], row["right"], row["n"]) for row in table] == [
        ("AIME24", 1234, 1, 3), ("AIME24", 1235, 2, 3), ("AMC23", 1234, 3, 4)]  # fmt: skip
    (back,) = exported(runs, tmp_path)
    assert back.name == f"exp1-{runs[0].id[:8]}"
    assert [content(score) for score in back.scores] == [content(score) for score in runs[0].scores]
    for mine, theirs in zip(runs[0].scores, back.scores, strict=True):
        assert mine.stderr == pytest.approx(theirs.stderr)
        keys = ("engine", "dtype", "temperature", "top_p", "max_new_tokens")
        assert [mine.settings[key] for key in keys] == [theirs.settings[key] for key in keys]


def test_no_cell_of_the_csv_is_a_formula_or_obeyed_by_a_terminal(tmp_path):
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1, 0]]}})
    (run,) = run_records.load_all(tmp_path / "a")
    hostile = dataclasses.replace(
        run.scores[0], title="=HYPERLINK(A1)", versions={}, scoring_id="\x1b[31mred"
    )
    export.write([dataclasses.replace(run, scores=[hostile])], tmp_path / "to")
    with (tmp_path / "to/scores.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["title"], row["scoring_id"]) == ("'=HYPERLINK(A1)", "\\u001b[31mred")
    assert (row["value"], row["step"], row["temperature"]) == ("0.5", "10", "0.6")


def test_a_data_set_is_named_by_its_id_on_the_hub_and_nano_stays_nano(tmp_path):
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1, 0, 0]]}})
    make_run(tmp_path / "a", "nano", {10: {"aime24": [[1, 1, 0]]}}, prefix="nano-")
    runs = run_records.load_all(tmp_path / "a")
    assert {score.title for run in exported(runs, tmp_path) for score in run.scores} == {
        "AIME24", "nano-AIME24"}  # fmt: skip
    files = (json.loads(path.read_text()) for path in (tmp_path / "to").glob("**/results_*.json"))
    sets = {task["hf_repo"] for file in files for task in file["config_tasks"].values()}
    assert sets == {"HuggingFaceH4/aime_2024", "aime24"}


def test_two_ways_of_measuring_a_benchmark_are_two_files(tmp_path):
    outcomes = {10: {"aime24": [[1, 0, 0]]}}
    make_run(tmp_path / "a", "exp1", outcomes, settings=SETTINGS)
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1, 1, 0, 1]]}}, problems="q")  # same run and settings
    runs = run_records.load_all(tmp_path / "a")
    (back,) = exported(runs, tmp_path)
    assert sorted(score.value for score in back.scores) == pytest.approx([1 / 3, 3 / 4])


def test_one_problem_has_no_standard_error_and_the_file_is_json(tmp_path):
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1]]}})
    export.write(run_records.load_all(tmp_path / "a"), tmp_path / "to")
    (path,) = (tmp_path / "to").glob("**/results_*.json")
    json.loads(path.read_text(), parse_constant=pytest.fail)


def test_imported_scores_keep_metrics_titles_revisions_and_repeats(tmp_path):
    several = {"avg@n:n=16": 0.3, "avg@n:n=16_stderr": 0.06, "pass@k:k=8&n=16": 0.6}
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", new(several))
    put(tmp_path / "in/Exp1_50/results/m/results_2.json", new({"extractive_match": 0.3}, outputs="b2"))
    for number in (3, 4):  # two samples with one score, told apart by their outputs
        put(tmp_path / f"in/Exp1_100/results/m/results_{number}.json", old(outputs=f"a{number}"))
    put(tmp_path / "in/results/you/m-12345678/results_5.json", new({"em": 0.4}, outputs="b5", revision="r1"))
    _, runs = imported(tmp_path / "in", tmp_path / "first")
    back = exported(runs, tmp_path)

    def whole(runs):
        return sorted(
            (content(score), score.imported["metric"], score.imported["samples"], score.imported["outputs"],
             score.imported["revision"], score.stderr, run.untrained_at_0)
            for run in runs for score in run.scores
        )  # fmt: skip

    assert whole(back) == whole(runs)
    assert {row[0][2] for row in whole(back)} == {"AIME24", "AIME24 pass@8"}
    with (tmp_path / "to/scores.csv").open(encoding="utf-8") as file:
        rows = {(row["metric"], row["samples"], row["step"]) for row in csv.DictReader(file)}
    assert {("avg@n:n=16", "16", "50"), ("pass@k:k=8&n=16", "16", "50"), ("em", "1", "")} <= rows


def test_an_export_that_is_imported_beside_its_source_adds_nothing(tmp_path):
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", old())
    _, runs = imported(tmp_path / "in", tmp_path / "out")
    export.write(runs, tmp_path / "to")
    report, again = imported(tmp_path / "to/lighteval", tmp_path / "out")
    assert (report.imported, len(report.repeats), len(again)) == (0, 1, 1)


def test_scores_of_the_harness_come_back(tmp_path):
    _, runs = imported(DATA / "lm_eval", tmp_path / "first")
    back = exported(runs, tmp_path)
    assert [content(run.scores[0]) for run in back] == [content(run.scores[0]) for run in runs]


@pytest.mark.slow
def test_scores_of_inspect_come_back(tmp_path):
    _, runs = imported(DATA / "inspect", tmp_path / "first")
    back = exported(runs, tmp_path)
    assert [content(s) for s in back[0].scores] == [content(s) for s in runs[0].scores]
