"""What a planned sweep could show, from the noise of earlier runs or a stated one."""

import math

import numpy as np
import pytest

from openrs.analysis import planned, run_records
from openrs.analysis.statistics import power
from tests.helpers.run_folders import make_run

ARMS = {"reward=a": 3, "reward=b": 3, "reward=c": 3}


def right(count, n=200):
    return [[1] * count + [0] * (n - count)]


def test_without_several_runs_of_a_recipe_there_is_a_stated_spread_or_none():
    (line,) = planned.lines([], ARMS, 2.0, None)
    assert line == "not known: no recipe in outputs has runs that differ. State a spread with spread=POINTS"
    told = planned.lines([], ARMS, 2.0, 1.0)
    assert told[0] == "runs of a recipe vary by 1.0 points, as stated"
    least = power.over_runs(0.0, 0.01 * math.sqrt(2 / 3), 2, 4)
    assert f"2 arms (3 runs) against reward=a (3): a true difference of {100 * least:.1f} points" in told[2]
    # standard errors of sqrt(2 / n), n - 1 each: 2 / sqrt(2 / 5) is 3.2 of them with 8 degrees of freedom
    assert told[3].startswith("detect=2: power ")
    assert told[3].endswith("6 runs of each arm have power 0.8")
    assert planned.lines([], {"reward=a": 3}, None, 1.0) == []


def test_the_noise_is_that_of_earlier_runs(tmp_path):
    for name, first in (("exp2", 100), ("exp3", 104)):
        for seed in (1, 2, 3):
            make_run(tmp_path, name, {10: {"amc23": right(first + 2 * seed)}}, {"seed": seed, "of": name})
    told = planned.lines(run_records.load_all(tmp_path), ARMS, None, None)
    assert told[0] == "runs of a recipe vary by 1.0 points, as 2 earlier recipes had (AMC23)"
    assert len(told) == 2
    more = planned.lines(run_records.load_all(tmp_path), dict.fromkeys(ARMS, 8), None, None)
    least = [float(text[-1].split("difference of ")[1].split(" points")[0]) for text in (told, more)]
    assert least[1] < least[0]


def test_runs_that_agree_tell_no_spread(tmp_path):
    for seed in (1, 2):
        make_run(tmp_path, "exp2", {10: {"amc23": right(100)}}, {"seed": seed})
    (line,) = planned.lines(run_records.load_all(tmp_path), ARMS, 2.0, None)
    assert line.startswith("not known: no recipe in outputs has runs that differ")


def test_the_power_that_is_told_is_that_of_the_test():
    """Two arms of three runs whose averages vary by one point, three points apart, and no other noise."""
    rng = np.random.default_rng(3)
    told = planned.lines([], {"a": 3, "b": 3}, 3.0, 1.0)[-1]
    first, second = (rng.normal(more, 1.0, (4000, 3)) for more in (0.0, 3.0))
    pooled = (first.var(axis=1, ddof=1) + second.var(axis=1, ddof=1)) / 2
    found = np.mean(np.abs(second.mean(axis=1) - first.mean(axis=1)) > 2.7764 * np.sqrt(pooled * 2 / 3))
    assert float(told.split("power ")[1].split(";")[0]) == pytest.approx(found, abs=0.03)
