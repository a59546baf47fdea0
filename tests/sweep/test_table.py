"""The comparison table: levels, replicates, paired differences."""

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from openrs.scores import Cell, score, write
from openrs.sweep import table
from openrs.sweep.tasks import RECORD


def trial(folder, reward, seed, correct, run):
    cell = Cell(10, "aime24", "settings", "scoring", 1)
    size = len(correct)
    columns = {name: [0] * size for name in ("tokens", "truncated", "timed_out")}
    columns |= {"ids": [f"p{i}" for i in range(size)], "correct": correct}
    write(
        folder / run,
        cell,
        score(cell, title="AIME24", columns=columns, seconds=1.0, settings={}, versions={}),
    )
    return create_trial(
        params={"reward": reward, "seed": seed},
        distributions={
            "reward": CategoricalDistribution(["accuracy", "cosine"]),
            "seed": CategoricalDistribution([1, 2]),
        },
        value=100 * sum(correct) / size,
        user_attrs={RECORD: {"run": run, "scores": [str(cell.path(folder / run))]}},
    )


@pytest.fixture
def trials(tmp_path):
    half, most = [1, 0] * 20, [1, 1, 1, 0] * 10
    return [
        trial(tmp_path, "accuracy", 1, half, "a"),
        trial(tmp_path, "accuracy", 2, half, "b"),
        trial(tmp_path, "cosine", 1, most, "c"),
        trial(tmp_path, "cosine", 1, most, "c"),  # the same run again
    ]


def test_seeds_are_replicates_and_a_repeated_run_counts_once(trials):
    made = table.compare(trials, ["average"], ["maximize"])
    assert made.columns == ("", "runs", "average", "AIME24", "Avg.", "Difference to the first")
    first, second = made.rows
    assert first == ("reward=accuracy", "2", "50 (50 to 50)", "50.0", "50.0", "baseline")
    assert second[:5] == ("reward=cosine", "1", "75", "75.0", "75.0")
    assert second[5].startswith("+25.0 [+1"), "each pair differs by 1 with probability a quarter: 12 to 38"
    assert second[5].endswith("*"), "ten problems of forty went right that had gone wrong"
    assert "training seeds" in " ".join(made.caption)


def test_the_interval_is_paired_and_shrinks_with_agreement():
    generator = np.random.default_rng(1)
    base = (generator.random((1, 400)) < 0.5).astype(float)
    better = np.maximum(base, (generator.random((1, 400)) < 0.1).astype(float))
    unpaired = (generator.random((1, 400)) < better.mean()).astype(float)
    _, low, high = table.difference({"x": better}, {"x": base})
    _, wide_low, wide_high = table.difference({"x": unpaired}, {"x": base})
    assert high - low < (wide_high - wide_low) / 2
    assert low > 0


def test_the_interval_covers_the_true_difference():
    generator, hits = np.random.default_rng(2), 0
    for number in range(200):
        one = (generator.random((1, 100)) < 0.6).astype(float)
        other = (generator.random((1, 100)) < 0.5).astype(float)
        _, low, high = table.difference({"x": one}, {"x": other}, resamples=500, seed=number)
        hits += low <= 10 <= high
    assert hits >= 180, "nominal: 190 of 200"


def test_a_missing_score_is_a_blank(trials, tmp_path):
    lost = trials[2].user_attrs[RECORD] | {"scores": [str(tmp_path / "nowhere.json")]}
    trials[2].set_user_attr(RECORD, lost)
    made = table.compare(trials[:3], ["average"], ["maximize"])
    assert made.rows[1] == ("reward=cosine", "1", "75", "–", "–", "–")


def test_no_evaluation_leaves_the_objectives_alone():
    plain = create_trial(params={}, distributions={}, value=2.5, user_attrs={RECORD: {"run": "r"}})
    made = table.compare([plain], ["reward"], ["maximize"])
    assert made.columns == ("", "runs", "reward")
    assert made.rows == (("all", "1", "2.5"),)
    assert table.compare([], ["reward"], ["maximize"]) is None


def test_it_is_written_whole(trials, tmp_path):
    made = table.compare(trials, ["average"], ["maximize"])
    paths = table.write(made, tmp_path / "tables" / "sweep-1")
    assert [path.name for path in paths] == ["sweep-1.md", "sweep-1.csv"]
    assert paths[0].read_text() == table.markdown(made)
    assert paths[1].read_text().splitlines()[1].startswith("reward=accuracy,2,50 (50 to 50)")
