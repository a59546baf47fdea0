"""Results of other programs as score records: lighteval of any age, repeats, and what cannot be read."""

import json
import os
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from openrs.analysis.importing import address
from openrs.errors import Mistake
from openrs.paths import ROOT
from openrs.records.problem_ids import problem_id
from tests.helpers.result_files import command, imported, new, old, put


@pytest.fixture
def logs():
    """The paper's published result files."""
    folder = Path(os.environ.get("OPENRS_LOGS", ROOT.parent / "shared" / "open-rs-logs"))
    if not folder.is_dir():
        pytest.skip(f"no published logs at {folder} (set OPENRS_LOGS to the folder with evals/ and overall/)")
    return folder


def test_old_files_give_experiment_step_value_and_what_is_stated(tmp_path):
    put(tmp_path / "in/Exp7_150/results/someone/model/results_2025-01-01.json", old())
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (report.imported, run.name, run.imported) == (1, "Exp7", True)
    (score,) = run.scores
    assert (score.step, score.benchmark, score.title, score.value, score.n) == (
        150,
        "aime24",
        "AIME24",
        0.3,
        30,
    )
    assert (score.seed, score.ids) == (-1, [])
    assert score.settings["temperature"] == "not stated"
    assert score.settings["max_new_tokens"] == 32768
    assert score.imported["file"].endswith("results_2025-01-01.json")


def test_new_files_give_seed_and_sampling(tmp_path):
    put(tmp_path / "in/results/m/results_1.json", new({"extractive_match": 0.3}, seed=7))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.seed, score.step, run.name) == (7, 0, "someone/model")
    assert [score.settings[key] for key in ("temperature", "top_p", "dtype")] == [0.6, 0.95, "bfloat16"]
    assert score.versions == {"lighteval": "abc"}


def test_pass_at_k_and_averages_of_several_samples(tmp_path):
    metrics = {"pass@k:k=1&n=16": 0.31, "pass@k:k=1&n=16_stderr": 0.06, "pass@k:k=8&n=16": 0.6}
    put(tmp_path / "in/results/m/results_1.json", new(metrics))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    by_title = {score.title: score for score in run.scores}
    assert by_title.keys() == {"AIME24", "AIME24 pass@8"}
    assert by_title["AIME24"].imported["samples"] == 16
    assert by_title["AIME24"].stderr == 0.06


def test_the_same_outputs_are_a_repeat_and_other_outputs_a_second_sample(tmp_path):
    for number, outputs in enumerate(("a1", "a1", "a2")):
        put(tmp_path / f"in/Exp1_50/results/m/results_{number}.json", old(outputs=outputs))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (report.imported, len(report.repeats), [s.seed for s in run.scores]) == (2, 1, [-1, -2])
    again, _ = imported(tmp_path / "in", tmp_path / "out")
    assert (again.imported, again.earlier, len(again.repeats)) == (0, 2, 1)


def test_the_same_outputs_with_another_score_are_named_and_not_stored(tmp_path):
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", old(value=0.3))
    put(tmp_path / "in/Exp1_50/results/m/results_2.json", old(value=0.5))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [score.value for score in run.scores] == [0.3]
    assert "with another score (0.5000, there 0.3000)" in report.skipped[0].reason


def test_two_runs_with_one_stated_seed_do_not_overwrite_each_other(tmp_path):
    for number in (1, 2):
        metrics = {"extractive_match": number / 10}
        put(tmp_path / f"in/results/m/results_{number}.json", new(metrics, seed=7, outputs=f"b{number}"))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert sorted(score.value for score in run.scores) == [0.1, 0.2]


def test_checkpoints_that_are_told_by_the_models_path_are_one_run(tmp_path):
    for step in (50, 100):
        place = tmp_path / f"in/grpo/checkpoint-{step}/results/m/results_{step}.json"
        put(place, old(outputs=f"o{step}", model=f"models/grpo/checkpoint-{step}"))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [(score.step, score.imported["model"]) for score in run.scores] == [
        (50, "models/grpo/checkpoint-50"), (100, "models/grpo/checkpoint-100")]  # fmt: skip


