"""Scores that are not right or wrong: means with Student's t, never a count of right answers."""

import pytest

from openrs.analysis import cells
from openrs.analysis.statistics import differences, intervals
from openrs.records import faults, scores
from openrs.records.files import read_record
from openrs.records.scores import ScoreAddress


def graded(values, seed=1):
    n = len(values)
    columns = {"ids": [f"p{i}" for i in range(n)], "correct": values, "tokens": [3] * n, "truncated": [0] * n}
    return scores.score(
        ScoreAddress(0, "rouge", "a" * 64, "b" * 64, seed), title="rouge",
        columns=columns | {"timed_out": [0] * n}, seconds=1, settings={}, versions={},
    )  # fmt: skip


def test_a_graded_score_keeps_its_shares_and_states_no_right_answers(tmp_path):
    score = graded([0.25, 0.75, 1, 0.5])
    assert (score.value, score.correct, score.graded) == (0.625, [], [0.25, 0.75, 1, 0.5])
    assert score.stderr == pytest.approx(0.1614, abs=1e-4)
    scores.write(tmp_path, score)
    assert scores.read(score.address.path(tmp_path)) == score
    record = read_record(score.address.path(tmp_path))
    assert "one share from 0 to 1" in faults.of_score(record | {"graded": [0.25, 0.75, 2, 0.5]})
    assert "contradicts its outcomes" in faults.of_score(record | {"value": 0.5})
    assert graded([1.0, 0.0]).correct == [1, 0]


def test_its_interval_is_students_and_its_differences_no_mcnemars():
    first = cells.measure([graded([0.25, 0.75, 1.0, 0.5, 0.5])])
    assert first.estimate.kind == intervals.GRADED
    assert first.estimate.low == pytest.approx(0.6 - 2.7764 * first.estimate.error, abs=1e-4)
    second = cells.measure([graded([0.5, 0.75, 1.0, 0.25, 1.0])])
    gap = cells.difference(first, second)
    assert gap.effect == pytest.approx(0.1)
    assert gap.kind != differences.MCNEMAR
    assert not first.once
    assert cells.measure([graded([0.25, 0.75])], cells.metric("pass@1")) is None
    assert cells.measure([graded([0.25, 0.75], 1), graded([1, 0], 2)]).shares.tolist() == [0.625, 0.375]
