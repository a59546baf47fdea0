"""The comparison table: levels, replicates, paired differences."""

import json

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from openrs.analysis.tables import sweep_comparison
from openrs.records.files import write_record
from openrs.records.scores import ScoreAddress, score, write
from openrs.studies.trials import RECORD
from openrs.sweep.report import comparison


def trial(folder, reward, seed, correct, run):
    cell = ScoreAddress(10, "aime24", "settings", "scoring", 1)
    size = len(correct)
    columns = {name: [0] * size for name in ("tokens", "truncated", "timed_out")}
    columns |= {"ids": [f"p{i}" for i in range(size)], "correct": correct}
    config = {"scale": {"name": "nano"}, "model": {"title": "the base"}}
    write_record(folder / run / "run.json", {"name": run, "id": run, "recipe": {}, "config": config})
    write(folder / run, score(cell, title="AIME24", columns=columns, seconds=1.0, settings={}, versions={}))
    return create_trial(
        params={"reward": reward, "seed": seed},
        distributions={
            "reward": CategoricalDistribution(["accuracy", "cosine"]),
            "seed": CategoricalDistribution([1, 2]),
        },
        value=100 * sum(correct) / size,
        user_attrs={
            RECORD: {
                "run": run,
                "folder": str(folder / run),
                "step": 10,
                "scores": [str(cell.path(folder / run))],
            }
        },
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


def compared(trials, objectives=("average",)):
    return comparison(trials, list(objectives), ["maximize"] * len(objectives), "sweep-1")


def test_a_benchmark_that_runs_were_chosen_by_is_marked(trials):
    table, _ = comparison(trials, ["average"], ["maximize"], "sweep-1", selected_by="aime24")
    assert "Scores on aime24 decided which runs went on" in table.caption[-1]


def test_trials_of_several_kinds_of_device_are_said_to_be(trials, tmp_path):
    assert not any("kinds of device" in line for line in compared(trials)[0].caption)
    for run, device in (("a", "NVIDIA A40"), ("b", "NVIDIA A40"), ("c", "NVIDIA L40")):
        (path,) = (tmp_path / run).glob("eval/*/*/seed-*.json")
        write_record(path, json.loads(path.read_text()) | {"device": device})
    caption = compared(trials)[0].caption
    assert any("several kinds of device (NVIDIA A40 | NVIDIA L40)" in line for line in caption)


def test_seeds_are_replicates_and_a_repeated_run_counts_once(trials):
    table, differences = compared(trials)
    assert table.columns == ("AIME24", "Avg.")
    (first, cells), (second, others) = table.rows
    assert (first, second) == ("reward=accuracy (2 runs)", "reward=cosine (1 run)")
    assert [cell.mean for cell in (*cells, *others)] == [50, 50, 75, 75]
    assert table.caption[0] == (
        "A row is a level at its last evaluated step, the mean over its runs, which differ in seed alone."
    )
    ((label, (gain, average)),) = differences.rows
    assert label == "reward=cosine (1 run) - reward=accuracy (2 runs)"
    assert gain.mean == 25
    assert gain.low > 0, "ten problems of forty went right that had gone wrong"
    assert gain.paired
    assert average is None, "of one benchmark"
    assert (
        "as the 1 recipe with several runs (standard deviation of a run's average 0.0, 1 degree"
        in "".join(differences.caption)
    ), "one run tells no spread"
    assert differences.caption[-1].startswith("reward=cosine (1 run) is the best on AIME24: 75.0, ahead of")


def test_objectives_that_are_no_scores_have_columns(trials):
    def also(trial, hours):
        return create_trial(
            params=trial.params, distributions=trial.distributions, values=[trial.value, hours],
            user_attrs=trial.user_attrs,
        )  # fmt: skip

    both = [also(trial, hours) for trial, hours in zip(trials, (1.0, 2.0, 4.0, 4.0), strict=True)]
    table, _ = compared(both, ("average", "device_hours"))
    assert table.columns == ("AIME24", "Avg.", "device_hours")
    assert str(table.rows[0][1][2]) == "1.500 ± 0.7"
    assert str(table.rows[1][1][2]) == "4.000"


def other(reward, state, seed=1, **attributes):
    """A trial that is not complete."""
    return create_trial(
        state=state, params={"reward": reward, "seed": seed},
        distributions={
            "reward": CategoricalDistribution(["length", "accuracy", "cosine"]),
            "seed": CategoricalDistribution([1, 2]),
        },
        user_attrs=attributes,
    )  # fmt: skip


def test_what_is_not_complete_is_noted(trials):
    pruned = other("length", TrialState.PRUNED, reason="MedianPruner: reward 1 at step 10")
    failed = other("length", TrialState.FAIL, seed=2, error="out of memory\nwith a trace")
    partly = other("cosine", TrialState.FAIL, seed=2)
    table, differences = comparison(
        [*trials, pruned, failed, partly], ["average"], ["maximize"], "sweep-1", missing=2
    )
    assert [label for label, _ in table.rows] == ["reward=accuracy (2 runs)", "reward=cosine (1 run)"]
    assert table.title == "Comparison of 2 levels"
    assert table.caption[-3:] == (
        "Levels without a complete run: reward=length: pruned (MedianPruner: reward 1 at step 10); failed "
        "(out of memory).",
        "Trials left out of their level's mean: reward=cosine (1: failed (its process died)).",
        "2 trials were not run.",
    )
    assert not any("has no complete run" in line for line in (*table.caption, *differences.caption))


def test_of_many_levels_without_a_run_some_are_named(trials, monkeypatch):
    monkeypatch.setattr(sweep_comparison, "LISTED", 1)
    lost = [other("length", TrialState.PRUNED), other("cosine", TrialState.RUNNING)]
    table, *_ = compared([*trials[:2], *lost])
    assert table.caption[-1] == "Levels without a complete run: reward=length: pruned; and 1 more."


def test_the_first_level_is_missed_if_it_failed(trials):
    first = other("length", TrialState.FAIL, error="out of memory")
    lost = "The first level, reward=length, has no complete run: failed (out of memory)."
    table, differences = compared([first, *trials])
    assert lost in table.caption
    assert [label for label, _ in differences.rows] == ["reward=cosine (1 run) - reward=accuracy (2 runs)"]
    (alone,) = compared([first, *trials[:2]])
    assert alone.caption[-1] == lost


def test_values_that_four_digits_do_not_tell_apart_are_levels_of_their_own():
    rates = (1.00001e-4, 1.00002e-4)
    close = [
        create_trial(
            params={"rate": rate, "weight": 0.5}, value=rate, user_attrs={RECORD: {"run": str(rate)}},
            distributions={"rate": FloatDistribution(0, 1), "weight": FloatDistribution(0, 1)},
        )
        for rate in rates
    ]  # fmt: skip
    (table,) = compared(close, ("reward",))
    assert [label for label, _ in table.rows] == [
        "rate=0.000100001, weight=0.5 (1 run)", "rate=0.000100002, weight=0.5 (1 run)",
    ]  # fmt: skip


def test_a_missing_score_is_a_blank(trials, tmp_path):
    lost = trials[2].user_attrs[RECORD] | {"scores": [str(tmp_path / "nowhere.json")]}
    trials[2].set_user_attr(RECORD, lost)
    table, _ = compared(trials[:3])
    assert table.rows[1] == ("reward=cosine (1 run)", (None, None))


def test_no_evaluation_leaves_the_objectives_alone():
    plain = create_trial(params={}, distributions={}, value=2.5, user_attrs={RECORD: {"run": "r"}})
    (table,) = compared([plain], ("reward",))
    assert table.columns == ("reward",)
    assert [(label, str(cell)) for label, (cell,) in table.rows] == [("all (1 run)", "2.500")]
    assert compared([]) == []


def test_of_a_large_sweep_the_best_are_shown(monkeypatch):
    monkeypatch.setattr(sweep_comparison, "MOST", 3)
    many = [
        create_trial(
            params={"x": x}, distributions={"x": CategoricalDistribution(list(range(6)))}, value=float(x),
            user_attrs={RECORD: {"run": str(x)}},
        )
        for x in range(6)
    ]  # fmt: skip
    (table,) = compared(many, ("reward",))
    assert [label for label, _ in table.rows] == ["x=0 (1 run)", "x=5 (1 run)", "x=4 (1 run)"]
    assert table.caption == ("The best levels are shown; the study has 3 more.",)


TERM = {"weight": 1.0}


def rewarded(folder, trial, reward, base):
    """A trial whose run has a reward, with the run of its base model."""
    record = trial.user_attrs[RECORD]
    path = folder / record["run"] / "run.json"
    run = json.loads(path.read_text())
    run["config"] |= {"reward": {"accuracy": None, "custom": {}} | reward, "data": {"shuffled_golds": False}}
    write_record(path, run)
    trial.set_user_attr(RECORD, record | {"base": str(base)})
    return trial


def test_control_arms_are_measured_by_the_gain_of_the_true_reward_over_the_base_model(tmp_path):
    base, few, most = "base", [1, 0, 0, 0] * 20, [1, 1, 1, 0] * 20
    trial(tmp_path, "accuracy", 1, few, base)
    (path,) = (tmp_path / base).glob("eval/*/*/seed-*.json")
    untrained = json.loads(path.read_text()) | {"step": 0}
    trials = [
        rewarded(tmp_path, trial(tmp_path, "accuracy", 1, most, "a"), {"accuracy": TERM}, tmp_path / base),
        rewarded(tmp_path, trial(tmp_path, "cosine", 1, few, "c"), {"format": TERM}, tmp_path / base),
    ]
    table, _ = compared(trials)
    assert table.caption[-1].startswith("The share of the gain that the control arms reach is not known")
    write_record(path.parents[2] / "step-00000" / path.parent.name / path.name, untrained)

    table, shares, _ = compared(trials)
    assert not any("is not known: no one base model" in line for line in table.caption)
    assert shares.name == "sweep-1-controls"
    ((label, (share, *_)),) = shares.rows
    assert (label, share.mean) == ("reward=cosine (1 run)", pytest.approx(0))
    assert share.low < 0 < share.high < 100


def test_a_sweep_that_asked_for_the_base_model_shows_what_each_level_gained_or_forgot(tmp_path):
    few, most = [1, 0, 0, 0] * 20, [1, 1, 1, 0] * 20
    trial(tmp_path, "accuracy", 1, most, "base")
    (path,) = (tmp_path / "base").glob("eval/*/*/seed-*.json")
    zero = path.parents[2] / "step-00000" / path.parent.name / path.name
    write_record(zero, json.loads(path.read_text()) | {"step": 0})
    trials = [trial(tmp_path, "accuracy", 1, most, "a"), trial(tmp_path, "cosine", 1, few, "c")]
    for one in trials:
        rewarded(tmp_path, one, {"accuracy": TERM}, tmp_path / "base")
    assert len(compared(trials)) == 2, "nobody asked"
    for run in ("a", "c"):
        record = json.loads((tmp_path / run / "run.json").read_text())
        record["config"]["evaluation"] = {"checkpoints": ["0", "last"]}
        write_record(tmp_path / run / "run.json", record)
    _, gains, _ = compared(trials)
    assert (gains.title, gains.name) == ("Differences to the base", "sweep-1-base")
    assert [(label, cells[0].mean) for label, cells in gains.rows] == [
        ("reward=accuracy (1 run)", 0), ("reward=cosine (1 run)", -50),
    ]  # fmt: skip
    assert "what was forgotten" in gains.caption[-1]
