"""Estimates, intervals, tests and selection: by hand, and against scipy and statsmodels."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

from openrs.analysis.statistics import (
    decisions,
    differences,
    estimates,
    intervals,
    multiple_tests,
    recipes,
    selection,
)
from openrs.errors import Mistake


def coins(shape, share, seed):
    return (np.random.default_rng(seed).random(shape) < share).astype(float)


def test_pass_at_k_by_hand_and_by_counting_subsets():
    outcomes = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], float)
    assert estimates.pass_at(outcomes, 2) == pytest.approx([0.5, 0.0, 1.0])  # 1 - C(3,2)/C(4,2) = 1/2
    assert estimates.pass_at(outcomes, 1) == pytest.approx(estimates.average_at(outcomes))
    outcomes = coins((20, 6), 0.3, 1)
    for k in range(1, 7):
        counted = [np.mean([row[list(c)].max() for c in combinations(range(6), k)]) for row in outcomes]
        assert estimates.pass_at(outcomes, k) == pytest.approx(counted)
    with pytest.raises(Mistake, match="6 answers per problem were sampled"):
        estimates.pass_at(outcomes, 7)


def test_majority_by_hand():
    correct = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0]])
    answers = [["2", "2", "3"], ["2", "5", "5"], ["2", "5", "6"], [None, None, None], ["2", None, None]]
    assert estimates.majority_at(correct, answers) == pytest.approx([1, 0, 1 / 3, 0, 1])


def test_wilson_by_hand_and_as_statsmodels_has_it():
    # 14 of 30: (14/30 + z2/60 -+ z sqrt(p(1-p)/30 + z2/3600)) / (1 + z2/30), z2 = 3.8415
    assert intervals.wilson(14, 30) == pytest.approx((0.3023, 0.6386), abs=1e-4)
    for right, n in ((0, 10), (1, 30), (14, 30), (500, 500)):
        assert intervals.wilson(right, n) == pytest.approx(proportion_confint(right, n, method="wilson"))


def test_the_bootstrap_agrees_with_students_interval_and_scipys_bootstrap():
    shares = coins((200, 4), 0.4, 2).mean(axis=1)
    low, high = intervals.bootstrap(shares)
    mean, error = shares.mean(), intervals.of_shares(shares).error
    reach = stats.t.ppf(0.975, 199) * error
    assert (low, high) == pytest.approx((mean - reach, mean + reach), abs=0.003)
    scipys = stats.bootstrap((shares,), np.mean, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx((scipys.low, scipys.high), abs=0.005)
    assert intervals.bootstrap(shares) == (low, high)


def test_the_bootstraps_quantiles_by_hand():
    # n = 30: t is 2.0452, sqrt(30/29) is 1.0171, so the normal tail at 2.0802
    assert intervals.expanded(30)[0] == pytest.approx(stats.norm.cdf(-2.0802), abs=1e-5)


def test_agreeing_answers_widen_the_interval():
    ability = coins(60, 0.5, 3)
    agreeing = np.repeat(ability[:, None], 8, axis=1).mean(axis=1)
    independent = coins((60, 8), 0.5, 4).mean(axis=1)
    width = [b.high - b.low for b in map(intervals.of_shares, (agreeing, independent))]
    assert width[0] > 2 * width[1]


def test_no_cell_has_an_interval_of_no_width():
    for shares in (np.ones(30), np.zeros(30), np.array([1.0] * 29 + [0.75])):
        result = intervals.of_shares(shares)
        assert result.kind == "Wilson"
        assert result.high - result.low > 0.1
    assert intervals.of_shares(np.ones(30)).error > 0


def test_the_interval_of_a_mean_of_runs_covers_problems_and_runs_by_hand():
    # problems at 0.25 and 0.75, 50 each: variance 0.25^2 * 100 / 99 over problems, / 100; runs at 0.4, 0.5
    # and 0.6: variance 0.01, / 3; reach^2 is t(99)^2 and t(2)^2 of these. Wilson's with reach^2 / 0.25 for
    # z^2 / n: 0.5 -+ sqrt(reach^2 + (4 reach^2)^2 / 4) / (1 + 4 reach^2)
    problems = np.repeat([0.25, 0.75], 50)
    result = recipes.estimate([[problems] * 3], [0.4, 0.5, 0.6])
    square = 1.98422**2 * 0.0625 / 99 + 4.30265**2 * 0.01 / 3
    half = math.sqrt(square + (4 * square) ** 2 / 4) / (1 + 4 * square)
    assert (result.low, result.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)
    assert result.error == pytest.approx(math.sqrt(0.0625 / 99 + 0.01 / 3))
    numbers = recipes.estimate([[100 * problems] * 3], [40, 50, 60], bounded=False)
    assert numbers.high - 50 == pytest.approx(100 * math.sqrt(square), rel=1e-4)


def test_three_equal_runs_are_no_surer_of_other_problems_than_one_is():
    """Three runs of 100 problems at 55: [54.3, 55.7] was said of them, [45.2, 64.4] of each alone."""
    outcomes = [coins(100, 0.55, 3) for _ in range(3)]
    mean = float(np.mean(outcomes))
    result = recipes.estimate([outcomes], [float(run.mean()) for run in outcomes])
    assert (result.low, result.high) == pytest.approx(intervals.wilson(100 * mean, 100), abs=0.002)
    # other answers in each run: a third of the noise, and what their small number hides of it, t(2) for z
    others = [coins(100, 0.55, seed) for seed in range(3)]
    result = recipes.estimate([others], [float(run.mean()) for run in others])
    assert 0.06 < result.high - result.low < 0.25
    nothing = recipes.estimate([[np.zeros(100)] * 3], [0.0, 0.0, 0.0])
    assert (nothing.low, nothing.high) == pytest.approx(intervals.wilson(0, 100))
    # of two benchmarks: answers that change back and forth, and averages that are equal but for rounding
    swapped = [np.array([0.0, 0, 0, 1, 1, 1, 1, 1, 1, 1]), np.array([1.0, 1, 1, 0, 0, 0, 1, 1, 1, 1])]
    result = recipes.estimate([swapped, swapped], [0.7, 0.7 + 1e-16])
    low, high = intervals.wilson(7, 10)
    assert (result.low, result.high) == pytest.approx(
        [0.7 + side * (high - low) / 8**0.5 for side in (-1, 1)]
    )


def test_where_only_totals_of_runs_are_known_problems_count_as_of_one_answer():
    result = recipes.estimate([(0.5, 100)], [0.49, 0.51])
    assert result.error == pytest.approx(math.sqrt(0.25 / 99 + 0.0002 / 2))


def test_a_test_between_few_runs_keeps_its_size_however_the_variance_is_split():
    """By integration over what the runs may tell of their variance; Satterthwaite's goes up to 12.8 %."""
    middles = (np.arange(1000) + 0.5) / 1000
    for freedom in (1, 2, 4):
        estimated = stats.chi2.ppf(middles, freedom) / freedom
        for share in (0.0, 0.1, 0.3, 0.7, 1.0):
            reaches = [recipes.reach([(1 - share, 10**6), (share * x, freedom)]) for x in estimated]
            assert 2 * stats.norm.sf(reaches).mean() < 0.051


