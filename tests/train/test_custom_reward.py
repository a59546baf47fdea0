"""A user's own reward in real trainings: logged like the others, and another run when it changes."""

import json

import pytest
from pyarrow import parquet

from tests.helpers.commands import openrs
from tests.helpers.sweeps import TRAINING, study_of, sweep
from tests.rewards.test_custom import BREVITY

CUSTOM = "reward.custom.brevity={function: rewards.py:brevity, weight: 0.5, arguments: {cap: 200}}"


def training(folder, *more, **environment):
    (folder / "rewards.py").touch()
    return openrs(*TRAINING, "evaluation.checkpoints=[last]", *more, cwd=folder, **environment)


def runs(folder):
    return sorted(folder.glob("outputs/runs/exp2-*"), key=lambda path: path.stat().st_ctime)


def lines(run):
    return [json.loads(line) for line in (run / "train/metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_twelve_lines_train_and_one_changed_character_is_another_run(tmp_path):
    assert len(BREVITY.splitlines()) <= 12
    (tmp_path / "rewards.py").write_text(BREVITY)
    made = training(tmp_path, CUSTOM, "+reward.custom.thinks.function=trl.rewards:think_format_reward")
    assert made.returncode == 0, made.stderr[-3000:]
    (run,) = runs(tmp_path)
    table = parquet.read_table(next(run.glob("train/completions/*.parquet"))).to_pylist()
    expected = [max(0.0, 1 - len(row["completion"][0]["content"]) / 200) for row in table]
    assert [row["brevity"] for row in table] == pytest.approx(expected, abs=1e-6)
    for line in lines(run):
        assert list(line["rewards"]) == ["format", "accuracy", "brevity", "thinks"]
        terms = line["rewards"]
        total = terms["format"] + 2 * terms["accuracy"] + 0.5 * terms["brevity"] + terms["thinks"]
        assert line["reward"] == pytest.approx(total, abs=1e-4)
        assert 0 < terms["brevity"] < 1
    (segment,) = json.loads((run / "train.json").read_text())["segments"]
    assert segment["rewards"].keys() == {"brevity", "thinks"}
    assert (run / "rewards/brevity/rewards.py").read_text() == BREVITY
    again = training(tmp_path, CUSTOM, "+reward.custom.thinks.function=trl.rewards:think_format_reward")
    assert f"{run.name}: trained to step 3, nothing to train" in again.stderr
    (tmp_path / "rewards.py").write_text(BREVITY.replace("1 - ", "2 - "))
    other = training(tmp_path, CUSTOM, "+reward.custom.thinks.function=trl.rewards:think_format_reward")
    assert len(runs(tmp_path)) == 2
    assert f"another run than {run.name}, as {tmp_path}/rewards.py changed since: line 9 was" in other.stderr


WRONG = """
def brevity(completions, trainer_state, **kwargs):
    return [float("nan") if trainer_state.global_step == 1 else 1.0] * len(completions)
"""


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("hardware", ["cpu", "cpux2"])
def test_what_goes_wrong_in_training_is_one_line_in_every_layout(tmp_path, hardware):
    (tmp_path / "rewards.py").write_text(WRONG)
    custom = "reward.custom.brevity={function: rewards.py:brevity}"
    made = training(tmp_path, custom, f"hardware={hardware}", "algorithm.prompts_per_step=4")
    assert made.returncode == 1
    (error,) = (line for line in made.stderr.splitlines() if "rewards.py" in line)
    assert "rewards.py:brevity returned nan for completion 1 of " in error
    assert error.endswith("at step 2. Return one, or None for a completion that it does not judge. A changed "
                          "file is another run.")  # fmt: skip
    (run,) = runs(tmp_path)
    assert not (run / "train.json").exists()


@pytest.mark.slow
def test_a_wrong_reward_is_refused_before_anything_is_made(tmp_path):
    made = training(tmp_path, CUSTOM)
    assert made.returncode == 1
    assert "rewards.py has no function brevity. Define it in rewards.py." in made.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_a_study_takes_its_rewards_with_it(tmp_path):
    study, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    (study / "conf/experiment").mkdir(parents=True)
    elsewhere.mkdir()
    (study / "rewards.py").write_text(BREVITY)
    (study / "conf/experiment/mine.yaml").write_text(
        "# @package _global_\nreward:\n  custom:\n    brevity:\n      function: rewards.py:brevity\n"
        "      arguments: {cap: '${length.completion}'}\n"
    )
    command = ["--config-dir", study / "conf", "experiment=mine", "scale=nano", "dry_run=true"]
    made = openrs(*command, cwd=elsewhere)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("mine: outputs/runs/mine-")


@pytest.mark.slow
def test_arguments_and_fields_of_trl_are_swept(tmp_path):
    (tmp_path / "rewards.py").write_text(BREVITY)
    command = [
        *TRAINING,
        "steps.total=1",
        CUSTOM,
        "reward.custom.brevity.arguments.cap=50,100",
        "algorithm.trl.top_k=0,5",
    ]
    made = sweep(*command, cwd=tmp_path)
    assert made.returncode == 0, made.stderr[-3000:]
    study = study_of(tmp_path / "outputs")
    assert [trial.params for trial in study.trials] == [
        {"reward.custom.brevity.arguments.cap": cap, "algorithm.trl.top_k": top_k}
        for cap in (50, 100)
        for top_k in (0, 5)
    ]
    assert len(runs(tmp_path)) == 4
