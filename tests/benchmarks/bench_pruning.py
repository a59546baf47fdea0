"""Pruning replayed on a fully trained grid: which run it would have ended with, and after how many steps.

The grid is learning rate x format weight, twelve runs of fifty steps of Experiment 2, trained and evaluated
first (half an hour on 2 cores; kept in outputs/pruning, so that the next time takes seconds). The replay
hands the recorded metrics, step by step, to the pruners and to the sweep's own promotion, for twenty orders
of the trials.
"""

import random
import subprocess
import sys
from pathlib import Path
from statistics import mean

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial

from analysis.comparisons import against
from analysis.statistics import differences
from openrs.checkpoints import logged
from openrs.paths import ROOT
from openrs.sweep import table, tasks
from openrs.sweep.promotion import next_promotion
from openrs.sweep.pruning import RUN, curves, signal
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
    "Hyperband": {"min_resource": 5, "max_resource": 50, "reduction_factor": 3},
}
"""Optuna's pruners with their settings."""
HALF = {"SuccessiveHalving": max, "Median": mean}
"""What of the orders' steps is to be at most half; Hyperband has a bracket that stops no run early."""


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
    reached, open_curves = dict.fromkeys(metrics, 0), {}

    def go(slot):
        trial = trials[slot]
        run = trial.user_attrs[tasks.RECORD]["run"]
        if run not in open_curves:
            open_curves[run] = drawn.ask()
            open_curves[run].set_user_attr(RUN, run)
        curve, lines = open_curves[run], metrics[run]
        pruned = False
        while reached[run] < len(lines) and not pruned:
            reached[run] += 1
            curve.report(signal(lines[: reached[run]], SIGNAL), reached[run])
            pruned = curve.should_prune() and reached[run] < len(lines)
        if not pruned:
            drawn.tell(curve, signal(lines, SIGNAL))
        attributes = {tasks.SLOT: slot, tasks.RECORD: {"run": run, "kind": "pruned"}}
        sweep.add_trial(
            create_trial(state=TrialState.PRUNED, user_attrs=attributes)
            if pruned
            else create_trial(state=TrialState.COMPLETE, value=trial.value, user_attrs=attributes)
        )

    for slot in range(len(trials)):
        go(slot)
        while (chosen := next_promotion(options, "replayed", storage, tasks.slots(sweep.trials))) is not None:
            go(chosen.user_attrs[tasks.SLOT])
    return sweep.best_trial.user_attrs[tasks.SLOT], sum(reached.values())


def distinguishable(best, other):
    """Whether the better run's average differs beyond noise from another's: paired by problem, 5 %."""
    rows = [table.line(table.Level(name, (trial,))) for name, trial in (("other", other), ("best", best))]
    found = against(*rows, list(rows[0].cells))
    return differences.average(list(found.values())).p < 0.05


@pytest.mark.parametrize("name", PRUNERS)
def test_about_half_of_the_steps_find_as_good_a_run(grid, name):
    metrics = {
        trial.user_attrs[tasks.RECORD]["run"]: logged(
            Path(trial.user_attrs[tasks.RECORD]["folder"]) / "train" / "metrics.jsonl"
        )[:50]
        for trial in grid
    }
    whole = sum(len(lines) for lines in metrics.values())
    best = max(grid, key=lambda trial: trial.value)
    spent, same, tied = [], 0, 0
    for seed in range(ORDERS):
        order = random.Random(seed).sample(grid, len(grid))
        settings = {"_target_": f"optuna.pruners.{name}Pruner"} | PRUNERS[name]
        slot, steps = replay(settings, order, metrics)
        spent.append(steps / whole)
        same += order[slot] is best
        tied += order[slot] is best or not distinguishable(best, order[slot])
    print(
        f"\n{name}: {ORDERS} orders; ends with the best run in {same}, with it or one not distinguishable "
        f"in {tied}; steps {min(spent):.0%} to {max(spent):.0%}, mean {mean(spent):.0%}"
    )
    assert tied == ORDERS
    assert name not in HALF or HALF[name](spent) <= 0.5
