"""Choosing a checkpoint: what is shown, and what the choice is said to be worth."""

import pytest

from openrs.analysis import run_records
from openrs.analysis.tables import table1
from openrs.analysis.tables.selection import CheckpointSelection
from openrs.errors import Mistake
from tests.helpers.run_folders import imported_run, make_run


def right(count, n=40):
    return [[1] * count + [0] * (n - count)]


@pytest.fixture
def runs(tmp_path):
    steps = {10: (20, 10), 20: (26, 12), 30: (22, 14)}
    scores = {step: {"aime24": right(a), "amc23": right(b)} for step, (a, b) in steps.items()}
    make_run(tmp_path, "exp1", scores)
    make_run(tmp_path, "base", {0: {"aime24": right(9), "amc23": right(9)}}, report_step=0)
    return run_records.load_all(tmp_path)


def shown(runs, *choice):
    table = table1.everything(runs, table1.Options(selection=CheckpointSelection(*choice)))[0]
    return table.columns, [label for label, _ in table.rows], "\n".join(table.caption)


def test_last_and_a_step_are_chosen_whatever_their_score(runs):
    columns, labels, text = shown(runs, "last")
    assert labels == ["the base", "exp1, step 30, last"]
    assert columns == ("AIME24", "AMC23", "Avg.")
    assert "whatever its score" in text
    assert shown(runs, "step=20")[1] == ["the base", "exp1, step 20"]


def test_the_best_is_chosen_on_one_benchmark_and_reported_on_the_others(runs):
    columns, labels, text = shown(runs, "best", "aime24")
    assert labels == ["the base", "exp1, step 20"]
    assert columns == ("AMC23", "Avg.")
    assert "Each run shows its best checkpoint on AIME24. AIME24 is not shown" in text
    assert "best of 3 on AIME24 with 65.0 (their mean: 56.7)" in text
    assert "Cochran's Q" in text
    assert "Shrunken" not in text, "of three"


def test_a_benchmark_is_known_by_its_name_in_the_configuration(tmp_path):
    make_run(tmp_path, "exp1", {10: {"math_500": right(9), "amc23": right(9)}}, prefix="nano-")
    assert shown(run_records.load_all(tmp_path), "last", None, ("math_500",))[0] == ("nano-MATH-500", "Avg.")


def test_selection_on_what_is_reported_is_marked(runs):
    columns, _, text = shown(runs, "best", "AIME24", ("all",))
    assert columns == ("AIME24", "AMC23", "Avg.")
    assert "SELECTED ON WHAT IS REPORTED" in text


def test_a_choice_by_totals_alone_says_that_it_is_careful(runs):
    run = imported_run("exp1", {step: {"AIME24": 0.3 + step / 100, "AMC23": 0.6} for step in (10, 20)})
    text = shown([run], "best", "AIME24")[2]
    assert "(chi-square)" in text
    assert text.count("the noise is that of independent draws of problems") == 1
    assert "independent draws" not in shown(runs, "best", "AIME24")[2]


def test_runs_of_one_recipe_have_one_mean_over_their_chosen_checkpoints(tmp_path):
    for seed, best in ((1, 10), (2, 20)):
        scores = {step: {"aime24": right(20 + 9 * (step == best)), "amc23": right(step)} for step in (10, 20)}
        make_run(tmp_path, "exp1", scores, {"seed": seed})
    _, labels, text = shown(run_records.load_all(tmp_path), "best", "aime24")
    assert labels == ["exp1, step 10/20, mean of 2 training runs"]
    assert "exp1 (seed=1): step 10 is the best of 2" in text
    assert "exp1 (seed=2): step 20 is the best of 2" in text


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (("newest",), "is not last, best or step=N"),
        (("best",), "needs the benchmark that decides"),
        (("last", "AIME24"), "the other rules take none"),
        (("best", "GSM8K"), "by=GSM8K: no score of this benchmark. Give .* AIME24, AMC23"),
        (("step=99",), "no run has such a checkpoint"),
    ],
)
def test_a_choice_that_cannot_be_made_is_said(runs, choice, message):
    with pytest.raises(Mistake, match=message):
        shown(runs, *choice)
