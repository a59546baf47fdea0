"""The report's warning where a reward rose and the scores did not."""

import json

import numpy as np
import pytest

from openrs.analysis import run_records
from openrs.analysis.report import unmatched
from openrs.analysis.rows import result_rows
from openrs.analysis.run_records import evaluations
from tests.helpers.run_folders import TITLES, make_run

BASE = 0.38
DRAW = np.random.default_rng(5)
EASE = {name: DRAW.uniform(-0.3, 0.3, 100) for name in TITLES}


def outcomes(level, draw):
    """A benchmark's outcomes at a level of skill: some problems are easier than others for every run."""
    return {name: [[int(right) for right in draw.random(100) < level + ease]] for name, ease in EASE.items()}


def curve(first, last, steps, draw):
    """Logged rewards of a training: they rise and settle, with the noise of twelve problems a step."""
    way = 1 - np.exp(-4 * np.arange(steps) / steps)
    return list(first + (last - first) * way / way[-1] + draw.normal(0, 0.15, steps))


def train(outputs, name, rewards, level, draw, step=100):
    folder = make_run(outputs, name, {step: outcomes(level, draw)}, prefix="nano-", report_step=step)
    (folder / "train").mkdir()
    lines = (json.dumps({"step": i + 1, "reward": reward}) for i, reward in enumerate(rewards))
    (folder / "train" / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def warned(outputs):
    runs = run_records.load_all(outputs)
    return unmatched.of_rows(result_rows([item for run in runs for item in evaluations(run)]))


@pytest.fixture
def outputs(tmp_path):
    draw = np.random.default_rng(0)
    make_run(tmp_path, "base", {0: outcomes(BASE, draw)}, prefix="nano-", report_step=0)
    return tmp_path


def test_a_reward_that_pays_for_a_word_is_flagged(outputs):
    draw = np.random.default_rng(1)
    train(outputs, "word", curve(1.1, 2.9, 50, draw), BASE, draw, step=50)
    train(outputs, "exp2", curve(1.1, 2.2, 50, draw), BASE + 0.12, draw, step=50)
    (text,) = warned(outputs)
    assert text.startswith("Reward without score: in 1 of 2 runs the training reward rose and the average")
    assert "(word: reward 1." in text
    assert "points by step 50)" in text


def test_twenty_ordinary_runs_raise_at_most_one_alarm(outputs):
    """Gains and rewards as runs of the built-in world had them: whole, half, and a tenth of the rate."""
    draw = np.random.default_rng(2)
    for number in range(20):
        gain, steps = [(0.155, 100), (0.091, 50), (0.019, 100)][number % 3]
        rewards = curve(1.3, 1.3 + 3 * gain, steps, draw)
        train(outputs, f"run{number}", rewards, BASE + draw.normal(gain, 0.011), draw, steps)
    texts = warned(outputs)
    assert not texts or texts[0].startswith("Reward without score: in 1 of 20 runs")


@pytest.mark.parametrize(
    ("rewards", "rises"),
    [
        ([1.0, 1.1] * 5 + [2.0, 2.1] * 5, True),
        ([2.0, 2.1] * 5 + [1.0, 1.1] * 5, False),
        ([1.0, 2.0] * 5 + [1.1, 2.1] * 5, False),
        ([1.0] * 4 + [2.0] * 4, False),
        ([1.0] * 20, False),
    ],
    ids=["rises", "falls", "noise", "few steps", "flat"],
)
def test_a_reward_rises_beyond_the_noise_of_its_steps_or_not(rewards, rises):
    assert (unmatched.rise(rewards) is not None) == rises


def test_a_benchmark_of_few_problems_shows_nothing_either_way(tmp_path):
    draw = np.random.default_rng(3)
    for name, step in (("base", 0), ("word", 50)):
        few = {"aime24": [[1] * 10 + [0] * 20]} if step == 0 else {"aime24": [[0] * 10 + [1] * 10 + [0] * 10]}
        folder = make_run(tmp_path, name, {step: few}, report_step=step)
        (folder / "train").mkdir()
        lines = (json.dumps({"step": i + 1, "reward": r}) for i, r in enumerate(curve(1, 3, 50, draw)))
        (folder / "train" / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert warned(tmp_path) == []
