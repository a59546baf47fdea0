"""Real files of lm-evaluation-harness and Inspect (tests/data/imports says how they were made)."""

import shutil
from pathlib import Path

import pytest

from openrs.analysis import run_records
from openrs.analysis.importing import address, reading, store

DATA = Path(__file__).parents[2] / "data" / "imports"


def imported(folder, outputs):
    results = list(reading.read(folder, address.pattern(None)))
    return store.store(results, outputs, "others"), run_records.load_all(outputs, imported=True)


def test_lm_evaluation_harness(tmp_path):
    report, (run,) = imported(DATA / "lm_eval", tmp_path)
    assert (report.imported, report.skipped, run.name) == (1, [], "model")
    (score,) = run.scores
    assert (score.title, score.value, score.n) == ("nano_sums", pytest.approx(1 / 6), 6)
    assert sum(score.correct) == 1
    assert score.imported["metric"] == "exact_match,boxed"
    assert [score.settings[key] for key in ("engine", "temperature", "max_new_tokens")] == ["hf", 0.6, 64]
    assert score.versions == {"lm-eval": "0.4.13"}
    assert run.device(score) == "CPU"


def test_lm_evaluation_harness_without_samples_is_an_aggregate(tmp_path):
    (results,) = (DATA / "lm_eval").glob("results_*.json")
    shutil.copy(results, tmp_path / results.name)
    _, (run,) = imported(tmp_path, tmp_path / "out")
    assert (run.scores[0].ids, run.scores[0].n) == ([], 6)


@pytest.mark.slow
def test_inspect_gives_one_sample_an_epoch_on_the_same_problems(tmp_path):
    report, (run,) = imported(DATA / "inspect", tmp_path)
    assert (report.imported, report.skipped) == (2, [])
    assert {score.imported["epoch"] for score in run.scores} == {1, 2}
    assert sum(score.value for score in run.scores) == pytest.approx(1 / 6)
    assert all(score.n == 6 and len(score.tokens) == 6 for score in run.scores)
    _, others = imported(DATA / "lm_eval", tmp_path / "other")
    assert run.scores[0].ids == others[0].scores[0].ids  # problems are known by their text alone


@pytest.mark.slow
def test_inspects_json_form_is_the_same(tmp_path):
    from inspect_ai.log import read_eval_log, write_eval_log

    log = read_eval_log(str(DATA / "inspect" / "nano_sums.eval"))
    write_eval_log(log, str(tmp_path / "in.json"), format="json")
    _, (run,) = imported(tmp_path / "in.json", tmp_path / "out")
    _, (whole,) = imported(DATA / "inspect", tmp_path / "other")
    assert [score.correct for score in run.scores] == [score.correct for score in whole.scores]


@pytest.mark.slow
def test_a_broken_archive_is_named(tmp_path):
    content = (DATA / "inspect" / "nano_sums.eval").read_bytes()
    (tmp_path / "half.eval").write_bytes(content[: len(content) // 2])
    ((skipped),) = reading.read(tmp_path, address.pattern(None))
    assert skipped.reason.startswith("Inspect cannot read it")


@pytest.mark.slow
def test_inspects_partial_answers_count_as_wrong_and_are_told(tmp_path):
    from inspect_ai.log import read_eval_log, write_eval_log

    log = read_eval_log(str(DATA / "inspect" / "nano_sums.eval"))
    log.samples[0].scores["includes"].value = "P"
    write_eval_log(log, str(tmp_path / "in.json"), format="json")
    report, (run,) = imported(tmp_path / "in.json", tmp_path / "out")
    note = "1 partial answers count as wrong here; Inspect's accuracy counts each as half"
    assert report.notes == [f"in.json: {note}"]
    assert sorted(score.imported.get("partial_as_wrong", 0) for score in run.scores) == [0, 1]
