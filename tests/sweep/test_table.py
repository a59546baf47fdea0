"""The comparison table: levels, replicates, paired differences."""

import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from openrs.scores import Cell, score, write
from openrs.sweep import table
from openrs.sweep.tasks import RECORD


def trial(folder, reward, seed, correct, run):
    cell = Cell(10, "aime24", "settings", "scoring", 1)
    size = len(correct)
    columns = {name: [0] * size for name in ("tokens", "truncated", "timed_out")}
    columns |= {"ids": [f"p{i}" for i in range(size)], "correct": correct}
    write(
        folder / run,
        cell,
        score(cell, title="AIME24", columns=columns, seconds=1.0, settings={}, versions={}),
    )
    return create_trial(
        params={"reward": reward, "seed": seed},
        distributions={
            "reward": CategoricalDistribution(["accuracy", "cosine"]),
            "seed": CategoricalDistribution([1, 2]),
        },
        value=100 * sum(correct) / size,
        user_attrs={RECORD: {"run": run, "step": 10, "scores": [str(cell.path(folder / run))]}},
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
    return table.compare(trials, list(objectives), ["maximize"] * len(objectives), "sweep-1")


def test_a_benchmark_that_runs_were_chosen_by_is_marked(trials):
    made, _ = table.compare(trials, ["average"], ["maximize"], "sweep-1", chosen_by="aime24")
    assert "Scores on aime24 decided which runs went on" in made.caption[-1]


def test_seeds_are_replicates_and_a_repeated_run_counts_once(trials):
    made, differences = compared(trials)
    assert made.columns == ("AIME24", "Avg.")
    (first, cells), (second, others) = made.rows
    assert (first, second) == ("reward=accuracy (2 runs)", "reward=cosine (1 run)")
    assert [cell.mean for cell in (*cells, *others)] == [50, 50, 75, 75]
    assert "Runs that differ in seed alone are one row." in made.caption
    ((label, (gain, average)),) = differences.rows
    assert label == "reward=cosine (1 run)"
    assert gain.mean == 25
    assert gain.low > 0, "ten problems of forty went right that had gone wrong"
    assert gain.paired
    assert average is None, "of one benchmark"


def test_objectives_that_are_no_scores_have_columns(trials):
    def also(trial, hours):
        return create_trial(
            params=trial.params, distributions=trial.distributions, values=[trial.value, hours],
            user_attrs=trial.user_attrs,
        )  # fmt: skip

    both = [also(trial, hours) for trial, hours in zip(trials, (1.0, 2.0, 4.0, 4.0), strict=True)]
    made, _ = compared(both, ("average", "device_hours"))
    assert made.columns == ("AIME24", "Avg.", "device_hours")
    assert str(made.rows[0][1][2]) == "1.500 ± 0.7"
    assert str(made.rows[1][1][2]) == "4.000"


def test_a_missing_score_is_a_blank(trials, tmp_path):
    lost = trials[2].user_attrs[RECORD] | {"scores": [str(tmp_path / "nowhere.json")]}
    trials[2].set_user_attr(RECORD, lost)
    made, _ = compared(trials[:3])
    assert made.rows[1] == ("reward=cosine (1 run)", (None, None))


def test_no_evaluation_leaves_the_objectives_alone():
    plain = create_trial(params={}, distributions={}, value=2.5, user_attrs={RECORD: {"run": "r"}})
    (made,) = compared([plain], ("reward",))
    assert made.columns == ("reward",)
    assert [(label, str(cell)) for label, (cell,) in made.rows] == [("all (1 run)", "2.500")]
    assert compared([]) == []


def test_of_a_large_sweep_the_best_are_shown(monkeypatch):
    monkeypatch.setattr(table, "MOST", 3)
    many = [
        create_trial(
            params={"x": x}, distributions={"x": CategoricalDistribution(list(range(6)))}, value=float(x),
            user_attrs={RECORD: {"run": str(x)}},
        )
        for x in range(6)
    ]  # fmt: skip
    (made,) = compared(many, ("reward",))
    assert [label for label, _ in made.rows] == ["x=0 (1 run)", "x=5 (1 run)", "x=4 (1 run)"]
    assert made.caption == ("3 more levels are in the study; the best are shown.",)
