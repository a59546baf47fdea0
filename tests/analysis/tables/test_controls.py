"""What control arms reach of the true reward's gain, in an ablation and at the end of a sweep."""

import pytest

from openrs.analysis import run_records
from openrs.analysis.tables import ablation, controls
from openrs.analysis.tables.ablation import AblationDesign
from openrs.analysis.tables.comparisons import CHECKPOINTS
from tests.helpers.run_folders import make_run

ACCURACY = {"format": {"weight": 1.0}, "accuracy": {"weight": 2.0}, "cosine": None, "custom": {}}
FORMAT = ACCURACY | {"accuracy": None}


def own(function):
    return FORMAT | {"custom": {"mine": {"function": function}}}


@pytest.mark.parametrize(
    ("config", "control"),
    [
        ({"reward": ACCURACY, "data": {}}, False),
        ({"reward": ACCURACY, "data": {"shuffled_golds": True}}, True),
        ({"reward": FORMAT, "data": {}}, True),
        ({"reward": own("openrs.rewards.controls:coin"), "data": {}}, True),
        ({"reward": own("rewards.py:mine"), "data": {}}, False),
        ({}, False),
    ],
)
def test_an_arm_whose_reward_cannot_know_what_is_right_is_a_control(config, control):
    assert controls.is_control(config) == control


def right(count, n=80):
    return [[1] * count + [0] * (n - count)]


def study(tmp_path, true=60, seeds=(1, 2, 3)):
    make_run(tmp_path, "base", {0: {"aime24": right(20), "amc23": right(20)}}, report_step=0)
    for name, reward, count in (("exp2", ACCURACY, true), ("format_alone", FORMAT, 30)):
        for seed in seeds:
            scores = {"aime24": right(count + seed), "amc23": right(count + seed)}
            config = {"reward": reward, "data": {"shuffled_golds": False}}
            recipe = {"seed": seed, "reward": {name: term for name, term in reward.items() if term}}
            make_run(tmp_path, name, {10: scores}, recipe, config=config)
    return run_records.load_all(tmp_path)


def test_an_ablation_says_what_share_of_the_gain_a_control_arm_reaches(tmp_path):
    tables = ablation.tables(study(tmp_path), AblationDesign())
    (shares,) = [table for table in tables if table.name == "ablation-controls"]
    assert shares.columns == ("AIME24", "AMC23", "Avg.")
    ((label, cells),) = shares.rows
    assert label == "reward=format (3 runs)"
    assert [cell.mean for cell in cells] == pytest.approx([100 * 12 / 42] * 3)  # 32 - 20 of 62 - 20
    assert cells[0].low < cells[2].low < cells[2].mean < cells[2].high < cells[0].high
    assert "Percent of the gain of reward=accuracy+format (3 runs) over the base" in shares.caption[0]
    assert CHECKPOINTS not in shares.caption


def test_where_the_gain_itself_could_be_noise_the_share_is_not_known(tmp_path):
    tables = ablation.tables(study(tmp_path, true=18), AblationDesign())
    (shares,) = [table for table in tables if table.name == "ablation-controls"]
    assert shares.rows[0][1] == (controls.NOT_KNOWN,) * 3
    assert "the gain itself is within noise" in shares.caption[1]


def test_arms_of_one_run_are_said_to_be_checkpoints(tmp_path):
    tables = ablation.tables(study(tmp_path, seeds=(1,)), AblationDesign())
    (shares,) = [table for table in tables if table.name == "ablation-controls"]
    assert CHECKPOINTS in shares.caption
