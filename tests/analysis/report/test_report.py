"""The report's data: what is drawn into the viewer, what is told, and that text is inert in the page."""

import json

import numpy as np
import optuna
import pytest

from openrs.analysis import commands as cli
from openrs.analysis import run_records
from openrs.analysis.report import collect, completions, page
from openrs.analysis.rows import result_rows
from openrs.analysis.tables import comparisons
from openrs.errors import Mistake
from openrs.records.files import write_record
from openrs.studies import reader
from openrs.studies.storage import open_storage
from tests.helpers.run_folders import imported_run, make_run, store_texts


def answer(i):
    return f"answer {i}"


@pytest.fixture
def outputs(tmp_path):
    halves = {"aime24": [[1, 0] * 15], "amc23": [[0, 1] * 20]}
    store_texts(make_run(tmp_path, "base", {0: halves}, report_step=0), answer)
    exp1 = {10: halves, 20: {"aime24": [[1, 0] * 14 + [0, 1]], "amc23": [[0, 1] * 20]}}
    store_texts(make_run(tmp_path, "exp1", exp1), answer)
    return tmp_path


def collected(outputs, most=completions.MOST):
    return collect.collect(run_records.load_all(outputs), outputs, most)


def test_a_page_holds_its_data_and_no_script_of_a_model():
    hostile = "</script><script>x</script>&amp;\u2028\ud800"
    embedded = page.embedded({"text": hostile})
    assert not {"<", ">", "&", "\u2028"} & set(embedded)
    assert json.loads(embedded)["text"] == hostile.replace("\ud800", "?")


def test_a_library_cannot_end_its_element():
    assert "</script" not in page.script("a = '</SCRIPT>'").lower()


def test_the_whole_page_is_one_file_with_every_part(outputs):
    text = page.page(collected(outputs))
    assert text.count("<script") == text.count("</script>")
    assert "default-src 'none'" in text
    assert "url(fonts/" not in text
    assert "MIT" in (page.VENDOR / "tabulator" / "LICENSE").read_text()
    assert "MIT" in (page.VENDOR / "katex" / "LICENSE").read_text()


def test_disagreements_come_first_and_the_limit_holds(outputs):
    found = collected(outputs)["completions"]
    assert found["rows"] == ["the base", "exp1, step 10, reported", "exp1, step 20, last"]
    assert found["outcomes"]["AIME24"] == ["10" * 15, "10" * 15, "10" * 14 + "01"]
    first = [problem for problem in found["problems"] if problem["b"] == "AIME24"][:2]
    assert {problem["id"] for problem in first} == {"p0028", "p0029"}
    assert "210 completions of 70 problems (of 70)" in found["said"]
    few = collected(outputs, 11)["completions"]
    assert sum(answer is not None for problem in few["problems"] for answer in problem["a"]) == 9
    assert few["problems"][0]["id"] in ("p0028", "p0029")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ids": ["p0000"] * 30}, "ids is no list of distinct ids"),
        ({"text": ["one"]}, "text does not have one entry for each of 30 ids"),
        ({"text": [7] * 30}, "text holds what is no text"),
        ({"gold": None}, "gold does not have one entry for each of 30 ids"),
    ],
)
def test_damaged_completions_are_left_out_and_named(outputs, capsys, changes, fault):
    path = next(outputs.glob("runs/base-*/eval/*/aime24-*/seed-1234.text.json"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | changes))
    sample = collected(outputs)["completions"]
    assert sample["problems"]
    assert capsys.readouterr().err.startswith(f"left out: {path}: {fault}. ")


def test_secrets_in_older_records_are_not_shown(outputs):
    (path,) = outputs.glob("runs/exp1-*/run.json")
    argv = ["hydra.sweeper.storage=postgresql://me:SECRET@host/db", "seed=1"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"invocations": [{"argv": argv}]}))
    data = collected(outputs)
    assert "SECRET" not in page.page(data)
    (shown,) = [i["argv"] for run in data["provenance"]["runs"] for i in run["invocations"]]
    assert shown == ["hydra.sweeper.storage=postgresql://me:***@host/db", "seed=1"]


