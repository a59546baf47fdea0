"""Pruning by scores at saved checkpoints, and by every problem's outcome."""

from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState
from real import SMALL, segments, study_of, sweep

from openrs.mistake import Mistake
from openrs.sweep import tasks
from openrs.sweep.pruning import Curve, curves
from openrs.sweep.selection import Selection, check, climb, selection


def test_signals_are_read():
    assert selection("score:amc23") == Selection("amc23", None)
    assert selection("outcomes:math_500@50") == Selection("math_500", 50)
    assert selection("reward") is None
    assert selection("-rewards.accuracy") is None


@pytest.mark.parametrize(
    ("signal", "stages", "told"),
    [
        ("score:amc", ["train", "evaluate"], "no benchmark amc. Known: aime24, amc23"),
        ("outcomes:amc23", ["train", "evaluate"], "outcomes:BENCHMARK@STEP"),
        ("outcomes:amc23@7", ["train", "evaluate"], "step 7 is not saved"),
        ("score:amc23", ["train"], "needs the stage evaluate"),
    ],
)
def test_what_no_run_gives_is_refused(signal, stages, told):
    config = OmegaConf.create(
        {"catalog": {"benchmarks": {"aime24": {}, "amc23": {}}}, "stages": stages, "steps": {"save_every": 5}}
    )
    with pytest.raises(Mistake, match=told):
        check(signal, config)


def test_totals_of_other_weights_are_not_compared():
    swept = ["reward.format.weight", "seed"]
    with pytest.raises(Mistake, match=r"reward\.format\.weight is swept.*rewards\.accuracy"):
        check("reward", OmegaConf.create({}), swept, "MedianPruner")
    check("reward", OmegaConf.create({}), swept, "ThresholdPruner")
    check("rewards.accuracy", OmegaConf.create({}), swept, "MedianPruner")


def test_outcomes_are_compared_pair_by_pair():
    """The second run is worse on every problem that they differ on; the third is as good."""
    pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
    study = curves(optuna.storages.InMemoryStorage(), "sweep", pruner)
    right = [1, 1, 0, 1, 1, 1, 0, 1, 1, 1]
    for run, answers, pruned in (
        ("a", right, False),
        ("b", [0, 0, 0, 0, 0, 0, 0, 1, 1, 1], True),
        ("c", right, False),
    ):
        curve = Curve(study, run, "outcomes:amc23@5", Path())
        assert curve.judge({place: float(answer) for place, answer in enumerate(answers)}) == pruned
        assert curve.last() == sum(answers) / 10
        curve.close()


def test_a_run_that_collapsed_is_left_to_its_record(monkeypatch):
    plan = SimpleNamespace(config=SimpleNamespace(stop_at=4, steps=SimpleNamespace(save_every=1)))
    part = SimpleNamespace(stopped={"kind": "collapse"})
    monkeypatch.setattr("openrs.sweep.selection._until", lambda *_: part)
    trained = []
    assert climb(plan, {"signal": "score:amc23"}, None, lambda *asked: trained.append(asked)) is None
    assert len(trained) == 1


@pytest.mark.slow
def test_a_run_is_evaluated_at_each_save_and_pruned_by_its_score(tmp_path):
    """The threshold is a score that none reaches: both runs end at the first saved checkpoint."""
    arguments = [
        *SMALL, "steps.total=3", "algorithm.learning_rate=1e-4,1e-5", "hydra.sweeper.signal=score:amc23",
        "hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=1.1", f"outputs={tmp_path}",
    ]  # fmt: skip
    made = sweep(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    trials = study_of(tmp_path).trials
    assert [trial.state for trial in trials] == [TrialState.PRUNED] * 2
    assert "ThresholdPruner: score:amc23" in trials[0].user_attrs[tasks.REASON]
    for folder in tmp_path.glob("runs/exp2-*"):
        assert segments(folder)[-1]["last_step"] == 1
        assert len(list(folder.glob("eval/step-00001/amc23-*/*.json"))) == 2  # text and score
    # a pruner that lets them pass goes on from there, and looks at every save
    made = sweep(*arguments, "hydra.sweeper.pruner.lower=-1", "hydra.sweeper.study_name=gentle")
    assert made.returncode == 0, made.stderr[-3000:]
    for folder in tmp_path.glob("runs/exp2-*"):
        assert [item["last_step"] for item in segments(folder)] == [1, 2, 3]
        assert sorted(path.name for path in folder.glob("eval/*")) == [
            "step-00001",
            "step-00002",
            "step-00003",
        ]
        assert len(list(folder.glob("eval/step-00003/amc23-*"))) == 0, "the last step has the reported ones"
