"""The seeds of a point go one after another; behind a stopped one they are frozen, and thaw with it."""

import random

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from openrs.errors import Mistake
from openrs.studies.replicates import points as points_of
from openrs.studies.trials import AFTER, FROZEN, RECORD, SLOT, slots
from openrs.sweep import freezing
from openrs.sweep.points import Points
from openrs.sweep.run_curves import RUN, curves, refuse_joint_seeds
from tests.helpers.replays import Replay

HALVING = {
    "_target_": "optuna.pruners.SuccessiveHalvingPruner", "min_resource": 2, "reduction_factor": 2,
    "bootstrap_count": 0,
}  # fmt: skip
MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 1}
TWO = [[0, 1, 2], [3, 4, 5]]


def taken(states, values=()):
    """The slots of which the newest trial is in such a state: c, p(runed), f(rozen), e(rror), r(unning).

    Args:
        values: of the complete ones, by slot; 1 where none is given.
    """
    kinds = {"c": "COMPLETE", "p": "PRUNED", "f": "PRUNED", "e": "FAIL", "r": "RUNNING"}
    return slots(
        [
            create_trial(
                state=TrialState[kinds[letter]],
                value=dict(enumerate(values)).get(slot, 1.0) if letter == "c" else None,
                user_attrs={SLOT: slot, RECORD: {"run": f"run {slot}"}}
                | ({FROZEN: "frozen"} if letter == "f" else {}),
            )
            for slot, letter in enumerate(states)
            if letter != "-"
        ]
    )


@pytest.mark.parametrize(
    ("states", "ready", "frozen"),
    [
        ("------", [0, 3], []),
        ("c-----", [3, 1], []),
        ("r--c--", [4], []),
        ("p--cc-", [5], [1, 2]),
        ("pffcp-", [], [5]),
        ("cffp--", [1], [4, 5]),
        ("crfpff", [], []),
        ("ccfpff", [2], []),
        ("e--e--", [1, 4], []),
        ("cccccc", [], []),
    ],
)
def test_a_seed_starts_when_those_before_it_came_to_their_ends(states, ready, frozen):
    assert freezing.ready(TWO, taken(states)) == ready
    assert [slot for slot, _ in freezing.frozen(TWO, taken(states))] == frozen


def test_a_frozen_seed_says_which_trial_froze_it():
    assert next(freezing.frozen(TWO, taken("cp-"))) == (
        2, "not started, as trial 1, an earlier seed of its point, was stopped",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "order"), [("MAXIMIZE", [3, 5, 1]), ("MINIMIZE", [1, 5, 3]), ("NOT_SET", [1, 3, 5])]
)
def test_the_best_point_gets_its_seeds_first(direction, order):
    trials = taken("c-c-c-", [1.0, 0, 3.0, 0, 2.0])
    assert freezing.ready([[0, 1], [2, 3], [4, 5]], trials, StudyDirection[direction]) == order


@pytest.mark.parametrize(
    ("value", "direction", "goes_on"),
    [
        (2.1, "MAXIMIZE", True),
        (2.0, "MAXIMIZE", False),
        (1.9, "MAXIMIZE", False),
        (2.1, "MINIMIZE", False),
        (1.9, "MINIMIZE", True),
        (1.9, "NOT_SET", True),
    ],
)
def test_a_point_goes_on_where_it_is_better_than_the_best_whole_one_on_the_seeds_of_both(
    value, direction, goes_on
):
    trials, way = taken("cccc--", [2.0, 9.0, 0.0, value]), StudyDirection[direction]
    assert freezing.ready(TWO, trials, way) == ([4] if goes_on else [])
    answers = dict(freezing.frozen(TWO, trials, way))
    why = "not started, as a point with all of its seeds is as good on those that both have"
    assert answers == ({} if goes_on else {4: why, 5: why})


