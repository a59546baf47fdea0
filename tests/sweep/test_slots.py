"""Slots, retries, reclaiming and promotion, on studies in memory."""

from dataclasses import replace

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from openrs.studies.liveness import WORKER, me
from openrs.studies.trials import ERROR, FINAL, PROMOTES, PUT_BACK, RECORD, SLOT, slots
from openrs.sweep import promotion
from openrs.sweep.run_curves import RUN, curves
from openrs.sweep.slots import Patience, enqueue_next, left_failed, owed, owed_slots, patience

PATIENCE = Patience(retries=1, deaths=2)
SIX = [[slot] for slot in range(6)]


@pytest.fixture
def study():
    return optuna.create_study(storage=optuna.storages.InMemoryStorage())


def take(study, total=3, promotions=lambda slots, best: None):
    """What the next trial is, or None."""
    ready = enqueue_next(
        study,
        points=[[slot] for slot in range(total)],
        params=lambda slot: {"x": slot},
        patience=PATIENCE,
        promotions=promotions,
    )
    if not ready:
        return None
    trial = study.ask({"x": IntDistribution(0, 9)})
    trial.set_user_attr(WORKER, me())
    return trial


def failed(study, trial):
    """Ends a trial with an error."""
    trial.set_user_attr(ERROR, "out of memory")
    study.tell(trial, state=TrialState.FAIL)


def test_slots_are_handed_out_once_and_in_order(study):
    taken = [take(study) for _ in range(3)]
    assert [trial.params["x"] for trial in taken] == [0, 1, 2]
    assert take(study) is None
    assert take(study, total=4).params["x"] == 3


def test_a_failure_is_retried_before_new_slots_and_capped(study):
    failed(study, take(study))
    again = take(study)
    assert (again.params["x"], again.user_attrs[SLOT]) == (0, 0)
    failed(study, again)
    assert take(study).params["x"] == 1, "one retry is the cap"


def test_a_mistake_is_not_tried_again(study):
    trial = take(study)
    trial.set_user_attr(FINAL, True)
    study.tell(trial, state=TrialState.FAIL)
    assert take(study).params["x"] == 1


def test_what_was_put_back_is_owed_however_often(study):
    for _ in range(6):
        trial = take(study)
        assert trial.params["x"] == 0
        trial.set_user_attr(PUT_BACK, True)
        study.tell(trial, state=TrialState.FAIL)
    failed(study, take(study))
    assert take(study).params["x"] == 0, "and its failures are counted as if it had never been away"


def test_a_complete_trial_whose_run_was_removed_is_made_again(study, tmp_path):
    for name in ("kept", "removed", "moved"):
        trial = take(study)
        trial.set_user_attr(RECORD, {"run": name, "folder": str(tmp_path / "before" / name)})
        study.tell(trial, 1.0)
    for folder in ("before/kept", "now/runs/moved"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "run.json").touch()
    options = OmegaConf.create({"retries": 1, "deaths": 2, "joined": None})
    joined = patience(options, study, tmp_path / "now")
    trials = study.get_trials()
    assert owed_slots(trials, 3, joined) == [1]
    assert owed_slots(trials, 3, PATIENCE) == []


def test_what_was_left_failed_gets_one_more_try_by_a_new_command(study):
    trial = take(study)
    trial.set_user_attr(FINAL, True)
    study.tell(trial, state=TrialState.FAIL)
    (slot,) = slots(study.trials).values()
    forgiven = left_failed(study, PATIENCE)
    assert forgiven == {0}
    assert not owed(slot, PATIENCE)
    patience = replace(PATIENCE, forgiven=forgiven)
    assert owed(slot, patience)
    assert enqueue_next(
        study, points=[[0]], params=dict, patience=patience, promotions=lambda slots, best: None
    )
    again = study.ask({"x": IntDistribution(0, 9)})
    again.set_user_attr(FINAL, True)
    study.tell(again, state=TrialState.FAIL)
    (slot,) = slots(study.trials).values()
    assert not owed(slot, patience), "workers that started together do not try it in turns"


def test_deaths_have_a_cap_of_their_own(study):
    for _ in range(3):
        trial = take(study)
        assert trial.params["x"] == 0
        study.tell(trial, state=TrialState.FAIL)
    assert take(study).params["x"] == 1


HALVING = OmegaConf.create(
    {"_target_": "optuna.pruners.SuccessiveHalvingPruner", "min_resource": 2, "reduction_factor": 3}
)


def test_a_paused_run_is_promoted_once_its_rung_has_filled(study):
    drawn = curves(study._storage, study.study_name, promotion.make_pruner(HALVING))

    def run(name, value):
        """A trial whose run reaches the first rung with this value; halving decides."""
        trial = take(study, total=9, promotions=choose)
        curve = drawn.ask()
        curve.set_user_attr(RUN, name)
        curve.report(value, 2)
        pruned = curve.should_prune()
        trial.set_user_attr(RECORD, {"run": name, "kind": "pruned"})
        study.tell(trial, None if pruned else 1.0, state=TrialState.PRUNED if pruned else None)
        return trial, pruned

    def choose(slots, best=False):
        return promotion.next_promotion(HALVING, study.study_name, study._storage, slots, best)

    assert not run("a", 5.0)[1]
    second, pruned = run("b", 4.0)
    assert pruned, "one of two is the best so far"
    for number, value in enumerate((3.0, 2.0, 1.0)):
        assert run(f"c{number}", value)[1]
    assert run("d", 0.0)[1]
    promoted = take(study, total=9, promotions=choose)  # six in the rung: the best two go on
    assert promoted.user_attrs[PROMOTES] == second.number
    assert promoted.user_attrs[SLOT] == second.user_attrs[SLOT]
    assert promoted.params == second.params
    assert choose(slots(study.get_trials())) is None, "it is on its way"


def test_every_proposal_of_a_sampler_is_run_with_every_seed(study):
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    drawn = []
    for _ in range(6):
        assert enqueue_next(
            study, points=SIX, params=lambda slot: {"seed": (7, 8)[slot % 2]}, patience=PATIENCE,
            promotions=lambda slots, best: None, replicates=2,
        )  # fmt: skip
        trial = study.ask({"x": IntDistribution(0, 999), "seed": IntDistribution(7, 8)})
        study.tell(trial, 1.0)
        drawn.append((trial.params["x"], trial.params["seed"]))
    proposals = [x for x, _ in drawn[::2]]
    assert len(set(proposals)) == 3
    assert drawn == [(x, seed) for x in proposals for seed in (7, 8)]
    assert not enqueue_next(
        study, points=SIX, params=lambda slot: {}, patience=PATIENCE, promotions=lambda slots, best: None
    )