def test_a_pattern_of_ones_own(tmp_path):
    put(tmp_path / "in/lr3e-6/iter5/x/results_1.json", old())
    pattern = r"(?P<name>lr[^/]+)/iter(?P<step>\d+)/"
    _, (run,) = imported(tmp_path / "in", tmp_path / "out", pattern)
    assert (run.name, run.scores[0].step) == ("lr3e-6", 5)
    with pytest.raises(Mistake, match="is not a regular expression"):
        address.pattern("(")
    with pytest.raises(Mistake, match=r"needs a group \(\?P<name>"):
        address.pattern(r"step(\d+)")


def test_a_models_own_name_is_no_step(tmp_path):
    put(tmp_path / "in/results/mistralai/Mistral-2407/results_1.json", old(model="mistralai/Mistral-2407"))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (run.name, run.scores[0].step) == ("mistralai/Mistral-2407", 0)


def test_what_cannot_be_read_is_named_counted_and_skipped(tmp_path, monkeypatch, capsys):
    text = json.dumps(old())
    put(tmp_path / "in/Exp1_50/results/m/results_good.json", text)
    put(tmp_path / "in/truncated.json", text[: len(text) // 2])
    put(tmp_path / "in/malformed.json", text.replace(":", ";", 1))
    put(tmp_path / "in/foreign.json", {"name": "package", "version": "1.0"})
    put(tmp_path / "in/list.json", [1, 2])
    put(tmp_path / "in/no_share.json", old() | {"results": {"custom|aime24|0": {"perplexity": 12.0}}})
    put(tmp_path / "in/odd.json", old() | {"results": {"custom|aime24|0": 3}})
    (tmp_path / "in/binary.json").write_bytes(b"\xff\xfe\x00\x01")
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    status, shown, _ = command(monkeypatch, capsys, *arguments)
    assert status == 3
    assert "1 scores imported" in shown
    assert "7 files skipped" in shown
    for message in (
        "skipped truncated.json: truncated or malformed JSON",
        "skipped malformed.json: malformed JSON",
        "skipped foreign.json: foreign JSON",
        "skipped list.json: foreign JSON",
        "skipped no_share.json: custom|aime24|0: no share of right answers among its metrics (perplexity)",
        "skipped odd.json: custom|aime24|0: its metrics are not a table",
        "skipped binary.json: is not text",
    ):
        assert message in shown


def test_nothing_to_import_is_an_error(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/foreign.json", {})
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    status, shown, error = command(monkeypatch, capsys, *arguments)
    assert (status, "none of its 1 files" in error, "skipped foreign.json" in shown) == (1, True, True)
    (tmp_path / "empty").mkdir()
    status, _, error = command(monkeypatch, capsys, "import", tmp_path / "empty")
    assert (status, "holds no result files" in error) == (1, True)
    status, _, error = command(monkeypatch, capsys, "table1", tmp_path / "out", "--imported")
    assert (status, "nothing was imported" in error) == (1, True)


@pytest.mark.parametrize("layout", ["new", "old"])
def test_details_give_the_outcome_of_every_problem(tmp_path, layout):
    problems, verdicts = ["one\nand one", "two", "three"], [1.0, 0.0, 1.0]
    prompts = [f"Solve this.\n\n{problem}\nBe brief." for problem in problems]
    put(tmp_path / "in/results/m/results_d.json", new({"extractive_match": 2 / 3}, n=3))
    if layout == "new":
        rows = {
            "doc": [{"query": prompt} for prompt in prompts],
            "metric": [{"extractive_match": verdict} for verdict in verdicts],
            "model_response": [{"output_tokens": [[1, 2]]}] * 3,
        }
    else:
        rows = {
            "full_prompt": prompts,
            "metrics": [{"extractive_match": verdict} for verdict in verdicts],
            "cont_tokens": [[[1, 2]]] * 3,
        }
    place = tmp_path / "in/details/m/d/details_aime24|0_d.parquet"
    place.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table(rows), place)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    expected = sorted(zip(map(problem_id, problems), (1, 0, 1), strict=True))
    assert list(zip(score.ids, score.correct, strict=True)) == expected
    assert score.tokens == [2, 2, 2]


def test_the_papers_three_rows_from_its_published_logs(logs, tmp_path, monkeypatch, capsys):
    status, shown, _ = command(monkeypatch, capsys, "import", logs, "--outputs", tmp_path)
    assert status == 0
    assert "27 scores imported" in shown
    assert "7 repeats" in shown
    status, shown, _ = command(monkeypatch, capsys, "table1", tmp_path, "--imported")
    assert status == 0
    rows = [line.split(" | ") for line in shown.splitlines() if line.startswith("| Exp")]
    numbers = {row[0]: [cell.split(" ")[0].strip("*") for cell in row[1:]] for row in reversed(rows)}
    assert numbers["| Exp1, step 100"] == ["30.0", "83.8", "70.0", "29.0", "52.4", "53.0", "53.1"]
    assert numbers["| Exp2, step 50"] == ["30.0", "85.4", "80.0", "30.5", "52.4", "55.7", "55.7"]
    assert numbers["| Exp3, step 50"] == ["46.7", "84.4", "72.5", "26.8", "51.3", "56.3", "56.3"]
    assert "rounded to one decimal first (the paper's rule)" in shown
    assert (
        "Could be noise on AIME24, MATH-500, Minerva, no verdict on average and on AMC23, OlympiadBench: "
        "Exp1, step 100; "
        "Exp2, step 50; Exp3, step 50." in shown
    ), "where a re-evaluation found a far better base, and over all differences of the table"
    assert "AIME24: the best of 7 is 46.7, their mean 31.4; of as many equal ones 43.1 is expected" in shown
    _, shown, _ = command(
        monkeypatch, capsys, "table1", tmp_path, "--imported", "--select", "best", "--by", "AIME24",
        "--report", "all",
    )  # fmt: skip
    assert "Exp1: step 400 is the best of 5 on AIME24 with 33.3 (their mean: 28.7)" in shown
    assert "SELECTED ON WHAT IS REPORTED" in shown


def test_eighty_two_files_of_the_published_shape(logs, tmp_path):
    files = sorted(logs.rglob("*.json"))
    for number in range(82):
        source = files[number % len(files)]
        place = tmp_path / "in" / str(number // len(files)) / source.relative_to(logs)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    report, _ = imported(tmp_path / "in", tmp_path / "out")
    assert (report.imported, report.imported + report.earlier + len(report.repeats)) == (27, 82)


def own(dataset, name="amc23"):
    """A result file that openrs's evaluation lets lighteval write."""
    document = new({"extractive_match": 0.5}, seed=1234, n=10)
    scorer = {"metric_name": "extractive_match", "sample_level_fn": "ExtractiveMatch(gold_kind=latex)"}
    task = {"name": name, "hf_repo": dataset, "effective_num_docs": 10, "metrics": [scorer]}
    key = f"{name}|0"
    return document | {
        "results": {key: document["results"]["aime24|0"]},
        "config_tasks": {key: task},
        "summary_tasks": {},
    }


@pytest.mark.parametrize(
    ("dataset", "name", "title"),
    [
        ("openrs-nano/amc23", "amc23", "nano-AMC23"),
        ("openrs-nano/math_500", "math_500", "nano-MATH-500"),
        ("knoveleng/AMC-23", "amc23", "AMC23"),
        ("bench.csv", "bench", "bench"),
        ("bench", "bench", "bench"),  # of an older openrs, and no benchmark that nano stands in for
    ],
)
def test_a_result_file_of_openrs_keeps_the_mark_of_nano(tmp_path, dataset, name, title):
    put(tmp_path / "in/results/m/results_1.json", own(dataset, name))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [(score.title, score.benchmark, score.n) for score in run.scores] == [(title, name, 10)]


def test_a_file_of_an_older_openrs_that_states_no_data_set_is_refused(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/results_1.json", own("amc23"))
    status, out, err = command(
        monkeypatch, capsys, "import", tmp_path / "in", "--outputs", tmp_path / "outputs"
    )
    assert status == 1
    assert "import what `openrs export` writes of its outputs folder instead" in out + err
    assert not (tmp_path / "outputs").exists()
