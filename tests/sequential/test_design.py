"""Boundaries against published ones, and what a design promises against simulated walks."""

import numpy as np
import pytest

from openrs.sequential.design import Design

EVEN = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize(
    ("information", "published"),
    [
        (EVEN, (4.877, 3.357, 2.680, 2.290, 2.031)),  # Jennison and Turnbull 2000, chapter 7
        ((0.5, 1.0), (2.963, 1.969)),
        ((1.0,), (1.960,)),
    ],
)
def test_boundaries_are_the_published_ones(information, published):
    assert Design(information).boundaries == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize("futility", [None, 0.2])
@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_power_and_share_are_those_of_simulated_walks(drift, futility):
    information = (0.19, 0.45, 0.6, 1.0)
    design = Design(information, futility=futility)
    steps, draws = np.diff((0.0, *information)), 200_000
    walk = np.random.default_rng(3).normal(drift * steps, np.sqrt(steps), (draws, 4)).cumsum(axis=1)
    scores = np.abs(walk / np.sqrt(information))
    decided, futile = scores >= design.boundaries, scores < design.inner
    ends = decided | futile
    ends[:, -1] = True
    last = ends.argmax(axis=1)
    power, share = design.outcome(drift)
    assert decided[np.arange(draws), last].mean() == pytest.approx(power, abs=0.004)
    assert np.take(information, last).mean() == pytest.approx(share, abs=0.002)


def test_without_futility_all_of_the_level_is_spent_and_futility_spends_less():
    assert Design(EVEN).outcome(0.0)[0] == pytest.approx(0.05, abs=1e-6)
    assert Design(EVEN, futility=0.3).outcome(0.0)[0] < 0.05


@pytest.mark.parametrize("look", range(5))
def test_the_repeated_p_is_the_level_at_the_boundary(look):
    design = Design(EVEN)
    assert design.repeated_p(design.boundaries[look], look) == pytest.approx(0.05, abs=1e-5)
    assert design.repeated_p(-9.0, look) < 0.001
    assert design.repeated_p(0.1, look) > 0.9
