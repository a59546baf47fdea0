"""Pruning by scores at saved checkpoints, and by every problem's outcome."""

from types import SimpleNamespace

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.errors import Mistake
from openrs.studies.trials import REASON
from openrs.sweep import signal_history, space
from openrs.sweep import trial as job
from openrs.sweep.points import Points
from openrs.sweep.run_curves import RunCurve, curves
from openrs.sweep.signal import Selection, level, selection
from openrs.sweep.signal_checks import check, rewarding
from tests.helpers.jobs import segments
from tests.helpers.plans import plan_of
from tests.helpers.sweeps import SMALL, study_of, sweep


def test_signals_are_read():
    assert selection("score:amc23") == Selection("amc23", None)
    assert selection("outcomes:math_500@50") == Selection("math_500", 50)
    assert selection("reward") is None
    assert selection("-rewards.accuracy") is None


def config(stages=("train", "evaluate"), **reward):
    benchmarks = {"aime24": {}, "amc23": {}}
    return OmegaConf.create(
        {
            "catalog": {"benchmarks": benchmarks}, "evaluation": {"benchmarks": []},
            "stages": list(stages), "reward": reward,
            "steps": {"save_every": 5, "total": 20, "stop_at": None},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "pruner", "stages", "told"),
    [
        ("score:amc", "MedianPruner", ["train", "evaluate"], "no benchmark amc. Give one of: aime24, amc23"),
        ("outcomes:amc23", "MedianPruner", ["train", "evaluate"], "outcomes:BENCHMARK@STEP"),
        ("outcomes:amc23@7", "WilcoxonPruner", ["train", "evaluate"], "step 7 is not saved"),
        (
            "outcomes:amc23@20",
            "WilcoxonPruner",
            ["train", "evaluate"],
            "step 20 is not saved before the last",
        ),
        ("outcomes:amc23@0", "WilcoxonPruner", ["train", "evaluate"], "step 0 is not saved before the last"),
        ("score:amc23", "MedianPruner", ["train"], "needs the stage evaluate"),
        (
            "reward",
            "WilcoxonPruner",
            ["train", "evaluate"],
            "WilcoxonPruner compares runs problem by problem",
        ),
        ("score:amc23", "WilcoxonPruner", ["train", "evaluate"], "Give hydra.sweeper.signal=outcomes:"),
        (
            "outcomes:amc23@5",
            "MedianPruner",
            ["train", "evaluate"],
            "MedianPruner compares runs step by step",
        ),
        ("rewards.nope", "MedianPruner", ["train"], "training logs no rewards.nope"),
        ("rewards.cosine", "MedianPruner", ["train"], "training logs no rewards.cosine"),
    ],
)
def test_what_no_run_gives_is_refused(signal, pruner, stages, told):
    with pytest.raises(Mistake, match=told):
        check(signal, config(stages, accuracy={}, cosine=None), pruner=pruner)


def test_scores_of_looks_are_no_signal():
    """Runs end at different looks, so at different problems."""
    in_looks = OmegaConf.merge(config(), {"evaluation": {"looks": 5}})
    with pytest.raises(Mistake, match=r"evaluation\.looks=5 ends where a run is compared with the reference"):
        check("score:amc23", in_looks, pruner="MedianPruner")


def test_what_runs_give_is_taken():
    check("outcomes:amc23@15", config(), pruner="WilcoxonPruner")
    check({"rewards.accuracy": 1.0, "kl": -0.1}, config(accuracy={}), pruner="MedianPruner")
    check("rewards.cosine", config(cosine=None), ["experiment"], "MedianPruner")  # some of them have it
    check("rewards.brevity", config(custom={"brevity": {"function": "rewards.py:brevity"}}))