def test_an_average_of_columns_by_hand():
    result = intervals.of_average([0.2, 0.4], [0.03, 0.04])
    assert (result.low, result.high) == pytest.approx(
        (0.3 - 1.95996 * 0.025, 0.3 + 1.95996 * 0.025), abs=1e-5
    )


def test_an_average_with_an_unknown_error_has_no_bounds():
    result = intervals.of_average([0.2, 0.4], [math.inf, 0.04])
    assert (result.value, result.low, result.high) == (pytest.approx(0.3), -math.inf, math.inf)


def test_an_aggregate_of_several_answers_takes_the_stated_error():
    assert intervals.of_aggregate(0.5, 30).kind == "Wilson"
    stated = intervals.of_aggregate(0.5, 30, 16, 0.05)
    assert (stated.low, stated.kind) == (pytest.approx(0.5 - 1.95996 * 0.05), intervals.STATED)


def test_mcnemar_by_hand_and_as_statsmodels_has_it():
    assert differences.mcnemar_p(5, 1) == pytest.approx(2 * (1 + 6) / 64)
    assert differences.mcnemar_p(0, 0) == 1.0
    for gained, lost in ((5, 1), (3, 3), (0, 7), (20, 9)):
        table = [[4, gained], [lost, 9]]
        assert differences.mcnemar_p(gained, lost) == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_mcnemar_is_the_permutation_test_of_one_answer():
    first, second = coins(12, 0.4, 5), coins(12, 0.6, 6)
    result = differences.paired_once(first, second)
    scipys = stats.permutation_test(
        (first, second), lambda a, b: np.mean(b - a), permutation_type="samples", n_resamples=np.inf
    )
    assert result.p == pytest.approx(scipys.pvalue)
    assert result.effect == pytest.approx(scipys.statistic)


