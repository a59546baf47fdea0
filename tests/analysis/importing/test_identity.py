"""Which imported results are samples of one cell, which are repeats, and which are others' weights."""

import shutil

import pytest
import xxhash

from openrs.analysis.rows import result_rows
from openrs.analysis.run_records import evaluations
from openrs.errors import Mistake
from tests.helpers.result_files import command, imported, new, old, put


def revised(revision, value, where="model_config", **more):
    document = new({"extractive_match": value}, outputs=f"{revision}{value}", **more)
    if where == "model_sha":
        document["config_general"]["model_sha"] = revision
    else:
        document["config_general"]["model_config"]["revision"] = revision
    return document


@pytest.mark.parametrize("where", ["model_sha", "model_config"])
def test_two_revisions_of_a_model_are_no_two_samples_of_one(tmp_path, where):
    put(tmp_path / "in/results/m/results_1.json", revised("r1", 0.3, where))
    put(tmp_path / "in/results/m/results_2.json", revised("r2", 0.5, where))
    put(tmp_path / "in/results/m/results_3.json", revised("r2", 0.6, where))
    _, runs = imported(tmp_path / "in", tmp_path / "out")
    by_run = {run.recipe["imported"]["revision"]: [score.value for score in run.scores] for run in runs}
    assert {key: sorted(values) for key, values in by_run.items()} == {"r1": [0.3], "r2": [0.5, 0.6]}
    labels = {line.label for line in result_rows([item for run in runs for item in evaluations(run)])}
    assert labels == {"someone/model (imported.revision=r1)", "someone/model (imported.revision=r2)"}


def test_each_step_has_its_revision_and_one_step_never_two(tmp_path):
    for step, revision in ((50, "r1"), (100, "r2")):
        put(tmp_path / f"in/Exp1_{step}/results/m/results_1.json", revised(revision, step / 1000))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert [(score.step, score.imported["revision"]) for score in run.scores] == [(50, "r1"), (100, "r2")]
    put(tmp_path / "in/Exp1_50/results/m/results_2.json", revised("r3", 0.4))
    put(tmp_path / "in/Exp1_50/results/m/results_3.json", new({"extractive_match": 0.6}, outputs="c"))
    for _ in range(2):  # the second time nothing moves
        _, runs = imported(tmp_path / "in", tmp_path / "out")
        at_50 = [{s.imported["revision"] for s in run.scores if s.step == 50} for run in runs]
        assert sorted(at_50, key=str) == sorted([{"r1"}, {"r3"}, {None}], key=str)


def test_the_engines_seed_is_the_seed_where_requests_have_none(tmp_path):
    config = {"gpu_memory_utilization": 0.9, "seed": 1234, "multichoice_continuations_start_space": True}
    put(tmp_path / "in/results/m/results_1.json", new({"extractive_match": 0.3}, **config))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.seed, score.settings["engine"]) == (1234, "vllm")
    put(tmp_path / "in/results/m/results_1.json", new({"extractive_match": 0.3}, seed=7, random_seed=1234))
    _, (run,) = imported(tmp_path / "in", tmp_path / "other")
    assert (run.scores[0].seed, run.scores[0].settings["engine"]) == (7, "not stated")


@pytest.mark.parametrize("values", [(0.3, 0.3), (0.3, 0.5)])
@pytest.mark.parametrize("answers", ["no tokens", "choices"])
def test_a_hash_that_all_models_share_makes_no_repeat(tmp_path, values, answers):
    shared = xxhash.xxh64(xxhash.xxh64("[]").hexdigest() * 30).hexdigest() if answers == "no tokens" else "c"
    for model, value in zip("ab", values, strict=True):
        document = old(model=model, value=value, outputs=shared)
        if answers == "choices":
            document["results"] = {"custom|aime24|0": {"acc": value}}
        put(tmp_path / f"in/results/{model}/results_1.json", document)
    report, runs = imported(tmp_path / "in", tmp_path / "out")
    assert (report.repeats, report.skipped) == ([], [])
    assert [(run.name, run.scores[0].value) for run in runs] == list(zip("ab", values, strict=True))


