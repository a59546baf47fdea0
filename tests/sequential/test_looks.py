"""Looks are fixed parts of the problems."""

import pytest

from openrs.sequential.looks import information, parts


@pytest.mark.parametrize(("n", "looks"), [(500, 5), (30, 5), (8, 5), (7, 3), (5, 5), (40, 1)])
def test_looks_share_no_problem_and_hold_all(n, looks):
    ids = [f"{number:016x}" for number in range(n)]
    found = parts(ids, looks)
    assert sorted(place for part in found for place in part) == list(range(n))
    sizes = [len(part) for part in found]
    assert max(sizes) - min(sizes) <= 1
    assert all(part == sorted(part) for part in found)
    shares = information([n], looks)
    assert shares == pytest.approx([sum(sizes[: look + 1]) / n for look in range(looks)])


def test_a_look_follows_from_the_problems_and_not_from_their_order():
    ids = [f"{number:016x}" for number in range(30)]
    named = [{ids[place] for place in part} for part in parts(ids, 5)]
    assert named == [{ids[::-1][place] for place in part} for part in parts(ids[::-1], 5)]


def test_information_is_that_of_the_average_over_benchmarks():
    assert information([30, 500], 5) == pytest.approx((0.2, 0.4, 0.6, 0.8, 1.0))
    # thirds of 8 are 3, 5 and 8 problems
    assert information([8, 30], 3)[0] == pytest.approx((1 / 8 + 1 / 30) / (1 / 3 + 1 / 10))
