"""Pruning replayed on a fully trained grid: which point it would have ended with, and after how many steps.

The grid is learning rate x format weight with three training seeds: 36 runs of fifty steps of Experiment 2,
trained and evaluated first (kept in outputs/pruning, so that the next time takes seconds).
The replay hands the recorded metrics, step by step, to the pruners, and goes over runs, checkpoints and seeds
with the sweep's own promotion and freezing, for twenty orders of the points. Made curves need no grid.
"""

import math
import random
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import optuna
import pytest
from optuna.trial import TrialState

from openrs.analysis.statistics import recipes
from openrs.paths import ROOT
from openrs.records.files import read_lines
from openrs.studies.trials import RECORD, SLOT
from openrs.sweep import signal
from tests.helpers.replays import Replay

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

OUTPUTS = ROOT / "outputs" / "pruning"
POINTS, SEEDS, STEPS = 12, 3, 50
GRID = [
    "experiment=exp2", "steps=half", "evaluation.checkpoints=[last]", "scale=nano", f"replicates={SEEDS}",
    "algorithm.learning_rate=1e-5,3e-5,1e-4,3e-4", "reward.format.weight=0.5,1.0,2.0",
    "hydra.sweeper.n_jobs=2",
    "hydra.sweeper.study_name=pruning", f"hydra.sweep.dir={OUTPUTS}/sweeps/pruning", f"outputs={OUTPUTS}",
]  # fmt: skip
SIGNAL = "rewards.accuracy"  # before its weight, as totals of other weights cannot be compared
ORDERS = 20
PRUNERS = {
    "SuccessiveHalving": {"min_resource": 12, "reduction_factor": 2, "bootstrap_count": 3},
    "Median": {"n_startup_trials": 2, "n_warmup_steps": 5},
    "Hyperband": {"min_resource": 3, "max_resource": 10, "reduction_factor": 3},  # first looks at 3 and at 9
}
"""Optuna's pruners with their settings. Halving's are the shipped ones, for runs of fifty steps."""
CLAIMED = {"SuccessiveHalving": 0.3, "Median": 0.5, "Hyperband": 0.5}
"""The mean share of the steps that is at most spent."""
NOISE = {"step": 0.1, "seed": 0.019}
"""Standard deviations in made curves: of a step, and between training seeds (of nano runs: 1.9 points)."""


class Sweep(NamedTuple):
    """A grid that is trained already."""

    signals: dict[tuple[int, int], list[float]]
    """(point, seed) -> what a pruner sees after each step."""
    scores: dict[tuple[int, int], float]
    """(point, seed) -> the value of the run, in percent."""

    def value(self, point: int) -> float:
        return mean(self.scores[point, seed] for seed in range(SEEDS))

    def place(self, point: int) -> int:
        """1 of the best point, and so on."""
        return 1 + sum(self.value(other) > self.value(point) for other in range(POINTS))

    def as_good(self, point: int) -> bool:
        """Whether the best point's mean does not differ from this one's beyond the spread between seeds,
        which is pooled over all points: 5 %."""
        runs = [[self.scores[each, seed] for seed in range(SEEDS)] for each in range(POINTS)]
        spread = recipes.pooled(runs)
        gap = max(map(mean, runs)) - mean(runs[point])
        return recipes.tail(gap, [(2 * spread.variance / SEEDS, spread.freedom)]) >= 0.05


def replayed(name, settings, sweep, seed):
    """(point that it ends with, share of the steps) of one order of the points."""
    order = random.Random(seed).sample(range(POINTS), POINTS)
    target = {"_target_": f"optuna.pruners.{name}Pruner"}
    return Replay(target | settings, sweep.signals, sweep.scores, order).end()


def checked(name, sweep):
    """Prints what the replays come to, and holds them to what is claimed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ended = [replayed(name, PRUNERS[name], sweep, seed) for seed in range(ORDERS)]
    spent = [share for _, share in ended]
    places = [sweep.place(point) for point, _ in ended]
    good = sum(sweep.as_good(point) for point, _ in ended)
    print(
        f"\n{name}: steps {min(spent):.0%} to {max(spent):.0%}, mean {mean(spent):.1%}; ends with the best "
        f"in {places.count(1)} of {ORDERS} orders, with it or one not distinguishable in {good}; "
        f"places {places}"
    )
    assert mean(spent) <= CLAIMED[name]
    if name == "SuccessiveHalving":
        assert good == ORDERS


@pytest.fixture(scope="module")
def grid():
    """The grid, with the study's trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    subprocess.run(
        [sys.executable, "-m", "openrs", "-m", *GRID], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    study = optuna.load_study(study_name="pruning", storage=f"sqlite:///{OUTPUTS}/sweeps/pruning/study.db")
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(trials) == POINTS * SEEDS
    return {divmod(trial.user_attrs[SLOT], SEEDS): trial for trial in trials}


def recorded(grid):
    signals = {}
    for cell, trial in grid.items():
        lines = read_lines(Path(trial.user_attrs[RECORD]["folder"]) / "train" / "metrics.jsonl")[:STEPS]
        signals[cell] = list(signal.values(lines, SIGNAL).values())
    return Sweep(signals, {cell: trial.value for cell, trial in grid.items()})


@pytest.mark.parametrize("name", PRUNERS)
def test_so_many_of_the_steps_find_as_good_a_point(grid, name):
    checked(name, recorded(grid))


def made(number):
    """Twelve points that rise to levels of their own, with the noise of a seed and of a step."""
    chance, signals, scores = random.Random(number), {}, {}
    for point in range(POINTS):
        level = 0.3 + 0.35 * (0.1, 0.3, 1.0, 0.7)[point % 4] + chance.gauss(0, 0.03)
        for seed in range(SEEDS):
            own = level + chance.gauss(0, NOISE["seed"])
            rises = [0.3 + (own - 0.3) * (1 - math.exp(-step / 20)) for step in range(1, STEPS + 1)]
            lines = [
                {"step": step + 1, "rewards": {"accuracy": value + chance.gauss(0, NOISE["step"])}}
                for step, value in enumerate(rises)
            ]
            signals[point, seed] = list(signal.values(lines, SIGNAL).values())
            scores[point, seed] = 100 * own
    return Sweep(signals, scores)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", PRUNERS)
def test_made_curves_are_told_apart_in_as_many(name, number):
    """What needs no grid: the claims hold where it is known which point is good."""
    checked(name, made(number))


OTHERS = [(12, 2, 3), (12, 2, 0), (15, 3, 3), (10, 3, 0), (5, 4, 0)]
"""Halving's min_resource, reduction_factor and bootstrap_count: first the shipped ones, then others."""
GRIDS = 40


def test_the_shipped_halving_is_chosen_over_many_made_grids():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print()
    for first, factor, bootstrap in OTHERS:
        settings = {"min_resource": first, "reduction_factor": factor, "bootstrap_count": bootstrap}
        sweeps = [made(100 + number) for number in range(GRIDS)]
        ended = [
            replayed("SuccessiveHalving", settings, sweep, number) for number, sweep in enumerate(sweeps)
        ]
        spent = mean(share for _, share in ended)
        good = sum(sweep.as_good(point) for sweep, (point, _) in zip(sweeps, ended, strict=True))
        best = sum(sweep.place(point) == 1 for sweep, (point, _) in zip(sweeps, ended, strict=True))
        print(f"{settings}: steps {spent:.1%}; ends with the best in {best} of {GRIDS}, as good in {good}")
        if settings == PRUNERS["SuccessiveHalving"]:
            assert spent <= 0.3
            assert good >= 0.9 * GRIDS
