"""The verdicts of each kind of filter, a judge's from answers as models give them."""

import json
from pathlib import Path

import pytest

from openrs.config.curation import Filter
from openrs.curate import filters
from openrs.engines import Completion

RECORDED = Path(__file__).parents[1] / "data" / "judge_answers.jsonl"
ROW = {"id": "a", "problem": "What is {answer}+1?", "solution": "$\\boxed{2}$", "worked": "so \\boxed{2}"}


@pytest.mark.parametrize("line", RECORDED.read_text().splitlines())
def test_a_judges_answer_is_read_by_its_last_line(line):
    recorded = json.loads(line)
    verdict = filters.judged(Completion([], False, recorded["text"]))
    assert (verdict.kept, verdict.reason, verdict.details["judge"]) == (
        recorded["kept"], recorded["reason"], recorded["judge"],
    )  # fmt: skip


def test_a_prompt_shows_the_row_and_nothing_of_a_row_is_taken_for_a_name():
    item = Filter(kind="judge", prompt="{problem} | {answer} | {solution}")
    assert filters.question(item, "Solve", ROW) == "What is {answer}+1? | 2 | so \\boxed{2}"
    assert filters.question(Filter(kind="pass_rate"), "Solve", ROW) == "Solve\n\nWhat is {answer}+1?"


@pytest.mark.parametrize(
    ("solved", "band", "kept", "reason"),
    [
        (0, {"rate_above": 0}, False, "pass rate not above 0"),
        (1, {"rate_above": 0}, True, "pass rate in the band"),
        (4, {"rate_at_most": 0.75}, False, "pass rate above 0.75"),
        (3, {"rate_above": 0, "rate_at_most": 0.75}, True, "pass rate in the band"),
    ],
)
def test_a_pass_rate_has_its_interval_and_its_band(solved, band, kept, reason):
    right, wrong = Completion([], False, "It is $\\boxed{2}$."), Completion([], True, "no idea")
    answers = [right] * solved + [wrong] * (4 - solved)
    (verdict,) = filters.pass_rate(Filter(kind="pass_rate", samples=4, **band), [ROW], {"a": answers})
    assert (verdict.kept, verdict.reason) == (kept, reason)
    interval = {0: (0.0, 0.4899), 1: (0.0456, 0.6994), 3: (0.3006, 0.9544), 4: (0.5101, 1.0)}[solved]
    assert (verdict.details["low"], verdict.details["high"]) == interval
    counts = [verdict.details[name] for name in ("solved", "samples", "rate", "truncated")]
    assert counts == [solved, 4, solved / 4, 4 - solved]


def test_rules_look_at_the_row_alone():
    several = ROW | {"problem": "(a) Find x. (b) Find y."}
    assert not filters.single_part(several).kept
    assert filters.single_part(ROW).kept
    assert filters.boxed(ROW).kept
    assert [filters.boxed(ROW | {"worked": worked}).reason for worked in ("so 2", None)] == [
        "no boxed answer", "no worked solution",
    ]  # fmt: skip
