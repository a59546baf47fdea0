"""Metrics by name: which are shares of right answers, over how many answers, on how many problems."""

import pytest
import yaml

from openrs.analysis.importing import metrics, result
from openrs.paths import ROOT
from tests.helpers.result_files import filtered, harness, imported, new, put


@pytest.mark.parametrize(
    ("name", "samples", "k"),
    [
        ("extractive_match", 1, 1),
        ("math_pass@1:4_samples", 4, 1),
        ("gpqa_pass@1:8_samples", 8, 1),
        ("gpqa_pass@k:k=1&n=8", 8, 1),
        ("gpqa_pass@k:k=1", 1, 1),
        ("codegen_pass@1:16", 16, 1),
        ("avg@n:n=8", 8, 1),
        ("avg@k:k=16", 16, 1),
        ("math_avg@8", 8, 1),
        ("quasi_exact_match", 1, 1),
        ("pass@k:k=8&n=16", 16, 8),
        ("pass@k:k=8", 8, 8),
        ("math_pass@8:16_samples", 16, 8),
        ("qem", 1, 1),
    ],
)
def test_lightevals_names(name, samples, k):
    assert metrics.scores([name]) == [name]
    assert (metrics.samples(name), metrics.pass_k(name)) == (samples, k)


@pytest.mark.parametrize("name", ["g-pass@16_0.5", "math-g-pass@16_0.0", "mg-pass@16", "maj@n:n=8", "ppl"])
def test_what_is_no_share_of_right_answers(name):
    assert metrics.scores([name]) == []


def test_several_right_of_k_are_no_pass_at_k(tmp_path):
    values = {"pass@k:k=1&n=16": 0.3, "g-pass@16_0.5": 0.1, "mg-pass@16": 0.2}
    put(tmp_path / "in/results/m/results_1.json", new(values))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [score.title for score in run.scores] == ["AIME24"]


def test_a_mean_over_answers_that_were_never_made_is_left_out(tmp_path):
    shares = {1: 14 / 30, 4: 55 / 120, 8: 105 / 240, 16: 105 / 480, 64: 105 / 1920}  # lighteval, issue 771
    values = {f"math_pass@1:{n}_samples": share for n, share in shares.items()}
    put(tmp_path / "in/results/m/results_1.json", new(values))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.value, score.imported["samples"]) == (105 / 240, 8)
    (note,) = report.notes
    assert note.startswith("results/m/results_1.json: math_pass@1:8_samples is the score; ")
    assert note.endswith(
        "; math_pass@1:16_samples, math_pass@1:64_samples left out: fewer answers were sampled"
    )


def unsized(values, **general):
    """A file that states no number of problems, as lighteval 0.13 writes it."""
    document = new(values, n=-1)
    document["config_general"] |= general
    return document


def test_the_standard_error_of_several_samples_does_not_tell_the_number_of_problems(tmp_path):
    # 30 problems with 16 answers each: their deviation is far below that of a 0 or 1
    values = {"avg@n:n=16": 0.3, "avg@n:n=16_stderr": 0.06}
    put(tmp_path / "in/results/m/results_1.json", unsized(values))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert run.scores[0].n == 30
    put(tmp_path / "in/results/m/results_1.json", unsized(values, max_samples=10))
    _, (run,) = imported(tmp_path / "in", tmp_path / "other")
    assert run.scores[0].n == 10
    document = unsized(values)
    document["config_tasks"]["aime24|0"]["hf_repo"] = "someone/else"
    put(tmp_path / "in/results/m/results_1.json", document)
    put(tmp_path / "in/results/m/results_2.json", new({"extractive_match": 0.3}))
    report, _ = imported(tmp_path / "in", tmp_path / "third")
    assert report.skipped[0].reason == "aime24|0: states no number of problems"


def test_data_sets_are_those_of_the_catalog():
    benchmarks = yaml.safe_load((ROOT / "conf" / "catalog" / "hub.yaml").read_text())["benchmarks"]
    hub = {item["id"]: (name, item["title"]) for name, item in benchmarks.items()}
    assert {key: value[:2] for key, value in result.DATASETS.items()}.items() <= hub.items()


FILTERS = [
    filtered("maj@64", "regex", "majority_vote", "take_first"),
    filtered("score-first", "regex", "take_first"),
    filtered("every", "regex"),
]


@pytest.mark.parametrize(
    ("values", "filters", "title", "value", "samples"),
    [
        ({"exact_match,maj@64": 0.7, "exact_match,score-first": 0.5}, FILTERS, "gsm8k", 0.5, 1),
        ({"exact_match,maj@64": 0.7}, FILTERS, "gsm8k maj@64", 0.7, 1),
        ({"exact_match,every": 0.5}, FILTERS, "gsm8k", 0.5, 64),
        ({"exact_match,none": 0.5}, None, "gsm8k", 0.5, 1),
    ],
)
def test_the_harness_filters_say_how_many_answers_count(tmp_path, values, filters, title, value, samples):
    put(tmp_path / "in/results_1.json", harness(values, repeats=64, filter_list=filters))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.title, score.value, score.imported["samples"]) == (title, value, samples)
