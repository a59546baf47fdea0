"""Pruning replayed on a fully trained grid: which run it would have ended with, and after how many steps.

The grid is learning rate x format weight, twelve runs of fifty steps of Experiment 2, trained and evaluated
first (half an hour on 2 cores; kept in outputs/pruning, so that the next time takes seconds). The replay
hands the recorded metrics, step by step, to the pruners and to the sweep's own promotion, for twenty orders
of the trials.
"""

import math
import random
import subprocess
import sys
from pathlib import Path
from statistics import mean

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial

from openrs.analysis.cells import AVERAGE
from openrs.analysis.statistics import differences
from openrs.analysis.tables.combinations import combination
from openrs.analysis.tables.comparisons import Study
from openrs.paths import ROOT
from openrs.records.files import read_lines
from openrs.studies.trials import RECORD, SLOT, slots
from openrs.sweep import signal
from openrs.sweep.promotion import next_promotion
from openrs.sweep.report import compared_point
from openrs.sweep.run_curves import RunCurve, curves
from openrs.sweep.sampler import make_pruner

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

OUTPUTS = ROOT / "outputs" / "pruning"
GRID = [
    "experiment=exp2", "steps=half", "evaluation.checkpoints=[last]", "scale=nano",
    "algorithm.learning_rate=1e-5,3e-5,1e-4,3e-4", "reward.format.weight=0.5,1.0,2.0",
    "hydra.sweeper.study_name=pruning", f"hydra.sweep.dir={OUTPUTS}/sweeps/pruning", f"outputs={OUTPUTS}",
]  # fmt: skip
SIGNAL = "rewards.accuracy"  # before its weight, as totals of other weights cannot be compared
ORDERS = 20
PRUNERS = {
    "SuccessiveHalving": {"min_resource": 5, "reduction_factor": 4},  # a tenth of the steps; Optuna's factor
    "Median": {"n_startup_trials": 2, "n_warmup_steps": 5},
    "Hyperband": {"min_resource": 3, "max_resource": 10, "reduction_factor": 3},  # first looks at 3 and at 9
}
"""Optuna's pruners with their settings; those that the sweeper ships are for runs of hundreds of steps."""
CLAIMED = {"SuccessiveHalving": (max, 0.5), "Median": (mean, 0.5), "Hyperband": (mean, 0.5)}
"""What of the orders' shares of the steps is at most how much.

Half in every order is more than two of them can give. The median pruner stops nothing where runs come in
rising order, and never the first two. Hyperband's brackets hold few runs each here, and the first of a
bracket have none to be compared with.
"""


