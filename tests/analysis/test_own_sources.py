"""Recipes are apart where their data files are, though all else in them is the same."""

import pytest

from openrs.analysis import commands, run_records
from openrs.analysis.factors import names, replicates
from openrs.records.files import read_record, write_record
from tests.helpers.run_folders import halves, make_run


def trained_on(outputs, file, mark, seed, data_seed=1):
    """The id of a run of 40 problems on a file of one's own, of which more seeds are right on one arm."""
    recipe = {"seed": seed, "data": {"draws": {"own": {"source": "own"}}, "seed": data_seed}}
    recipe["data"]["rows"] = f"{mark}{data_seed}"
    right = [1] * 30 + [0] * 10 if mark == "b" else halves(40)[0]
    folder = make_run(outputs, "exp2", {10: {"amc23": [right]}}, recipe)
    record = read_record(folder / "run.json")
    sources = {"own": {"id": f"outputs/curated/{file}", "fingerprint": mark * 64}} if file else {}
    write_record(folder / "run.json", record | {"invocations": [{"data": {"sources": sources}}]})
    return record["id"]


@pytest.fixture
def outputs(tmp_path):
    for file, mark in (("control.jsonl", "a"), ("curated.jsonl", "b")):
        for seed in (1, 2, 3):
            trained_on(tmp_path, file, mark, seed)
    return tmp_path


def test_runs_on_other_problems_repeat_no_recipe(tmp_path):
    one = trained_on(tmp_path, "control.jsonl", "a", 1)
    again = trained_on(tmp_path, "control.jsonl", "a", 2, data_seed=2)
    other = trained_on(tmp_path, "curated.jsonl", "b", 1)
    runs = run_records.load_all(tmp_path)
    ids = replicates(runs)
    assert ids[one] == ids[again] != ids[other]
    labels = names(runs, seeds=False)
    assert (labels[one], labels[other]) == ("exp2 (data=control.jsonl)", "exp2 (data=curated.jsonl)")


def test_files_of_one_name_are_told_by_their_fingerprints(tmp_path):
    ids = [trained_on(tmp_path, "mine.jsonl", mark, 1) for mark in "ab"]
    labels = names(run_records.load_all(tmp_path), seeds=False)
    assert [labels[id_] for id_ in ids] == ["exp2 (data=mine.jsonl...aaaa)", "exp2 (data=mine.jsonl...bbbb)"]


def test_a_record_without_sources_stays_with_the_others(tmp_path):
    ids = {trained_on(tmp_path, "", "a", 1), trained_on(tmp_path, "control.jsonl", "a", 2)}
    assert len(set(replicates(run_records.load_all(tmp_path)).values())) == 1
    assert len(ids) == 2


@pytest.mark.parametrize("verb", ["table1", "ablation"])
def test_a_table_has_a_row_for_each_file(outputs, capsys, verb):
    assert commands.main([verb, "--plain", str(outputs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for file, score in (("control.jsonl", "50.0"), ("curated.jsonl", "75.0")):
        row = next(line for line in lines if f"data={file}" in line)
        assert "3 " in row.split("|")[1], "three runs"
        assert score in row


def test_a_decision_is_about_the_files(outputs, capsys):
    words = ["data=control.jsonl", "data=curated.jsonl"]
    assert commands.main(["decide", *words, "--outputs", str(outputs)]) == 0
    assert "+25.0 points" in capsys.readouterr().out


CHECKPOINT = "/a/long/folder/outputs/runs/exp3-11197ad6/train/checkpoint-2"
PARITY = {"function": "even_answer", "source": "a" * 64}
COSINE = {"cosine": {"weight": 1.0}, "format": {"weight": 1.0}}


@pytest.mark.parametrize(
    ("recipes", "labels"),
    [
        (  # the hash of weights says no more than the name of the model
            [{"model": {"id": "openrs-nano", "weights": "a" * 64}},
             {"model": {"id": CHECKPOINT, "weights": "b" * 64}}],
            ["model.id=openrs-nano", "model.id=exp3-11197ad6/checkpoint-2"],
        ),
        (
            [{"model": {"id": "m", "weights": mark * 64}} for mark in "ab"],
            ["model.weights=aaaaaaaaaaaaaaaaaaaa...", "model.weights=bbbbbbbbbbbbbbbbbbbb..."],
        ),
        (
            [{"reward": COSINE}, {"reward": COSINE | {"custom": {"parity": PARITY}}}],
            ["reward=cosine+format", "reward=cosine+parity+format"],
        ),
        (
            [{"reward": COSINE},
             *({"reward": COSINE | {"custom": {"x": PARITY | {"function": name}}}} for name in "fg")],
            ["reward=cosine+format", "reward=cosine+x+format, custom.x.function=f",
             "reward=cosine+x+format, custom.x.function=g"],
        ),
    ],
)  # fmt: skip
def test_models_and_rewards_are_told_by_their_names(tmp_path, recipes, labels):
    for recipe in recipes:
        make_run(tmp_path, "exp3", {10: {"amc23": halves()}}, recipe)
    runs = sorted(run_records.load_all(tmp_path), key=lambda run: recipes.index(run.recipe))
    for run, label in zip(runs, labels, strict=True):
        assert names(runs)[run.id].startswith(f"exp3 ({label}")


def test_a_row_of_all_problems_says_so(tmp_path, capsys):
    for benchmark, problems in (("amc23", 4), ("aime24", None)):
        settings = {"max_problems": problems}
        make_run(tmp_path, "base", {0: {benchmark: halves()}}, {"of": benchmark}, settings=settings)
    assert commands.main(["table1", "--plain", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "all problems)" in shown
    assert "None" not in shown