def test_a_gated_set_is_not_shown(outputs):
    """The page holds neither its completions nor its golds; the table has its scores."""
    for path in outputs.glob("runs/*/run.json"):
        record = json.loads(path.read_text())
        record["config"]["catalog"] = {"benchmarks": {"amc23": {"gated": True}, "aime24": {"gated": False}}}
        path.write_text(json.dumps(record))
    data = collected(outputs)
    assert {problem["b"] for problem in data["completions"]["problems"]} == {"AIME24"}
    assert "AMC23" in json.dumps(data)


def test_long_completions_lose_their_middle(outputs, monkeypatch):
    monkeypatch.setattr(completions, "LONGEST", 4)
    found = collected(outputs)["completions"]
    assert found["problems"][0]["a"][0][3].startswith("an\n\n[... ")
    assert "The middle of 210 completions" in found["said"]


def test_without_completions_the_page_says_so(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": [[1, 0] * 15]}}, report_step=0)
    found = collected(tmp_path)["completions"]
    assert found["problems"] == []
    assert found["said"] == "No completions are stored with these records."


def test_a_number_leads_to_its_records(outputs):
    data = collected(outputs)
    part = data["parts"][0]
    row = next(row for row in part["table"]["rows"] if row["label"] == "exp1, step 20, last")
    aime, average = row["cells"][0], row["cells"][-1]
    (place,) = aime[-1]
    record = data["provenance"]["scores"][place]
    assert record[1:6] == [20, "AIME24", 1234, 0.5, 30]
    assert data["provenance"]["settings"][record[6]]["temperature"] == 0.6
    assert (outputs / "runs").joinpath(data["provenance"]["runs"][record[0]]["folder"], record[8]).exists()
    assert len(average[-1]) == 2
    assert [row["label"] for row in part["recipes"]["rows"]] == ["the base", "exp1"]
    (block,) = part["blocks"]
    assert [len(row["cells"][0][-1]) for row in block["table"]["rows"]] == [
        2
    ]  # its own record and the base's
    assert "Checkpoint of each run: the reported one." in " ".join(part["recipes"]["caption"])


def test_the_summary_says_no_more_than_the_tests(outputs):
    text = " ".join(collected(outputs)["parts"][0]["summary"])
    assert "Could be noise, against the base (Holm over the table): exp1 (+0.0 [" in text
    assert "beyond noise" not in text


@pytest.mark.slow
def test_among_many_rows_equal_to_the_base_none_is_told_to_be_better(tmp_path):
    rng = np.random.default_rng(1)

    def drawn():
        return {name: [(rng.random(40) < 0.5).astype(int).tolist()] for name in ("aime24", "amc23")}

    make_run(tmp_path, "base", {0: drawn()}, report_step=0)
    for rate in range(60):
        make_run(tmp_path, "exp1", {10: drawn()}, {"lr": rate})
    runs = run_records.load_all(tmp_path)
    base, *others = result_rows([item for run in runs for item in run_records.evaluations(run)])
    titles = ["AIME24", "AMC23"]
    study = comparisons.Study([base, *others])
    alone = [study.pair(base, other, titles).average.p for other in others]
    assert sum(p < 0.05 for p in alone) >= 2
    (part,) = collect.collect(runs, tmp_path)["parts"]
    text = " ".join(part["summary"])
    assert "On average beyond noise" not in text
    assert "Could be noise, against the base (Holm over the table)" in text
    against = next(block for block in part["blocks"] if block["title"] == "Recipes against the base")
    assert (
        "corrected over the 180 differences of the table (Holm; an average weighs as much"
        in against["table"]["caption"][0]
    )


def test_warnings_name_what_a_reader_should_know(outputs):
    make_run(outputs, "exp2", {10: {"aime24": [[1, 0] * 15]}}, versions={"torch": "9"})
    data = collected(outputs)
    text = " ".join(data["warnings"] + [line for part in data["parts"] for line in part["warnings"]])
    assert "Few seeds" in text
    assert "One training run per recipe" in text
    assert "Mixed versions" in text


def test_many_checkpoints_of_one_run_and_mixed_settings_are_warned_of(outputs):
    assert not any("Selection" in line for line in collected(outputs)["parts"][0]["warnings"])
    published = imported_run("Exp1", {step: {"AIME24": 0.3} for step in range(50, 400, 50)})
    hot = imported_run("Exp2", {50: {"AIME24": 0.3}}, {"temperature": 1.2})
    (part,) = collect.collect([published, hot], outputs)["parts"]
    text = "\n".join(part["warnings"])
    assert "Selection: 8 trained checkpoints are compared" in text
    assert "Mixed settings: rows were sampled with different settings (temperature 1.2, not stated)" in text


def test_long_traces_are_averaged_and_end_where_they_end():
    steps, values = collect.thinned(range(1, 301), [float(i % 2) for i in range(300)])
    assert len(steps) == collect.POINTS
    assert steps[-1] == 300
    assert set(values) == {0.5}
    assert collect.thinned([1, 2], [0.1, 0.2]) == ([1, 2], [0.1, 0.2])


def test_trials_are_read_and_a_broken_storage_is_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "sweeps" / name).mkdir(parents=True)
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/sweeps/a/study.db", study_name="a-1")
    study.set_user_attr("openrs", {"objectives": ["Avg."]})
    trial = study.ask({"lr": optuna.distributions.FloatDistribution(0, 1)})
    study.tell(trial, 3.0)
    (tmp_path / "sweeps" / "b" / "study.db").write_text("no database")
    first, broken = map(reader.facts, reader.every(tmp_path))
    assert first.objectives == ("Avg. (minimize)",)
    assert first.trials[0].values == (3.0,)
    assert first.trials[0].state == "complete"
    assert broken.error