@pytest.fixture(scope="module")
def grid():
    """The grid's complete trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    subprocess.run(
        [sys.executable, "-m", "openrs", "-m", *GRID], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    study = optuna.load_study(study_name="pruning", storage=f"sqlite:///{OUTPUTS}/sweeps/pruning/study.db")
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(trials) == 12
    return trials


def replay(settings, trials, metrics):
    """(index of the run it ends with, steps trained) of a sweep over these runs in this order."""
    options, storage = OmegaConf.create(settings), optuna.storages.InMemoryStorage()
    sweep = optuna.create_study(storage=storage, study_name="replayed", direction="maximize")
    drawn = curves(storage, "replayed", make_pruner(options))
    reached, values = dict.fromkeys(metrics, 0), {run: signal.values(metrics[run], SIGNAL) for run in metrics}

    def go(slot):
        trial = trials[slot]
        run = trial.user_attrs[RECORD]["run"]
        curve, last = RunCurve(drawn, storage, run, slot, {}), len(metrics[run])
        pruned = False
        while reached[run] < last and not pruned:
            step = reached[run] = reached[run] + 1
            curve.draw({step: values[run][step]})
            stop = curve.judge("worse", step, slot)
            pruned = stop is not None and step < last
        if not pruned:
            drawn.tell(curve.trial, values[run][last])
        attributes = {SLOT: slot, RECORD: {"run": run, "kind": "pruned"}}
        sweep.add_trial(
            create_trial(state=TrialState.PRUNED, user_attrs=attributes)
            if pruned
            else create_trial(state=TrialState.COMPLETE, value=trial.value, user_attrs=attributes)
        )

    for slot in range(len(trials)):
        go(slot)
        while (chosen := next_promotion(options, "replayed", storage, slots(sweep.trials))) is not None:
            go(chosen.user_attrs[SLOT])
    return sweep.best_trial.user_attrs[SLOT], sum(reached.values())


def distinguishable(best, other):
    """Whether the better run's average differs beyond noise from another's: paired by problem, 5 %."""
    rows = [
        combination([compared_point(trial).evaluation()], AVERAGE).row(name)
        for name, trial in (("other", other), ("best", best))
    ]
    found = Study(rows).pair(*rows, list(rows[0].cells)).parts
    return differences.average(list(found.values())).p < 0.05


def settings(name):
    return {"_target_": f"optuna.pruners.{name}Pruner"} | PRUNERS[name]


def replays(name, trials, metrics):
    """(trial that it ends with, share of the steps) for each order."""
    whole = sum(len(lines) for lines in metrics.values())
    for seed in range(ORDERS):
        order = random.Random(seed).sample(trials, len(trials))
        slot, steps = replay(settings(name), order, metrics)
        yield order[slot], steps / whole


@pytest.mark.parametrize("name", PRUNERS)
def test_so_many_of_the_steps_find_as_good_a_run(grid, name):
    metrics = {
        trial.user_attrs[RECORD]["run"]: read_lines(
            Path(trial.user_attrs[RECORD]["folder"]) / "train" / "metrics.jsonl"
        )[:50]
        for trial in grid
    }
    best = max(grid, key=lambda trial: trial.value)
    found = list(replays(name, grid, metrics))
    spent = [share for _, share in found]
    same = sum(trial is best for trial, _ in found)
    tied = sum(trial is best or not distinguishable(best, trial) for trial, _ in found)
    print(
        f"\n{name}: {ORDERS} orders; ends with the best run in {same}, with it or one not distinguishable "
        f"in {tied}; steps {min(spent):.0%} to {max(spent):.0%}, mean {mean(spent):.0%}"
    )
    assert tied == ORDERS
    of, at_most = CLAIMED[name]
    assert of(spent) <= at_most


def made(seed):
    """Twelve curves that rise to a level of their own, with the noise of a step: trials and metrics."""
    chance, trials, metrics = random.Random(seed), [], {}
    for number in range(12):
        level = 0.3 + 0.35 * (0.1, 0.3, 1.0, 0.7)[number % 4] + chance.gauss(0, 0.03)
        means = [0.3 + (level - 0.3) * (1 - math.exp(-step / 20)) for step in range(1, 51)]
        metrics[str(number)] = [
            {"step": step + 1, "rewards": {"accuracy": value + chance.gauss(0, 0.1)}}
            for step, value in enumerate(means)
        ]
        attributes = {RECORD: {"run": str(number)}}
        trials.append(create_trial(state=TrialState.COMPLETE, value=100 * level, user_attrs=attributes))
    return trials, metrics


@pytest.mark.parametrize("name", PRUNERS)
def test_made_curves_are_told_apart_in_as_many(name):
    """What needs no grid: the claims hold where it is known which run is good."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials, metrics = made(0)
    found = list(replays(name, trials, metrics))
    values = sorted((trial.value for trial in trials), reverse=True)
    spent = [share for _, share in found]
    places = [values.index(trial.value) + 1 for trial, _ in found]
    print(
        f"\n{name}, made curves: ends with place {min(places)} to {max(places)} of {len(trials)}; "
        f"steps {min(spent):.0%} to {max(spent):.0%}, mean {mean(spent):.0%}"
    )
    assert max(places) <= 4
    of, at_most = CLAIMED[name]
    assert of(spent) <= at_most
