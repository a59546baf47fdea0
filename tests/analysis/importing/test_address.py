"""Experiment and step from where a file stands, by the built-in patterns or the user's."""

from pathlib import Path

import pytest

from openrs.analysis.importing import address
from openrs.errors import Mistake
from tests.helpers.result_files import command, imported, new, old, put


@pytest.mark.parametrize(
    ("path", "name", "step"),
    [
        ("logs/overall/Exp1_100/results/org/model/r.json", "Exp1", 100),
        ("in/grpo/checkpoint-50/results/m/r.json", "grpo", 50),
        ("in/grpo/global_step_50/r.json", "grpo", 50),
        ("in/grpo/checkpoints/global_step_50/r.json", "grpo", 50),
        ("in/ExpA/seed_1/ckpts/step-100/r.json", "ExpA/seed_1", 100),
        ("checkpoints/step-100/r.json", "checkpoints", 100),
        ("in/Exp1-step100/results/r.json", "Exp1", 100),
        ("in/Exp1_100_seed_1/results/r.json", "Exp1", 100),
        ("in/ExpA/seed_1/step-100/r.json", "ExpA/seed_1", 100),
        ("in/lr1e-6_100/results/r.json", "lr1e-6", 100),
        ("in/seed_1/results/r.json", "model", None),
        ("in/grpo_seed-1/results/r.json", "model", None),
        ("in/lr1e-6_seed_1/results/r.json", "model", None),
        ("in/lr1e-6/results/r.json", "model", None),
        ("in/eval_2025-03-24/results/r.json", "model", None),
        ("in/20250324_100/results/r.json", "model", None),
        ("in/math_500/results/r.json", "model", None),
        ("in/exp_1/results/r.json", "exp_1", None),
        ("in/results/mistralai/Mistral-2407/r.json", "model", None),
        ("in/exp1_global_step_110_actor_huggingface/r.json", "exp1", 110),
        ("in/results/org/exp1_step_110_hf/r.json", "exp1", 110),
        ("in/results/org/exp1-checkpoint-110-greedy/r.json", "exp1-greedy", 110),
        ("in/results/org/exp1_step110_seed_2/r.json", "exp1", 110),
        ("in/grpo/global_step_110/actor/huggingface/r.json", "grpo", 110),
        ("in/exp_1/results/org/m_step_50_hf/r.json", "exp_1", 50),
        ("in/eval_step_2025-03-24/r.json", "model", None),
        ("in/step_by_step_500k/r.json", "model", None),
    ],
)
def test_numbers_of_steps_and_of_other_things(path, name, step):
    at = address.find(path, address.pattern(None), "model")
    assert (at.name, at.step) == (name, step)


@pytest.mark.parametrize(
    ("model", "name", "step"),
    [
        ("org/exp1_global_step_110_actor_huggingface", "exp1", 110),
        ("/data/ckpts/exp1/global_step_110/actor/huggingface", "exp1", 110),
        ("models/grpo/checkpoint-50", "grpo", 50),
        ("org/two-steps-7B", "org/two-steps-7B", None),
        ("org/m-step-v2", "org/m-step-v2", None),
    ],
)
def test_the_step_of_a_models_name_where_the_path_has_none(model, name, step):
    at = address.find("in/results/r.json", address.pattern(None), model)
    assert (at.name, at.step, at.matched) == (name, step, step is not None)
    at = address.find("in/results/r.json", address.pattern(r"(?P<name>lr\d+)/"), model)
    assert (at.name, at.step, at.matched) == (model, None, False)


@pytest.mark.parametrize(
    ("path", "branch", "name", "step"),
    [
        ("in/results/r.json", "step1000", "org/m", 1000),
        ("in/results/r.json", "global_step_50", "org/m", 50),
        ("in/exp_1/results/r.json", "checkpoint-7", "exp_1", 7),
        ("in/Exp1_50/results/r.json", "step1000", "Exp1", 50),
        ("in/results/r.json", "step0", "org/m", 0),
        ("in/results/r.json", "main", "org/m", None),
        ("in/results/r.json", "v1000", "org/m", None),
        ("in/results/r.json", "step1000-tokens4B", "org/m", 1000),
        ("in/results/r.json", "stage2-step1000", "org/m", None),
    ],
)
def test_a_branch_that_is_a_step(path, branch, name, step):
    at = address.find(path, address.pattern(None), "org/m", branch)
    assert (at.name, at.step) == (name, step)