def test_totals_of_other_weights_are_not_compared():
    swept, given = ["reward.format.weight"], config(accuracy={})
    for signal in ("reward", "-reward", {"reward": 1.0, "kl": -0.1}):
        with pytest.raises(Mistake, match=r"reward\.format\.weight is swept.*rewards\.accuracy"):
            check(signal, given, swept, "MedianPruner")
    check("reward", given, swept, "ThresholdPruner")
    check("rewards.accuracy", given, swept, "MedianPruner")
    check("reward", given, [], "MedianPruner")


def test_a_metric_that_no_run_logs_is_refused_before_any_starts():
    given = config(accuracy={})
    check({"rewards.accuracy": 1.0, "kl": -1.0}, given)
    check("-completion_length", given)
    for wrong in ("rewards.nope", "rewards.cosine", "wit"):
        with pytest.raises(Mistake, match=f"signal={wrong}: training logs no {wrong}. Give one of: reward"):
            check(wrong, given)


def dimension(*values):
    return optuna.distributions.CategoricalDistribution(values)


def test_what_is_swept_and_changes_the_reward_is_found(monkeypatch):
    """Experiments 1 and 2 have one reward, 3 another; seeds and numbers have none."""
    rewards = {"exp1": "accuracy", "exp2": "accuracy", "exp3": "cosine"}
    monkeypatch.setattr(
        Points,
        "compose",
        lambda _, params: OmegaConf.create({"reward": {"is": rewards[params["experiment"]]}}),
    )
    loader = SimpleNamespace(get_group_options=lambda name, _: list(rewards) if name == "experiment" else [])

    def found(**swept):
        return rewarding(Points(loader, None, space.Space(swept, {}, ()), None, 1))

    assert found(experiment=dimension("exp2", "exp3"), seed=dimension(1, 2)) == ["experiment"]
    assert found(experiment=dimension("exp1", "exp2")) == []
    named = {"+reward.format.weight": dimension(1, 2), "reward": dimension("accuracy", "cosine")}
    assert found(**named) == list(named)
    assert found(**{"algorithm.learning_rate": optuna.distributions.FloatDistribution(0, 1)}) == []


def test_outcomes_are_compared_pair_by_pair():
    """The second run is worse on every problem that they differ on; the third is as good."""
    pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
    storage, signal = optuna.storages.InMemoryStorage(), "outcomes:amc23@5"
    study = curves(storage, "sweep", pruner)
    right = [1, 1, 0, 1, 1, 1, 0, 1, 1, 1]
    for run, answers, pruned in (
        ("a", right, False),
        ("b", [0, 0, 0, 0, 0, 0, 0, 1, 1, 1], True),
        ("c", right, False),
    ):
        values = {place: float(right) for place, right in enumerate(answers)}
        curve = RunCurve(study, storage, run, 0, values)
        assert (curve.judge("worse", 5, 0) is not None) == pruned
        value = level(values, signal)
        assert value == sum(answers) / 10
        study.tell(curve.trial, value)


def test_a_run_that_collapsed_is_left_to_its_record(monkeypatch):
    plan = SimpleNamespace(config=SimpleNamespace(stop_at=4, steps=SimpleNamespace(save_every=1)))
    part = SimpleNamespace(stopped={"kind": "collapse"})
    monkeypatch.setattr(signal_history, "until", lambda *_: part)
    trained = []
    assert job.train_by_checkpoint(
        plan, None, Selection("amc23", None), lambda part: trained.append(part) or True
    )
    assert len(trained) == 1


def test_a_run_that_was_stopped_by_its_scores_is_trained_no_further(composed, tmp_path, monkeypatch):
    """Another worker judged it while this one waited for the run's lock."""
    plan = plan_of(composed, tmp_path, "steps.save_every=2")
    monkeypatch.setattr(job, "_standing", lambda *_: "stopped")
    tried = []
    worked = job.train_by_checkpoint(
        plan, None, Selection("amc23", None), lambda part: bool(tried.append(part.config.stop_at))
    )
    assert not worked
    assert tried == [2]


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
    assert "ThresholdPruner: score:amc23" in trials[0].user_attrs[REASON]
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
