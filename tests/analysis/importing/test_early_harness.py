"""lm-evaluation-harness 0.3 to 0.4.2, which stated no number of problems."""

import pytest

from tests.helpers.result_files import imported, put


def early(value, stderr, version="0.4", **task):
    """A result file of the harness without `n-samples`."""
    config = {
        "model": "hf-causal",
        "model_args": "pretrained=org/small,revision=v2,dtype=float16",
        "num_fewshot": 0,
        "limit": None,
    }
    document = {"results": {}, "versions": {"gsm8k": 0}, "config": config}
    if version == "0.3":
        return document | {"results": {"gsm8k": {"acc": value, "acc_stderr": stderr}}}
    values = {"alias": "gsm8k", "exact_match,none": value, "exact_match_stderr,none": stderr}
    return document | {
        "results": {"gsm8k": values, "a_group": {"exact_match,none": 0.9}},
        "configs": {"gsm8k": task},
        "n-shot": {"gsm8k": 0},
    }


def error(right, n):
    return (right / n * (1 - right / n) / (n - 1)) ** 0.5


@pytest.mark.parametrize(("version", "metric"), [("0.3", "acc"), ("0.4", "exact_match,none")])
@pytest.mark.parametrize(("right", "n"), [(1, 4), (700, 1319), (1318, 1319), (5, 10042)])
def test_the_number_of_problems_follows_from_value_and_standard_error(tmp_path, version, metric, right, n):
    put(tmp_path / "in/results_1.json", early(right / n, error(right, n), version))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (run.name, score.n, score.value, score.imported["metric"]) == ("org/small", n, right / n, metric)
    assert (score.imported["revision"], score.settings["dtype"], score.settings["engine"]) == (
        "v2", "float16", "hf-causal")  # fmt: skip
    assert report.notes == [f"results_1.json: n {n} follows from the standard error (the file states none)"]


@pytest.mark.parametrize(
    ("value", "stderr", "reason"),
    [
        (0.0, 0.0, "a score of 0.0000 with the standard error 0.0 tells none"),
        (0.5, None, "a score of 0.5000 with the standard error not stated tells none"),
        (0.5, "N/A", "a score of 0.5000 with the standard error not stated tells none"),
        (0.3, 0.2, "implies 6, of which 0.3000 is no share"),
    ],
)
@pytest.mark.parametrize("version", ["0.3", "0.4"])
def test_what_tells_no_number_is_refused_by_the_harness_name(tmp_path, version, value, stderr, reason):
    put(tmp_path / "in/results_1.json", early(value, stderr, version))
    put(tmp_path / "in/results_2.json", early(0.25, error(1, 4), version))
    report, _ = imported(tmp_path / "in", tmp_path / "out")
    ((skipped, file),) = [(item.reason, item.file) for item in report.skipped]
    assert file == "results_1.json"
    assert "states no number of problems (lm-evaluation-harness before 0.4.3)" in skipped
    assert reason in skipped


def test_the_error_of_several_answers_tells_no_number(tmp_path):
    put(
        tmp_path / "in/results_1.json",
        early(0.25, error(1, 4), repeats=4, filter_list=[{"name": "none", "filter": []}]),
    )
    put(tmp_path / "in/results_2.json", early(0.25, error(1, 4)))
    report, _ = imported(tmp_path / "in", tmp_path / "out")
    assert [item.file for item in report.skipped] == ["results_1.json"]