def test_a_paired_interval_by_hand_has_a_width_where_nothing_differs():
    # no problem differs, n = 30: 1/32 on either side, so -+ z sqrt((2/32) / 32)
    low, high = differences.bonett_price(0, 0, 30)
    assert (low, high) == pytest.approx((-0.0866, 0.0866), abs=1e-4)
    same = np.ones(30)
    result = differences.paired_once(same, same)
    assert (result.effect, result.p) == (0.0, 1.0)
    assert result.high > 0.08


def test_the_paired_bootstrap_agrees_with_the_paired_t_test():
    rng = np.random.default_rng(7)
    ability = rng.beta(2, 2, 150)
    first, second = (rng.binomial(8, np.clip(ability + gain, 0, 1)) / 8 for gain in (0, 0.04))
    result = differences.paired(first, second)
    reference = stats.ttest_rel(second, first)
    assert result.p == pytest.approx(reference.pvalue, abs=0.01)
    bounds = reference.confidence_interval()
    assert (result.low, result.high) == pytest.approx((bounds.low, bounds.high), abs=0.003)
    assert differences.paired(first, first + 0.2).p < 1e-9


def test_an_average_is_no_surer_than_its_parts_where_nothing_differs():
    same = differences.paired_once(np.ones(98), np.ones(98))
    # Bonett and Price: shares (0 + 1) / 100 either way, so an error of sqrt(0.02 / 100); of two, sqrt(2) / 2
    assert same.error == pytest.approx(math.sqrt(0.02 / 100))
    result = differences.average([same, same])
    assert (result.low, result.high) == pytest.approx((-0.0195996, 0.0195996), abs=1e-6)
    assert (result.effect, result.p) == (0, 1)
    other = differences.Difference(0.05, -0.01, 0.11, 0.1, differences.PAIRED, 0.03)
    result = differences.average([same, other])
    assert result.error == pytest.approx(math.sqrt(0.0002 + 0.0009) / 2)
    all_gained = differences.paired_once(np.zeros(98), np.ones(98))
    assert differences.average([all_gained, all_gained]).low < 1
    assert recipes.between_runs([np.zeros(98)], [np.ones(98)] * 2, False).low < 1


def test_an_average_does_not_jump_when_one_problem_changes():
    same = np.zeros(100)
    widths = []
    for changed in range(6):
        second = same.copy()
        second[:changed] = 1
        result = differences.average([differences.paired_once(same, second)] * 2)
        widths.append(result.high - result.low)
    assert widths == sorted(widths)
    assert max(np.diff(widths)) < 0.25 * widths[0]


def test_few_differing_problems_are_counted_over_all_sign_flips():
    # 0.5, 0.5, 0.25 up: all eight signs, as far from 0 only with all three alike
    assert differences.sign_flips_p(np.array([0.5, 0.5, 0.25])) == pytest.approx(2 / 8)
    first = np.zeros(20)
    second = first.copy()
    second[:3] = 0.5, 0.5, 0.25
    result = differences.paired(first, second)
    assert result.kind == differences.FLIPS
    assert result.low <= result.effect <= result.high