@pytest.mark.slow
def test_sweeps_kept_elsewhere_are_read_where_their_storage_is_given(tmp_path):
    storage = f"journal:{tmp_path}/study.log"
    for name, ours in (("mine", True), ("another-projects", False)):
        study = optuna.create_study(storage=open_storage(storage, tmp_path), study_name=name)
        if ours:
            study.set_user_attr("openrs", {"objectives": ["Avg."]})
        study.tell(study.ask(), 1.0)
    assert [study.name for study in reader.every(tmp_path, storage)] == ["mine"]
    (broken,) = reader.every(tmp_path, "postgresql+psycopg://me:secret@127.0.0.1:1/openrs")
    assert "cannot be opened" in broken.error
    assert "secret" not in str(broken)


def study_of_seeds(outputs):
    """Two recipes of one name, two training seeds each, that differ in their reward."""
    made = make_run(outputs, "base", {0: {"aime24": [[1, 0] * 15]}}, report_step=0)
    for reward in ("accuracy", "cosine"):
        for seed in (1, 2):
            recipe = {"model": {"id": "m"}, "seed": seed, "reward": {reward: {"weight": 1.0}}}
            made = make_run(outputs, "exp1", {step: {"aime24": [[1, 0] * 15]} for step in (10, 20)}, recipe)
            write_record(made / "run.json", json.loads((made / "run.json").read_text()) | {
                "invocations": [{"time": f"2026-01-0{seed}T10:00:00", "argv": []}]})  # fmt: skip
            (made / "train").mkdir()
            (made / "train" / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.5, "kl": 0.1}))


def test_a_study_is_told_by_its_question_and_by_what_differs(tmp_path):
    study_of_seeds(tmp_path)
    study = collected(tmp_path)["study"]
    assert study["question"] in (
        "Which reward is best: accuracy or cosine?", "Which reward is best: cosine or accuracy?")  # fmt: skip
    assert study["dates"].startswith("Runs of 2026-01-01 to 2026-01-02; page of ")
    assert study["factors"] == ["reward"]
    assert sorted((arm["label"], arm["seeds"], *arm["levels"]) for arm in study["arms"]) == [
        ("reward=accuracy", "1, 2", "accuracy"), ("reward=cosine", "1, 2", "cosine")]  # fmt: skip
    assert study["fixed"] == {"groups": ["model"], "values": [["model.id", "m"]]}