@pytest.mark.parametrize("form", [old, lambda **_: new({"extractive_match": 0.3}, outputs=_["outputs"])])
def test_branches_of_a_model_that_are_steps_are_checkpoints_of_one_run(tmp_path, form):
    for step in (0, 1000, 2000):
        document = form(outputs=f"a{step}", model="someone/model")
        general = document["config_general"]
        general["model_config"] = general.get("model_config", {}) | {"revision": f"step{step}"}
        general["model_sha"] = f"{step:040d}"
        put(tmp_path / f"in/results/m/results_{step}.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (run.name, [score.step for score in run.scores]) == ("someone/model", [0, 1000, 2000])
    assert run.untrained_at_0


@pytest.mark.parametrize(
    ("place", "model"),
    [
        ("results/m", "org/exp1_global_step_{}_actor_huggingface"),
        ("exp1_global_step_{}_actor_huggingface", "/ckpts/exp1_global_step_{}_actor_huggingface"),
        ("exp1/global_step_{}/actor", "/ckpts/exp1/global_step_{}/actor/huggingface"),
    ],
)
def test_steps_in_the_middle_of_a_name_are_checkpoints_of_one_run(tmp_path, place, model):
    for step in (20, 110):
        document = old(outputs=f"a{step}", model=model.format(step))
        put(tmp_path / "in" / place.format(step) / f"results_{step}.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (run.name, [score.step for score in run.scores]) == ("exp1", [20, 110])


def test_seeds_of_one_model_are_its_samples(tmp_path):
    for seed in (1, 2):
        put(tmp_path / f"in/seed_{seed}/results/m/results_1.json", old(outputs=f"a{seed}"))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (run.name, [score.seed for score in run.scores]) == ("someone/model", [-1, -2])
    assert len(report.unmatched) == 2


@pytest.mark.parametrize("folder", ["step-100", "step-100/results/m/results_1.json"])
def test_a_steps_own_folder_is_seen_with_its_parent(tmp_path, folder):
    put(tmp_path / "grpo/step-100/results/m/results_1.json", old())
    _, (run,) = imported(tmp_path / "grpo" / folder, tmp_path / "out")
    assert (run.name, run.scores[0].step) == ("grpo", 100)


def test_folders_far_above_say_nothing():
    file = Path("/data/run_7/Exp1_100/results/org/model/r.json")
    assert address.place(file, file) == "run_7/Exp1_100/results/org/model/r.json"
    file = Path("/data/Exp1_100/results/a/b/c/logs/r.json")
    assert address.place(file, Path("/data/Exp1_100/results/a/b/c/logs")) == "logs/r.json"


def test_a_pattern_that_fits_nothing_is_a_mistake_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", old())
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out", "--pattern")
    status, _, error = command(monkeypatch, capsys, *arguments, r"(?P<name>lr[^/]+)/")
    assert status == 1
    assert (
        "fits none of the 1 files. A path is matched in this form: in/Exp1_50/results/m/results_1.json"
        in error
    )
    assert not (tmp_path / "out").exists()


def test_files_that_the_users_pattern_does_not_fit_are_counted(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/lr1/x/results_1.json", old())
    put(tmp_path / "in/other/x/results_1.json", old(outputs="a2"))
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out", "--pattern")
    status, shown, _ = command(monkeypatch, capsys, *arguments, r"(?P<name>lr[^/]+)/")
    assert status == 3
    assert "1 files have no experiment in their path: their runs have the model's name and no step." in shown
    status, _, _ = command(monkeypatch, capsys, *arguments, r"/(?P<name>[^/]+)/x/")
    assert status == 0


def test_a_pattern_of_which_a_group_takes_no_part(tmp_path):
    put(tmp_path / "in/iter5/x/results_1.json", old())
    _, (run,) = imported(tmp_path / "in", tmp_path / "out", r"(?P<name>lr\d+/)?iter(?P<step>\d+)/")
    assert (run.name, run.scores[0].step) == ("someone/model", 0)


def test_a_step_that_is_no_number_tells_checkpoints_apart(tmp_path):
    for name in ("best", "final"):
        put(tmp_path / f"in/Exp1/{name}/results_1.json", old(outputs=name))
    _, runs = imported(tmp_path / "in", tmp_path / "out", r"(?P<name>Exp\d+)/(?P<step>[^/]+)/")
    assert [run.name for run in runs] == ["Exp1 best", "Exp1 final"]


def test_a_mistaken_pattern():
    with pytest.raises(Mistake, match="is not a regular expression"):
        address.pattern("(")