def test_problems_that_all_change_alike_have_a_difference():
    for first, second in ((np.zeros(30), np.ones(30)), (np.full(30, 0.25), np.full(30, 0.75))):
        result = differences.paired(first, second)
        assert result.p == 2 / 2**30  # of all assignments of signs only two are as far from 0
        assert result.effect == second[0] - first[0]
        assert result.high - result.low > 0.05
        assert result.error >= differences.least_error(30)
    several = np.tile([0.4, 0.6], 15)  # the floor is for rows that show no spread, not for steady ones
    assert differences.paired(several, several[::-1]).error < differences.least_error(30)
    longer = differences.paired(np.full(30, 100.0), np.full(30, 107.0), bounded=False)
    assert (longer.effect, longer.p) == (7.0, 2 / 2**30)
    assert differences.paired(np.ones(30), np.ones(30), bounded=False).p == 1.0


def test_one_problem_says_nothing_of_others():
    assert intervals.of_numbers(np.array([9.0])).kind == intervals.UNKNOWN
    one, two = np.zeros(1), np.ones(1)
    runs = recipes.between_runs([one], [two, two], False)
    for result in (differences.paired(one, two, bounded=False), runs):
        assert (result.low, result.high, result.p) == (-math.inf, math.inf, 1.0)
    assert differences.paired_once(one, two).error == 1.0


def test_unpaired_rows_as_statsmodels_compares_them():
    first, second = (9, 30), (14, 30)
    shares = [right / n for right, n in (first, second)]
    result = differences.unpaired(*(intervals.of_aggregate(share, 30) for share in shares), (30, 30))
    low, high = confint_proportions_2indep(14, 30, 9, 30, method="newcomb", compare="diff")
    assert (result.low, result.high) == pytest.approx((low, high))
    assert result.p == pytest.approx(proportions_ztest([14, 9], [30, 30])[1])
    assert not result.paired


def test_runs_of_two_recipes_by_hand():
    first = [np.full(4, 0.5), np.full(4, 0.7)]
    second = [np.full(4, 0.8), np.full(4, 1.0)]
    result = recipes.between_runs(first, second)
    # no spread over problems; variance 0.02 between runs on either side, so error sqrt(0.02), 2 degrees
    assert result.effect == pytest.approx(0.3)
    assert result.error == pytest.approx(math.sqrt(0.02))
    assert result.p == pytest.approx(stats.ttest_ind([0.8, 1.0], [0.5, 0.7]).pvalue)
    once = recipes.between_runs([np.full(4, 0.5)], second, first_trained=False)
    assert once.error == pytest.approx(0.1)  # the base model has no variance between runs


def test_a_recipe_of_one_run_takes_the_spread_of_others_and_says_so():
    one, several = [np.full(4, 0.5)], [np.full(4, 0.8), np.full(4, 1.0)]
    with pytest.raises(ValueError, match="no other tells the spread"):
        recipes.between_runs(one, several)
    spread = recipes.pooled([[0.8, 1.0], [0.5, 0.6, 0.7], [0.9]])
    assert (spread.variance, spread.freedom, spread.recipes) == (pytest.approx((0.02 + 2 * 0.01) / 3), 3, 2)
    result = recipes.between_runs(one, several, spread=spread)
    assert (result.kind, result.freedom) == (differences.BORROWED, 3)
    assert result.error == pytest.approx(math.sqrt(spread.variance * (1 + 1 / 2)))
    assert recipes.pooled([[0.5]]) is None


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize(
    "first",
    [
        [np.zeros(10)] * 2,  # no problem is right
        [np.arange(10) < 4] * 3,  # runs are one
        [np.roll(np.arange(10) < 4, 3 * seed) for seed in range(3)],  # runs differ, their averages do not
        [np.roll(np.arange(10) < 1, seed) for seed in range(2)],  # one problem each
    ],
)
def test_runs_that_agree_by_chance_are_no_certainty(first, columns):
    first = [run.astype(float) for run in first]
    second = [np.roll(run, 1) for run in first]
    for other, effect in (
        (first, 0.0),
        (second, 0.0),
        ([np.maximum(run, np.eye(10)[9]) for run in first], None),
    ):
        result = recipes.average_between_runs([first] * columns, [other] * columns)
        assert result.high - result.low > 0.15
        assert result.low <= 0 <= result.high
        assert result.p > 0.05
        if effect is not None:
            assert (result.effect, result.p) == (pytest.approx(effect), pytest.approx(1.0))
    estimate = recipes.estimate([first] * columns, [float(run.mean()) for run in first])
    assert estimate.high - estimate.low > 0.09


