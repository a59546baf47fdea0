"""Several metrics, filters or scorers of one task: which is the score, who may say so, and what is noted."""

import json
from pathlib import Path

import pytest

from openrs.analysis.importing.choice import Choice
from tests.helpers.result_files import command, filtered, harness, imported, new, put

DATA = Path(__file__).parents[2] / "data" / "imports"
BOTH = [filtered("strict-match", "regex", "take_first"), filtered("flexible", "regex", "take_first")]
VOTE = [filtered("maj@8", "majority_vote", "take_first"), filtered("first", "take_first"), filtered("every")]
LIGHTEVAL = {"extractive_match": 0.5, "math_pass@1:32_samples": 0.42, "math_pass@1:4_samples": 0.45}
FILTERS = {"exact_match,strict-match": 0.1, "exact_match,flexible": 0.55}
ERROR = {"message": "no", "traceback": "", "traceback_ansi": ""}
VOTES = {"exact_match,maj@8": 0.7, "exact_match,first": 0.5, "exact_match,every": 0.4}


@pytest.mark.parametrize(
    ("document", "choice", "metric", "value", "others"),
    [
        (new(LIGHTEVAL), Choice(), "math_pass@1:32_samples", 0.42,
         "math_pass@1:4_samples (0.4500), extractive_match (0.5000)"),
        (new(LIGHTEVAL), Choice("extractive_match"), "extractive_match", 0.5, ""),
        (new(LIGHTEVAL), Choice("math_pass@1"), "math_pass@1:32_samples", 0.42, ""),
        (new(LIGHTEVAL), Choice("math_pass@1:4_samples"), "math_pass@1:4_samples", 0.45, ""),
        (new({"acc": 0.2, "qem": 0.3}), Choice(), "qem", 0.3, "acc (0.2000)"),
        (harness(FILTERS, filter_list=BOTH), Choice(), "exact_match,strict-match", 0.1,
         "exact_match,flexible (0.5500)"),
        (harness(FILTERS, filter_list=BOTH), Choice(filter="flexible"), "exact_match,flexible", 0.55, ""),
        (harness(VOTES, repeats=8, filter_list=VOTE), Choice(), "exact_match,every", 0.4,
         "exact_match,maj@8 (0.7000), exact_match,first (0.5000)"),
        (harness(VOTES, repeats=8, filter_list=VOTE), Choice(filter="maj@8"), "exact_match,maj@8", 0.7, ""),
        (harness({"acc,none": 0.2, "exact_match,none": 0.3}), Choice(), "exact_match,none", 0.3,
         "acc,none (0.2000)"),
        (harness({"acc,none": 0.2, "exact_match,none": 0.3}), Choice("acc"), "acc,none", 0.2, ""),
        (harness({"acc_norm,none": 0.4, "acc,none": 0.2}), Choice("acc_norm"), "acc_norm,none", 0.4, ""),
    ],
)  # fmt: skip
def test_the_best_measured_is_the_score_and_the_others_are_noted(
    tmp_path, document, choice, metric, value, others
):
    put(tmp_path / "in/results/m/results_1.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out", choice=choice)
    (score,) = run.scores
    assert (score.imported["metric"], score.value) == (metric, value)
    options = "--metric" if "config_general" in document else "--metric or --filter"
    note = f"results/m/results_1.json: {metric} is the score; {others} left out ({options} chooses another)"
    assert report.notes == ([note] if others else [])


