"""A sweep with a pruner over runs whose curves are there already: no step costs anything."""

import random

import optuna
from omegaconf import OmegaConf
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from openrs.studies.replicates import points
from openrs.studies.trials import AFTER, FROZEN, PROMOTES, RECORD, SLOT
from openrs.sweep.promotion import next_promotion
from openrs.sweep.run_curves import RunCurve, curves, open_curve, stop_of
from openrs.sweep.sampler import make_pruner
from openrs.sweep.slots import Patience, enqueue_next


class Replay:
    """A sweep that takes trials as a worker does, with the sweep's own pruning, promotion and freezing.

    Args:
        settings: the pruner's.
        signals: (point, seed) -> what the pruner sees after each step.
        scores: (point, seed) -> the value of the whole run.
        order: the points, in the order in which they are proposed.
        kills: the chance that a process dies after a step, and once a stop is stored.
    """

    def __init__(self, settings, signals, scores, order, kills=0.0, chance=None):
        self.settings, self.storage = OmegaConf.create(settings), optuna.storages.InMemoryStorage()
        self.study = optuna.create_study(storage=self.storage, study_name="replay", direction="maximize")
        self.drawn = curves(self.storage, "replay", make_pruner(self.settings))
        self.signals, self.scores, self.order = signals, scores, order
        self.seeds = len({seed for _, seed in signals})
        slots = len(order) * self.seeds
        self.members = [list(range(at, at + self.seeds)) for at in range(0, slots, self.seeds)]
        self.reached = dict.fromkeys(signals, 0)
        self.kills, self.chance = kills, chance or random.Random(0)

    def take(self):
        """Takes the next trial without running it; None where none is to be had."""
        ready = enqueue_next(
            self.study,
            points=self.members,
            params=lambda slot: {"point": self.order[slot // self.seeds], "seed": slot % self.seeds},
            patience=Patience(0, 10**6),
            promotions=lambda taken, best: next_promotion(self.settings, "replay", self.storage, taken, best),
        )
        if not ready:
            return None
        return self.study.ask({"point": IntDistribution(0, 999), "seed": IntDistribution(0, 9)})

    def run(self, trial):
        """Takes a trial to its end, or to the death of its process."""
        if FROZEN in trial.user_attrs:
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        cell = trial.params["point"], trial.params["seed"]
        run, values = str(cell), self.signals[cell]
        record = {"run": run, "kind": "pruned"}
        trial.set_user_attr(RECORD, record)
        stop = stop_of(open_curve(self.drawn, run))
        promotes = trial.user_attrs.get(PROMOTES, -1)
        if stop is None or stop.step >= len(values) or stop.trial <= promotes:
            seen = {at + 1: values[at] for at in range(self.reached[cell])}
            curve = RunCurve(
                self.drawn, self.storage, run, trial.number, seen, trial.user_attrs.get(AFTER, ())
            )
            stop = None
            while self.reached[cell] < len(values) and stop is None:
                step = self.reached[cell] = self.reached[cell] + 1
                curve.draw({step: values[step - 1]})
                stop = curve.judge("worse", step, trial.number)
                if self.chance.random() < self.kills:
                    self.study.tell(trial, state=TrialState.FAIL)
                    return
            if stop is None or step == len(values):
                self.drawn.tell(curve.number, curve.frozen().intermediate_values[len(values)])
                self.study.tell(trial, self.scores[cell])
                return
        self.study.tell(trial, state=TrialState.PRUNED)

    def end(self):
        """Runs the sweep to its end: (the point that it ends with, share of the steps)."""
        while (trial := self.take()) is not None:
            self.run(trial)
        steps = sum(map(len, self.signals.values()))
        return points(self.study).best_trial.params["point"], sum(self.reached.values()) / steps

    def last(self):
        """(point, seed) -> the state of the newest trial of its slot."""
        newest = {trial.user_attrs[SLOT]: trial for trial in self.study.get_trials(deepcopy=False)}
        return {(t.params["point"], t.params["seed"]): t for t in newest.values()}