def test_a_point_is_held_against_the_best_whole_one_alone():
    three = [[0, 1], [2, 3], [4, 5]]
    assert freezing.ready(three, taken("ccccc-", [9.0, 1.0, 7.0, 7.0, 8.0])) == [5], "9 and 1 are worse"
    assert freezing.ready(three, taken("ecccc-", [0, 8.0, 7.0, 7.0, 7.5])) == [5], "no seed in common"


def test_the_seeds_before_are_those_that_came_to_their_ends():
    assert freezing.runs_before(2, TWO, taken("ec-")) == ["run 1"]
    assert freezing.runs_before(5, TWO, taken("---cc-")) == ["run 3", "run 4"]
    assert freezing.runs_before(3, TWO, taken("cc-")) == []


@pytest.mark.parametrize(
    ("states", "winner"),
    [("pffccc", True), ("pffcec", True), ("pffeee", False), ("pffcc-", False), ("pffccp", False)],
)
def test_a_winner_has_all_of_its_seeds_behind_it(states, winner):
    assert freezing.has_winner(TWO, taken(states)) is winner


def test_the_members_of_a_point_differ_in_their_seed_alone(tmp_path):
    grid = [{"x": x, "seed": seed} for seed in (1, 2) for x in ("a", "b")]
    assert Points(None, None, None, grid, 3, ()).members == [[0, 2], [1]]
    assert Points(None, None, None, grid, 4).members == [[0], [1], [2], [3]], "of another application"
    assert Points(None, None, None, None, 5, (), (1, 2, 3)).members == [[0, 1, 2], [3, 4]]


def levels(*points):
    """Runs whose signal is one level from the first step to the last, which is their score too."""
    signals = {(p, s): [level] * 4 for p, seeds in enumerate(points) for s, level in enumerate(seeds)}
    return signals, {cell: values[-1] for cell, values in signals.items()}


def ended(settings, *points, **more):
    """The sweep over these points, at its end, and the point that it names."""
    signals, scores = levels(*points)
    replay = Replay(settings, signals, scores, list(range(len(points))), **more)
    return replay, replay.end()[0]


def letters(replay):
    """How each slot ended: c, p, or f for what never started."""
    letter = {TrialState.COMPLETE: "c", TrialState.PRUNED: "p", TrialState.FAIL: "e"}
    last = sorted(replay.last().items())
    return "".join("f" if FROZEN in trial.user_attrs else letter[trial.state] for _, trial in last)


@pytest.mark.parametrize("settings", [HALVING, MEDIAN], ids=["halving", "median"])
def test_only_a_survivor_gets_its_seeds(settings):
    replay, best = ended(settings, (3.0, 3.0, 3.0), (2.0, 9.0, 9.0))
    assert (letters(replay), best) == ("cccpff", 0)
    assert [replay.reached[1, seed] for seed in (1, 2)] == [0, 0], "frozen seeds are not trained"
    (curve,) = [c for c in replay.drawn.get_trials() if c.user_attrs.get(RUN) == "(0, 2)"]
    assert curve.user_attrs["follows"] == ["(0, 0)", "(0, 1)"]


@pytest.mark.parametrize("settings", [HALVING, MEDIAN], ids=["halving", "median"])
def test_a_point_that_came_far_by_the_luck_of_one_seed_falls_out_at_the_next(settings):
    steady = (3.0, 3.0, 3.0)
    replay, best = ended(settings, (2.9, 2.9, 2.9), steady, (4.0, 0.0, 9.0))
    assert best == 1
    if settings is HALVING:
        assert replay.last()[2, 1].state == TrialState.PRUNED, "the mean of its two seeds is 2"
    assert FROZEN in replay.last()[2, 2].user_attrs
    assert AFTER not in replay.last()[1, 0].user_attrs
    assert replay.last()[1, 2].user_attrs[AFTER] == ["(1, 0)", "(1, 1)"]


