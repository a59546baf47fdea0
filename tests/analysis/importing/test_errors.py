"""What is foreign in a result file costs that file or that task, and nothing else."""

import json

import pytest

from tests.helpers.result_files import command, imported, new, old, put


def test_what_no_reader_expects_never_ends_the_import(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/Exp1_50/results/m/results_good.json", old())
    put(tmp_path / "in/deep.json", "[" * 100_000 + "]" * 100_000)
    put(tmp_path / "in/digits.json", '{"results": ' + "1" * 5000 + "}")
    put(tmp_path / "in/short.json", old() | {"results": {"custom|aime24|0": {"acc": 10**400}}})
    (tmp_path / "in/gone.json").symlink_to(tmp_path / "nowhere")
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    status, shown, _ = command(monkeypatch, capsys, *arguments)
    assert status == 3
    assert "1 scores imported" in shown
    assert "3 files skipped" in shown
    assert "skipped deep.json: foreign JSON: nested too deeply" in shown
    assert "skipped digits.json: foreign JSON (Exceeds the limit" in shown
    assert "skipped short.json: custom|aime24|0: not of the documented form (OverflowError" in shown


def test_a_name_that_is_no_unicode_costs_its_file(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/Exp1_50/results/m/results_good.json", old())
    put(tmp_path / "in/model.json", old(model="a\ud800b"))
    put(tmp_path / b"in/bytes_\xff.json".decode(errors="surrogateescape"), old())
    status, shown, _ = command(monkeypatch, capsys, "import", tmp_path / "in", "--outputs", tmp_path / "out")
    assert status == 3
    assert "1 scores imported" in shown
    assert shown.count("holds a name or text that is no Unicode") == 2


def test_a_long_path_to_a_model_or_name_of_a_task_is_no_file_name(tmp_path):
    put(tmp_path / "in/results/m/results_1.json", old(model="/models/" + "m" * 300))
    document = new({"extractive_match": 0.3})
    document["results"] = {"t" * 300 + "|0": {"extractive_match": 0.3}}
    document["config_tasks"] = {"t" * 300 + "|0": {"effective_num_docs": 30}}
    put(tmp_path / "in/results/m/results_2.json", document)
    report, runs = imported(tmp_path / "in", tmp_path / "out")
    assert (report.imported, report.skipped) == (2, [])
    assert max(len(run.name) for run in runs) == 308
    assert {len(score.title) for run in runs for score in run.scores} == {6, 300}


@pytest.mark.parametrize(("seed", "stored"), [("1234", 1234), ("many", -1), (-3, -1), (True, -1), (2.5, -1)])
def test_a_seed_may_be_written_as_text(tmp_path, seed, stored):
    put(tmp_path / "in/results/m/results_1.json", new({"extractive_match": 0.3}, seed=seed))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [score.seed for score in run.scores] == [stored]


def test_one_unsupported_task_costs_no_other(tmp_path, monkeypatch, capsys):
    document = old()
    document["results"]["custom|ifeval|0"] = {"prompt_level_strict_acc": 0.4}
    document["results"]["custom|odd|0"] = 3
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", document)
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    status, shown, _ = command(monkeypatch, capsys, *arguments)
    assert status == 3
    assert "1 scores imported" in shown
    assert "0 files and 2 tasks of other files skipped." in shown
    assert "results_1.json: custom|ifeval|0: no share of right answers among its metrics" in shown


def test_one_unsupported_task_of_the_harness_costs_no_other(tmp_path):
    document = {
        "results": {"sums": {"exact_match,none": 0.5}, "words": {"perplexity,none": 12.0}, "group": {}},
        "configs": {"sums": {}, "words": {}},
        "n-samples": {name: {"effective": 10} for name in ("sums", "words")},
        "model_name": "m",
    }
    put(tmp_path / "in/results_1.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [(item.task, item.reason) for item in report.skipped] == [
        ("words", "no share of right answers among its metrics (perplexity,none)")
    ]
    assert [score.title for score in run.scores] == ["sums"]


@pytest.mark.parametrize("stderr", ["N/A", None, float("nan")])
def test_a_standard_error_that_is_no_number_is_computed(tmp_path, stderr):
    document = new({"extractive_match": 0.3, "extractive_match_stderr": stderr})
    put(tmp_path / "in/results/m/results_1.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert run.scores[0].stderr == pytest.approx((0.21 / 29) ** 0.5)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "in.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(old()).encode())
    report, _ = imported(tmp_path / "in.json", tmp_path / "out")
    assert (report.imported, report.skipped) == (1, [])


def test_a_run_is_opened_with_its_first_score(tmp_path):
    put(tmp_path / "a/Exp1_50/results/m/results_1.json", old(outputs="a1"))
    put(tmp_path / "b/Exp9_50/results/m/results_2.json", old(outputs="a1"))
    imported(tmp_path / "a", tmp_path / "out")
    _, runs = imported(tmp_path / "b", tmp_path / "out")
    assert [run.name for run in runs] == ["Exp1"]