def test_an_effect_of_nothing_has_p_1_though_nothing_varies():
    assert recipes.tail(0.0, [(0.0, 3)]) == pytest.approx(1.0)
    assert decisions.decide(0.0, [(0.0, 3)]).verdict == "undecided"


def test_the_noise_of_answers_is_counted_where_equal_averages_hide_it_by_hand():
    # both runs of A right on one problem of ten, those of B on two, all different: gaps of -1/2, -1/2 and
    # four times 1/2, their mean 0.1 and variance (6 / 4 - 10 / 100) / 9
    first = [np.eye(10)[0], np.eye(10)[1]]
    second = [np.eye(10)[2] + np.eye(10)[3], np.eye(10)[4] + np.eye(10)[5]]
    result = recipes.between_runs(first, second)
    assert result.error == pytest.approx(math.sqrt(1.4 / 9 / 10))
    assert result.p == pytest.approx(2 * stats.t.sf(0.1 / result.error, 9), rel=1e-3)


def test_equal_numbers_without_bounds_have_no_interval_and_graded_shares_a_wide_one():
    tokens, graded = np.full(10, 512.0), np.full(10, 0.5)
    for result in (
        intervals.of_problems(tokens, False),
        recipes.estimate([[tokens] * 2], [512.0, 512.0], bounded=False),
        differences.paired(tokens, tokens, bounded=False),
    ):
        assert (result.low, result.high) == (-math.inf, math.inf)
    assert intervals.of_problems(graded, True, graded=True).low == pytest.approx(intervals.wilson(5, 10)[0])
    same = differences.paired(graded, graded, bounded=False, graded=True)
    assert same.high == pytest.approx(1.95996 * differences.least_error(10), abs=1e-5)
    unknown = differences.paired(tokens, tokens + 7, bounded=False)
    assert differences.average([unknown, unknown]).p == 1.0


def test_an_average_over_runs_by_hand():
    # base 0.5 everywhere; run 1 gains 0.1 and 0.1, run 2 gains 0.3 and 0.3: averages 0.1 and 0.3 apart, so a
    # variance of 0.02 between runs and an error of sqrt(0.02 / 2), which a second benchmark does not lessen
    base = [np.full(4, 0.5)]
    runs = [np.full(4, 0.6), np.full(4, 0.8)]
    result = recipes.average_between_runs([base, base], [runs, runs], first_trained=False)
    assert result.effect == pytest.approx(0.2)
    assert result.error == pytest.approx(0.1)
    parts = [recipes.between_runs(base, runs, first_trained=False)] * 2
    assert differences.average(parts).error == pytest.approx(0.1 / math.sqrt(2))  # were they independent
    # problems: gains of 1 and 0 on each of two benchmarks, variance 1/2 over 2 problems each, halved twice
    split = [np.array([0.5, 1.5])] * 2
    over = recipes.average_between_runs([[np.full(2, 0.5)]] * 2, [split] * 2, first_trained=False)
    assert over.error == pytest.approx(math.sqrt(2 * 0.25) / 2)


def test_holm_by_hand_and_as_statsmodels_has_it():
    assert multiple_tests.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    ps = list(np.random.default_rng(8).random(20) ** 3)
    assert multiple_tests.holm(ps) == pytest.approx(multipletests(ps, method="holm")[1])
    assert multiple_tests.holm([0.01], 5) == pytest.approx([0.05])
    assert multiple_tests.holm([]) == []
    # weights 2, 1, 1: 0.01 / 2 comes first with 4 / 2; then 0.02 with 2, then 0.5 with 1
    assert multiple_tests.holm([0.01, 0.02, 0.5], weights=[2, 1, 1]) == pytest.approx([0.02, 0.04, 0.5])


