"""The smallest difference that could have been shown: by hand, by counting and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import power_proportions_2indep

from openrs.analysis.statistics import differences, intervals, power, recipes


def test_power_by_hand_and_as_statsmodels_has_it():
    assert power.from_error(0.1) == pytest.approx(0.1 * (1.959964 + 0.841621), rel=1e-5)
    for runs in (3, 4, 9):  # an effect of one standard deviation, found with so many runs
        expected = TTestPower().solve_power(nobs=runs, alpha=0.05, power=0.8)
        assert power.from_error(1 / runs**0.5, runs - 1) == pytest.approx(expected, rel=1e-4)
    assert power.unpaired(0.8, 30) == pytest.approx(power.unpaired(0.2, 30))
    assert power.unpaired(0.5, 2) == math.inf
    assert power_proportions_2indep(power.unpaired(0.3, 2000), 0.3, 2000).power == pytest.approx(
        0.8, abs=1e-4
    )
    assert power.unpaired(0.3, 1000) == pytest.approx(power.unpaired(0.3, 1001), abs=0.001)
    significant = [differences.mcnemar_p(changed, 0) < 0.05 for changed in range(9)]
    assert significant.index(True) == power.LEAST_CHANGED


def test_the_power_of_mcnemars_test_by_hand_and_by_counting_outcomes():
    # all of 6 problems change one way with chance g^6, which is all that has a p below 5 %: 0.8^(1/6)
    assert power.paired_once(6, 0.0) == pytest.approx(0.8 ** (1 / 6), abs=1e-6)
    assert power.paired_once(5, 0.3) == math.inf
    n, changed, gain = 30, 0.3, 0.2
    chances = ((changed + gain) / 2, (changed - gain) / 2, 1 - changed)
    counted = sum(
        stats.multinomial.pmf((up, down, n - up - down), n, chances)
        for up in range(n + 1)
        for down in range(n + 1 - up)
        if differences.mcnemar_p(up, down) < 0.05
    )
    assert power.mcnemar(n, changed, gain) == pytest.approx(counted)


def test_the_smallest_difference_is_found_with_power_080_by_the_test_used():
    rng, n = np.random.default_rng(12), 30
    for churn in (0.1, 0.3):
        gain = power.paired_once(n, churn)
        drawn = rng.multinomial(n, (churn / 2 + gain, churn / 2, 1 - churn - gain), size=4000)
        result = [differences.mcnemar_p(up, down) < 0.05 for up, down, _ in drawn.tolist()]
        assert np.mean(result) == pytest.approx(0.8, abs=0.02)
    for share in (0.05, 0.3):
        gain = power.unpaired(share, n)
        result = proportions_p(rng.binomial(n, share, 4000), rng.binomial(n, share + gain, 4000), n) < 0.05
        assert result.mean() == pytest.approx(0.8, abs=0.02)


def test_the_power_between_runs_is_that_of_students_test_where_problems_make_no_error():
    for runs in (2, 3, 6):
        alone = power.over_runs(0.0, 0.1, 200, runs - 1)
        assert alone == pytest.approx(power.from_error(0.1, runs - 1), rel=1e-4)
    without = power.over_runs(0.1, 1e-9, 10**6, 1)
    assert without == pytest.approx(power.from_error(0.1), rel=1e-3)


@pytest.mark.slow
def test_two_runs_against_the_base_reach_the_power():
    rng = np.random.default_rng(13)

    def result(gain):
        ability = rng.beta(1, 1, 200) * 0.3 + 0.15
        runs = [rng.binomial(4, np.clip(ability + gain + rng.normal(0, 0.03), 0, 1)) / 4 for _ in range(2)]
        return recipes.between_runs([rng.binomial(4, ability) / 4], runs, first_trained=False)

    equal = [result(0.0) for _ in range(1000)]
    between = np.mean([item.error_between_runs**2 for item in equal])
    problems = np.mean([item.error**2 for item in equal]) - between
    gain = power.over_runs(np.sqrt(problems), np.sqrt(between), 200, equal[0].freedom)
    assert np.mean([result(gain).p < 0.05 for _ in range(1000)]) == pytest.approx(0.8, abs=0.04)


def proportions_p(first, second, n):
    """p of `differences.unpaired` for counts of n."""
    return np.array([
        differences.unpaired(*(intervals.MeanEstimate(x / n, 0, 1, 0.1, "") for x in (a, b)), (n, n)).p
        for a, b in zip(first, second, strict=True)
    ])  # fmt: skip


def test_the_error_grows_with_a_difference_that_problems_have_room_for():
    shares = np.array([0.0, 0.25, 0.5, 0.75, 1.0] * 20)
    plain = power.from_error(0.03, 99)
    few, many = (power.paired_several(shares, k, 0.03, 99) for k in (2, 1000))
    assert plain < many < few, "answers that begin to vary add more the fewer there are"
    assert power.paired_several(1 - shares, 2, 0.03, 99) == pytest.approx(few)
    even = np.full(100, 0.5)  # the same room on all problems, and endless answers: nothing is added
    assert power.paired_several(even, 10**9, 0.03, 99) == pytest.approx(plain, rel=1e-3)