def test_a_promotion_thaws_the_seeds_of_its_point():
    signals, scores = levels((3.0, 2.9), (2.0, 4.0), (1.0, 1.0), (0.5, 0.5))
    scores[1, 0] = 3.1  # more than its signal let hope
    replay = Replay(HALVING, signals, scores, [0, 1])
    replay.end()
    assert letters(replay) == "ccpf"
    replay.order, replay.members = [0, 1, 2, 3], [[0, 1], [2, 3], [4, 5], [6, 7]]  # n_trials is raised
    assert replay.end()[0] == 1
    assert letters(replay) == "ccccpfpf", "of four the best two go on, and the second one's seed follows"
    assert replay.reached[1, 1] == 4


def test_where_too_few_pass_a_rung_for_the_pruner_the_best_goes_on():
    replay, best = ended(HALVING | {"bootstrap_count": 9}, (1.0, 1.0), (3.0, 2.0), (2.0, 9.0))
    assert (letters(replay), best) == ("pfccpf", 1)


def test_a_run_whose_signal_is_no_number_is_never_the_best_that_goes_on():
    nan = float("nan")
    signals, scores = levels((nan, nan))
    replay = Replay(HALVING, signals, scores, [0])
    while (trial := replay.take()) is not None:
        replay.run(trial)
    assert letters(replay) == "pf"


def made(seed):
    """Five points with three seeds each, with noise between seeds and between steps."""
    chance = random.Random(seed)
    signals, scores = {}, {}
    for point in range(5):
        level = chance.gauss(point, 0.5)
        for run in range(3):
            own = level + chance.gauss(0, 0.3)
            signals[point, run] = [own + chance.gauss(0, 0.3) for _ in range(9)]
            scores[point, run] = own
    return signals, scores, chance.sample(range(5), 5)


@pytest.mark.parametrize("seed", range(6))
def test_a_sweep_whose_processes_die_again_and_again_ends_as_an_undisturbed_one(seed):
    signals, scores, order = made(seed)
    settings = HALVING | {"bootstrap_count": seed % 3}
    calm = Replay(settings, signals, scores, order)
    stormy = Replay(settings, signals, scores, order, kills=0.3, chance=random.Random(seed))
    assert calm.end() == stormy.end()
    assert letters(calm) == letters(stormy)
    assert any(trial.state == TrialState.FAIL for trial in stormy.study.trials)
    assert calm.reached == stormy.reached, "no step more was trained"


@pytest.mark.parametrize("seed", range(6))
def test_workers_in_parallel_end_with_a_whole_point_and_start_no_seed_of_a_stopped_one(seed):
    signals, scores, order = made(seed)
    replay, chance = Replay(HALVING, signals, scores, order), random.Random(seed)
    working = []
    while True:
        trial = replay.take() if len(working) < 3 else None
        if trial is not None:
            working.append(trial)
        elif not working:
            break
        else:
            replay.run(working.pop(chance.randrange(len(working))))
    last = replay.last()
    assert len(last) == 15
    assert any(all(last[p, s].state == TrialState.COMPLETE for s in range(3)) for p in range(5))
    best = points_of(replay.study).best_trial.params["point"]
    for point, seed_ in last:
        frozen = FROZEN in last[point, seed_].user_attrs
        stopped = TrialState.PRUNED in [last[point, other].state for other in range(seed_)]
        assert frozen == (replay.reached[point, seed_] == 0)
        assert frozen or not stopped
        if frozen and not stopped:
            assert sum(scores[best, s] - scores[point, s] for s in range(seed_)) >= 0
    assert all(trial.user_attrs["runs"] == 3 for trial in points_of(replay.study).trials)


def test_a_study_whose_seeds_were_pruned_together_is_refused_by_name():
    storage = optuna.storages.InMemoryStorage()
    refuse_joint_seeds(storage, "old")
    drawn = curves(storage, "old", None)
    refuse_joint_seeds(storage, "old")
    drawn.ask().set_user_attr("point", "1234")
    with pytest.raises(Mistake, match=r"hydra.sweeper.study_name=old: in this study an earlier openrs"):
        refuse_joint_seeds(storage, "old")