def test_the_only_sweep_gives_its_question(tmp_path):
    study_of_seeds(tmp_path)
    folder = tmp_path / "sweeps" / "cosine_variants"
    folder.mkdir(parents=True)
    study = optuna.create_study(storage=f"sqlite:///{folder}/study.db", study_name="cosine_variants-1")
    study.set_user_attr("openrs", {"objectives": ["Avg."]})
    study.tell(study.ask(), 1.0)
    assert collected(tmp_path)["study"]["question"] == (
        "The cosine reward as the paper's code ran it, as its text describes it, or none: which is best?"
    )


def test_recipes_have_one_colour_in_all_plots_and_rewards_plots_of_their_own(tmp_path):
    study_of_seeds(tmp_path)
    data = collected(tmp_path)
    places = {label: place for place, label in enumerate(data["recipes"])}
    (panel,) = data["parts"][0]["panels"]
    assert sorted((curve["label"], curve["recipe"], curve["single"], curve["reported"], len(curve["points"]))
                  for curve in panel["curves"] if not curve["single"]) == sorted(
        (f"{label} (2 runs)", place, False, 10, 2) for label, place in places.items())  # fmt: skip
    assert sum(curve["single"] for curve in panel["curves"]) == 4
    assert [plot["title"] for plot in data["traces"]] == [
        *(
            f"mean reward of a completion, reward: {label.removeprefix('reward=')}"
            for label in data["recipes"]
        ),
        "KL to the untrained model (nats a token)",
    ]
    for place, plot in enumerate(data["traces"][:2]):
        assert {line["recipe"] for line in plot["lines"]} == {place}


def test_a_recipe_of_two_names_has_both_as_in_tables(tmp_path):
    for seed, name in ((1, "plain"), (2, "again")):
        make_run(tmp_path, name, {10: {"aime24": [[1, 0] * 15]}}, {"seed": seed, "length": 9})
    data = collected(tmp_path)
    assert data["recipes"] == ["again/plain"]
    labels = [row["label"] for row in data["parts"][0]["table"]["rows"]]
    assert "again/plain, step 10, mean of 2 training runs" in labels


def test_a_forest_shows_the_benchmark_that_most_share_where_no_average_is_known(tmp_path):
    measured = {name: [[1, 0] * 15] for name in ("aime24", "amc23", "minerva")}
    make_run(tmp_path, "base", {0: measured}, report_step=0)
    for seed, name, right in ((1, "low", 1), (2, "low", 2), (1, "high", 2), (2, "high", 3)):
        outcomes = [[int(place < right) for place in range(3)] * 10]
        scores = {title: outcomes for title in ("aime24", "amc23")}
        make_run(tmp_path, name, {10: scores}, {"seed": seed, "length": len(name)})
    for block in collected(tmp_path)["parts"][0]["blocks"]:
        low, high = block["limits"]
        assert block["table"]["columns"][block["column"]] == "AIME24"
        assert block["title"].endswith(", AIME24")
        means = [row["cells"][block["column"]][0] for row in block["table"]["rows"]]
        assert means
        assert all(low < mean < high for mean in means)


def test_tables_of_the_page_are_numbered(outputs):
    make_run(outputs, "exp3", {10: {"aime24": [[1, 0] * 15]}}, problems="q")
    titles = [part["recipes"]["title"].split(":")[0] for part in collected(outputs)["parts"]]
    assert titles == ["Table 1", "Table 2"]


def test_an_empty_folder_is_said_to_hold_no_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["analysis", "report", str(tmp_path)])
    assert cli.main() == 1
    assert "holds no runs" in capsys.readouterr().err


def test_a_folder_without_scores_is_a_mistake(tmp_path):
    make_run(tmp_path, "base", {})
    with pytest.raises(Mistake, match="nothing to report"):
        collected(tmp_path)