def test_other_problems_are_another_cell(tmp_path):
    for n, value in ((30, 0.3), (20, 0.35)):
        document = old(value=value, n=n)
        document["summary_tasks"] = {}
        put(tmp_path / f"in/Exp1_50/results/m/results_{n}.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    rows = result_rows(evaluations(run))
    assert sorted((line.cells["AIME24"].n, line.cells["AIME24"].k) for line in rows) == [(20, 1), (30, 1)]


def test_a_model_without_a_step_is_no_base_model(tmp_path, monkeypatch, capsys):
    base = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
    for number, model in enumerate(("a/first", base, "z/last")):
        put(tmp_path / f"in/results/{model}/results_1.json", old(model=model, outputs=f"o{number}"))
    _, runs = imported(tmp_path / "in", tmp_path / "out")
    by_run = {line.label: line.trained for run in runs for line in result_rows(evaluations(run))}
    assert by_run == {"a/first": True, base: False, "z/last": True}
    _, shown, _ = command(monkeypatch, capsys, "table1", tmp_path / "out", "--imported")
    assert f"**Differences to {base}**" in shown
    published = shown[shown.index("Differences to the published base row") :]
    assert "| a/first |" in published
    assert f"| {base} |" not in published


def test_a_baseline_is_named(tmp_path, monkeypatch, capsys):
    for model in ("a/first", "z/last"):
        put(tmp_path / f"in/results/{model}/results_1.json", old(model=model, outputs=model))
    put(tmp_path / "in/Exp1_0/results/m/results_1.json", old(outputs="o0"))
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    command(monkeypatch, capsys, *arguments)
    _, runs = imported(tmp_path / "in", tmp_path / "out", collection="in")
    assert {run.name: evaluations(run)[0].trained for run in runs} == {
        "Exp1": False,
        "a/first": True,
        "z/last": True,
    }
    status, _, _ = command(monkeypatch, capsys, *arguments, "--baseline", "last")
    _, runs = imported(tmp_path / "in", tmp_path / "out", collection="in")
    assert status == 0
    assert {run.name: evaluations(run)[0].trained for run in runs} == {
        "Exp1": False,
        "a/first": True,
        "z/last": False,
    }
    with pytest.raises(Mistake, match=r"baseline=Exp1: no result without a training step .* a/first, z/last"):
        imported(tmp_path / "in", tmp_path / "new", baseline="Exp1")


def test_repeats_are_known_across_folders(tmp_path):
    put(tmp_path / "evals/Exp1_100/results/m/results_1.json", old(outputs="a1"))
    put(tmp_path / "overall/Exp1_100/results/m/results_2.json", old(outputs="a1"))
    put(tmp_path / "overall/Exp1_100/results/m/results_3.json", old("amc23", n=40, outputs="a2"))
    imported(tmp_path / "evals", tmp_path / "out", collection="evals")
    report, (run,) = imported(tmp_path / "overall", tmp_path / "out", collection="overall")
    assert (report.imported, len(report.repeats)) == (1, 1)
    assert {score.title for score in run.scores} == {"AIME24", "AMC23"}
    again, _ = imported(tmp_path / "overall", tmp_path / "out", collection="overall")
    assert (again.imported, again.earlier, len(again.repeats)) == (0, 1, 1)


def test_repeats_are_known_under_another_name_and_only_of_the_same_task(tmp_path):
    put(tmp_path / "evals/Exp1_100/results/m/results_1.json", old(outputs="a1"))
    put(tmp_path / "released/results/you/OpenRS1/results_1.json", old(outputs="a1", model="you/OpenRS1"))
    put(tmp_path / "released/results/you/Other/results_1.json", old("amc23", outputs="a1", model="you/Other"))
    imported(tmp_path / "evals", tmp_path / "out")
    report, runs = imported(tmp_path / "released", tmp_path / "out")
    assert {run.name for run in runs} == {"Exp1", "you/Other"}
    (repeat,) = report.repeats
    assert "stored as Exp1 step 100 (remove imported/Exp1-" in repeat


def test_equal_outputs_of_two_steps_of_one_experiment_are_both_kept(tmp_path):
    for step in (50, 100):
        document = old(outputs="a1")
        document["config_general"]["start_time"] = step
        put(tmp_path / f"in/Exp1_{step}/results/m/results_{step}.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert ([score.step for score in run.scores], report.repeats) == ([50, 100], [])
    shutil.copy(
        tmp_path / "in/Exp1_50/results/m/results_50.json", tmp_path / "in/Exp1_100/results/m/results_3.json"
    )  # the very file in a second folder is a copy
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (len(run.scores), len(report.repeats)) == (2, 1)


def test_unrelated_collections_with_names_alike_stay_apart(tmp_path):
    for place in ("mine", "yours"):
        put(tmp_path / place / "Exp1_100/results/m/results_1.json", old(outputs=place))
        _, runs = imported(tmp_path / place, tmp_path / "out", collection=place)
    assert [len(run.scores) for run in runs] == [1, 1]