def test_best_of_several_by_hand():
    # two checkpoints, one problem each way: all equal, the better of two coins of 2 problems
    result = selection.of_aggregates([0.3, 0.5], 10)
    assert result.mean == pytest.approx(0.4)
    assert result.shrunken is None, "two tell nothing of their spread"
    # E max of two binomials of 10 at 0.4, by summation
    p = stats.binom(10, 0.4)
    exact = sum((1 - p.cdf(i) ** 2) for i in range(10)) / 10
    assert result.expected == pytest.approx(exact)
    assert result.p_best == pytest.approx(1 - p.cdf(4) ** 2)
    # spread 0.02 among four, noise 0.4 * 0.6 / 10 = 0.024 of which a third counts: 0.6 stays
    four = selection.of_aggregates([0.4 - 0.15, 0.4 + 0.15, 0.4 + 0.0866025, 0.4 - 0.0866025], 10)
    assert four.shrunken == pytest.approx(0.4 + (1 - 0.024 / 3 / 0.02) * 0.15)
    table = [[3, 5], [7, 5]]
    assert result.p_equal == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_the_papers_best_of_twenty_one_is_what_noise_would_give():
    # FACTS: over 21 checkpoints AIME24 has mean 30.0 and standard deviation 6.75, the best is 46.7
    right = [14, 12, *[11] * 3, *[10] * 2, *[9] * 5, *[8] * 4, *[7] * 3, *[6] * 2]
    assert (len(right), sum(right)) == (21, 189)
    result = selection.of_aggregates([count / 30 for count in right], 30)
    assert (result.mean, result.expected) == (pytest.approx(0.3), pytest.approx(0.463, abs=5e-4))
    assert result.shrunken == pytest.approx(0.3), "their spread is below the noise of 8.4"
    assert result.p_best == pytest.approx(1 - stats.binom(30, 0.3).cdf(13) ** 21)
    assert (result.p_best, result.p_equal) == (pytest.approx(0.58, abs=5e-3), pytest.approx(0.88, abs=5e-3))


@pytest.mark.parametrize("freedom", [1, 2, 3, 8, 19])
def test_the_tail_of_chi_square_is_scipys(freedom):
    for statistic in (0.0, 1e-9, 0.5, 3.84, 20.0, 900.0):
        assert selection._tail(statistic, freedom) == pytest.approx(
            stats.chi2.sf(statistic, freedom), abs=1e-14
        )


def test_cochrans_q_by_hand():
    # rights 3, 1 and 2 of 4 problems with 2, 2, 1, 1: Q = 2 (3 * 14 - 36) / (3 * 6 - 10) = 1.5; exp(-Q / 2)
    outcomes = np.array([[1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 1]], float)
    assert selection.of_shares(outcomes, binary=True).p_equal == pytest.approx(math.exp(-0.75))


def test_outcomes_make_the_choice_a_paired_one():
    outcomes = coins((60, 5), 0.5, 10)
    result = selection.of_shares(outcomes, binary=True)
    assert result.p_equal == pytest.approx(cochrans_q(outcomes).pvalue)
    assert result.test == "Cochran's Q"
    shares = coins((60, 5, 4), 0.5, 11).mean(axis=2)
    several = selection.of_shares(shares, binary=False)
    assert several.test == "permutation"
    assert several.expected > several.mean
    real = outcomes * 0
    real[:50, 2] = 1
    assert selection.of_shares(real, binary=True).p_best < 0.001
    assert selection.of_shares(real * 0, binary=True).p_equal == 1.0


@pytest.mark.parametrize("answers", [1, 3])
def test_the_best_of_too_many_to_draw_is_the_best_of_the_drawn_ones(monkeypatch, answers):
    shares = coins((60, 40, answers), 0.4, 12).mean(axis=2)
    drawn = selection.of_shares(shares, binary=answers == 1)
    monkeypatch.setattr(selection, "SHUFFLED", 0)
    summed = selection.of_shares(shares, binary=answers == 1)
    assert summed.test == "Cochran's Q"
    assert summed.expected == pytest.approx(drawn.expected, abs=0.003)
    assert summed.p_best == pytest.approx(drawn.p_best, abs=0.04)
    assert summed.p_equal == pytest.approx(drawn.p_equal, abs=0.02)
    assert (summed.best, summed.shrunken) == (drawn.best, drawn.shrunken)
