"""A comparison ends where its boundary is crossed, and its interval says the same."""

import numpy as np
import pytest

from openrs.sequential.comparison import compare, mean_gap
from openrs.sequential.design import Design

DESIGN = Design((0.2, 0.4, 0.6, 0.8, 1.0))


def gaps(up, down, n):
    return np.array([1.0] * up + [-1.0] * down + [0.0] * (n - up - down))


def test_the_score_is_mcnemars_and_benchmarks_count_alike():
    effect, error = mean_gap([gaps(35, 9, 100)])
    assert effect == pytest.approx(0.26)
    assert effect / error == pytest.approx((35 - 9) / 44**0.5)
    effect, error = mean_gap([gaps(35, 9, 100), gaps(0, 0, 30)])
    assert effect == pytest.approx(0.13)
    assert error == pytest.approx((44 / 100**2 + 2 / 32**2) ** 0.5 / 2)


@pytest.mark.parametrize(
    ("up", "down", "look", "verdict"),
    [
        (35, 9, 1, None),
        (40, 9, 1, None),  # beyond 1.96, and not beyond 4.877
        (70, 18, 2, "better"),
        (18, 70, 2, "worse"),
        (30, 30, 5, "undecided"),
        (44, 27, 5, "undecided"),  # 2.02: the fixed test would have called it better
        (45, 27, 5, "better"),
    ],
)
def test_a_comparison_ends_where_its_boundary_is_crossed(up, down, look, verdict):
    found = compare([gaps(up, down, 100 * look)], look, DESIGN)
    assert found.verdict == verdict
    decided = verdict in ("better", "worse")
    assert (found.low > 0 or found.high < 0) == decided


def test_futility_ends_a_comparison_that_goes_nowhere():
    design = Design(DESIGN.information, futility=0.2)
    assert compare([gaps(40, 40, 400)], 4, design).verdict == "futile"
    assert compare([gaps(40, 40, 400)], 4, DESIGN).verdict is None
    assert compare([gaps(40, 40, 500)], 5, design).verdict == "undecided"