def test_another_measurement_of_a_file_is_no_repeat_and_no_second_sample(tmp_path):
    put(tmp_path / "in/results_1.json", harness(FILTERS, filter_list=BOTH))
    for choice in (Choice(), Choice(filter="flexible"), Choice(filter="flexible")):
        report, (run,) = imported(tmp_path / "in", tmp_path / "out", choice=choice)
    assert report.earlier == 1
    assert sorted((score.seed, score.value) for score in run.scores) == [(-1, 0.1), (-1, 0.55)]
    assert len({score.scoring_id for score in run.scores}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "accuracy"), "metric=accuracy: is not among its metrics (exact_match)."),
        (("--filter", "none"), "filter=none: is not among its filters (strict-match, flexible)."),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(
    tmp_path, monkeypatch, capsys, options, message
):
    put(tmp_path / "in/results_1.json", harness(FILTERS, filter_list=BOTH))
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out", *options)
    status, shown, _ = command(monkeypatch, capsys, *arguments)
    assert (status, message in shown) == (1, True)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A whole Inspect log with two epochs of six samples, as JSON."""
    from inspect_ai.log import read_eval_log, write_eval_log

    path = tmp_path_factory.mktemp("log") / "log.json"
    write_eval_log(read_eval_log(str(DATA / "inspect" / "nano_sums.eval")), str(path), format="json")
    return json.loads(path.read_text())


def second_scorer(log, judged):
    """A log with a second scorer that says that every one of the first samples is right."""
    log = json.loads(json.dumps(log))
    log["results"]["scores"].append(log["results"]["scores"][0] | {"name": "all", "scorer": "all"})
    for sample in log["samples"][:judged]:
        sample["scores"]["all"] = {"value": "C"}
    return log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scorer", "judged", "metric"),
    [(None, 12, "includes"), (None, 5, "includes"), ("all", 12, "all")],
)
def test_of_two_scorers_the_one_with_the_most_verdicts(tmp_path, log, scorer, judged, metric):
    put(tmp_path / "in/log.json", second_scorer(log, judged))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out", choice=Choice(scorer=scorer))
    assert {score.imported["metric"] for score in run.scores} == {f"{metric} accuracy"}
    assert all("all (0." in note and "--scorer" in note for note in report.notes)
    assert len(report.notes) == (0 if scorer else 2)


@pytest.mark.slow
def test_the_first_scorer_is_no_better_than_one_with_more_verdicts(tmp_path, log):
    document = second_scorer(log, 12)
    document["samples"][0]["scores"]["includes"] = {"value": float("nan")}
    put(tmp_path / "in/log.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [(score.value, score.n) for score in run.scores] == [(1.0, 6), (1.0, 6)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scores": {}, "error": ERROR}, "2 ended in an error"),
        ({"scores": {"includes": {"value": float("nan")}}}, "2 unscored"),
        ({"scores": None}, "2 unscored"),
    ],
)  # fmt: skip
def test_samples_without_a_verdict_are_missing_and_not_wrong(tmp_path, log, change, reason):
    document = json.loads(json.dumps(log))
    first = [sample for sample in document["samples"] if sample["epoch"] == 1]
    for sample in first[:2]:
        sample |= change
    put(tmp_path / "in/log.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    by_epoch = {score.imported["epoch"]: score for score in run.scores}
    right = sum(sample["scores"]["includes"]["value"] == "C" for sample in first[2:])
    assert (by_epoch[1].n, by_epoch[1].value, len(by_epoch[1].ids)) == (4, right / 4, 4)
    assert by_epoch[2].n == 6
    assert report.notes == [f"log.json: n is 4 of 6 samples: {reason}, and none of these is counted"]
    for sample in first:
        sample |= change
    put(tmp_path / "in/log.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "other")
    assert [(item.task, item.reason) for item in report.skipped] == [
        ("epoch 1", f"includes judged none of its 6 samples ({reason.replace('2', '6')})")
    ]
    assert [score.imported["epoch"] for score in run.scores] == [2]


@pytest.mark.slow
def test_a_log_without_samples_says_how_many_were_scored(tmp_path, log):
    document = json.loads(json.dumps(log)) | {"samples": []}
    document["eval"]["dataset"]["samples"] = 6
    document["results"]["scores"][0]["scored_samples"] = 4
    put(tmp_path / "in/log.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert run.scores[0].n == 4
    assert "n is 4 of 6 samples" in report.notes[0]
