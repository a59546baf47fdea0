"""Is learning real? Base, exp2 and exp3 at their last checkpoint over training seeds 1, 2, 3.

About 25 minutes on 2 cores. The outputs folder is kept (OPENRS_LEARNING, by default
outputs/learning), so a second run prints the figures at once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from openrs.paths import ROOT
from openrs.records.scores import read_all

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

SEEDS = (1, 2, 3)


def problem_means(folder, step):
    """Outcome of each problem of each benchmark, a dict benchmark -> array over problem ids."""
    return {
        score.benchmark: np.array(score.correct, float) for score in read_all(folder) if score.step == step
    }


def difference(base, runs, resamples=10_000):
    """Mean gain in points over benchmarks, with a 95 % interval over seeds and problems.

    Runs are resampled, and the problems of each benchmark, paired with the base's.
    """
    rng = np.random.default_rng(0)
    gains = {name: np.stack([run[name] - base[name] for run in runs]) for name in base}
    draws = np.zeros(resamples)
    for i in range(resamples):
        seeds = rng.integers(0, len(runs), len(runs))
        for gain in gains.values():
            problems = rng.integers(0, gain.shape[1], gain.shape[1])
            draws[i] += gain[seeds][:, problems].mean() / len(gains)
    mean = np.mean([gain.mean() for gain in gains.values()])
    return 100 * mean, 100 * np.quantile(draws, [0.025, 0.975])


def test_learning_is_real():
    outputs = Path(os.environ.get("OPENRS_LEARNING", ROOT / "outputs/learning"))
    subprocess.run(
        [sys.executable, "-m", "openrs", "-m", "experiment=exp2,exp3", "seed=1,2,3", "scale=nano",
         f"outputs={outputs}"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    (base_folder,) = outputs.glob("runs/base-*")
    base = problem_means(base_folder, 0)
    print(f"\nbase average {100 * np.mean([x.mean() for x in base.values()]):.1f}")
    for name in ("exp2", "exp3"):
        folders = sorted(outputs.glob(f"runs/{name}-*"))
        runs = [problem_means(folder, 100) for folder in folders]
        averages = [100 * np.mean([x.mean() for x in run.values()]) for run in runs]
        gain, (low, high) = difference(base, runs)
        print(f"{name}: averages {', '.join(f'{a:.1f}' for a in averages)}; "
              f"gain {gain:.1f} points [{low:.1f}, {high:.1f}]")  # fmt: skip
        assert gain >= 8
        assert low > 0
        for folder in folders:
            rewards = [json.loads(line)["reward"]
                       for line in (folder / "train/metrics.jsonl").read_text().splitlines()]  # fmt: skip
            first, last = np.mean(rewards[:10]), np.mean(rewards[-10:])
            print(f"  {folder.name}: reward {first:.2f} in the first ten steps, {last:.2f} in the last")
            assert last > first
