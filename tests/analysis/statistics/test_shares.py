"""Shares of a gain: Fieller's interval, by hand and by drawing."""

import numpy as np
import pytest
from scipy import stats

from openrs.analysis.statistics.recipes import Spread
from openrs.analysis.statistics.shares import ShareQuestion, share_of_gain


def test_fiellers_interval_by_hand():
    draw = np.random.default_rng(1)
    base, whole, part = (draw.random(400) + gain for gain in (0.0, 0.5, 0.2))
    share = share_of_gain(ShareQuestion([[base]], [[whole]], [[part]], None))
    x, y = part - base, whole - base
    covariance, t = np.cov(x, y) / 400, stats.t.ppf(0.975, 399)
    g = t**2 * covariance[1, 1] / y.mean() ** 2
    ratio = x.mean() / y.mean()
    middle = ratio - g * covariance[0, 1] / covariance[1, 1]
    spread = covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1]
    spread -= g * (covariance[0, 0] - covariance[0, 1] ** 2 / covariance[1, 1])
    half = t / y.mean() * np.sqrt(spread)
    assert share.value == pytest.approx(ratio)
    ends = ((middle - half) / (1 - g), (middle + half) / (1 - g))
    assert (share.low, share.high) == pytest.approx(ends, abs=2e-4)


def test_of_a_gain_within_noise_no_share_is_known():
    draw = np.random.default_rng(1)
    base, same, part = ([(draw.random(50) < 0.5).astype(float)] for _ in range(3))
    assert share_of_gain(ShareQuestion([base], [same], [part], None)) is None
    worse = [np.zeros(50)]
    assert share_of_gain(ShareQuestion([base], [worse], [part], None)) is None
    assert share_of_gain(ShareQuestion([[np.zeros(1)]], [[np.ones(1)]], [[np.ones(1)]], None)) is None


@pytest.mark.parametrize("true", [-0.5, 0.0, 0.8, 1.0])
def test_the_interval_covers_the_share_over_problems_and_training_seeds(true):
    """With 5 % misses, more than 17 of 200 draws miss in one of a hundred such tests."""
    draw = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        ease = draw.uniform(-0.1, 0.1, 200)
        levels = {"base": 0.3, "whole": 0.6, "part": 0.3 + 0.3 * true}
        runs = {
            name: [
                (draw.random(200) < level + ease + draw.normal(0, 0.02)).astype(float)
                for _ in range(1 if name == "base" else 3)
            ]
            for name, level in levels.items()
        }
        averages = [[run.mean() for run in runs[name]] for name in ("whole", "part")]
        spread = Spread(float(np.mean([np.var(item, ddof=1) for item in averages])), 4, 2)
        arms = ShareQuestion([runs["base"]], [runs["whole"]], [runs["part"]], spread)
        effect, half = arms.contrast(1.0, -true)
        covered += abs(effect) <= half
    assert covered > 182
