"""How a foreign result was sampled, and with how many examples, is part of its cell."""

import json

import pytest

from openrs.analysis import mixing
from openrs.analysis.run_records import evaluations
from openrs.analysis.tables import table1
from tests.helpers.result_files import command, harness, imported, new, old, put


def lighteval(key, value, outputs):
    document = new({"extractive_match": value}, outputs=outputs)
    for table in ("results", "config_tasks", "summary_tasks"):
        document[table] = {key: document[table]["aime24|0"]}
    return document


def shot(count, value, where="n-shot"):
    document = harness({"exact_match,none": value})
    if where == "n-shot":
        return document | {"n-shot": {"gsm8k": count}}
    if where == "configs":
        document["configs"]["gsm8k"]["num_fewshot"] = count
        return document
    return document | {"config": {"model": "hf", "num_fewshot": count}}


@pytest.mark.parametrize(
    ("documents", "titles"),
    [
        ([lighteval("aime24|0", 0.3, "a"), lighteval("aime24|5", 0.5, "b")],
         {"AIME24": 0.3, "AIME24 5-shot": 0.5}),
        ([lighteval("aime24|0", 0.3, None), lighteval("aime24|5", 0.3, None)],
         {"AIME24": 0.3, "AIME24 5-shot": 0.3}),
        ([lighteval("lighteval|aime24|5|0", 0.5, "b")], {"AIME24 5-shot": 0.5}),
        ([lighteval("lighteval|aime24|5", 0.5, "b")], {"AIME24 5-shot": 0.5}),
        ([shot(0, 0.3), shot(5, 0.5)], {"gsm8k": 0.3, "gsm8k 5-shot": 0.5}),
        ([shot(None, 0.3), shot(5, 0.5, "configs")], {"gsm8k": 0.3, "gsm8k 5-shot": 0.5}),
        ([shot(8, 0.3, "config")], {"gsm8k 8-shot": 0.3}),
    ],
)  # fmt: skip
def test_few_shots_are_another_benchmark(tmp_path, documents, titles):
    for number, document in enumerate(documents):
        put(tmp_path / f"in/results_{number}.json", document)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert report.repeats == []
    assert {score.title: score.value for score in run.scores} == titles
    assert len({score.benchmark for score in run.scores}) == len(titles)


def test_a_task_with_and_without_examples_in_one_file_with_one_value(tmp_path):
    document = new({"extractive_match": 0.3}, outputs=None)
    for table in ("results", "config_tasks", "summary_tasks"):
        document[table]["aime24|5"] = document[table]["aime24|0"]
    put(tmp_path / "in/results_1.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert sorted(score.title for score in run.scores) == ["AIME24", "AIME24 5-shot"]


def sampled(outputs, at="model_config", **parameters):
    """A file that states its sampling in the model's configuration, or beside it as lighteval 0.8 did."""
    document = new({"extractive_match": 0.3}, outputs=outputs)
    general = document["config_general"]
    place = general["model_config"] if at == "model_config" else general
    general["model_config"].pop("generation_parameters")
    place["generation_parameters"] = {"temperature": 0.6, "top_p": 0.95} | parameters
    return document


@pytest.mark.parametrize("at", ["model_config", "config_general"])
@pytest.mark.parametrize(
    "change", [{"temperature": 1}, {"top_p": 1.0}, {"top_k": 20}, {"min_p": 0.1}, {"repetition_penalty": 1.2}]
)
def test_results_sampled_in_two_ways_are_two_rows(tmp_path, at, change):
    put(tmp_path / "in/results_1.json", sampled("a", at))
    put(tmp_path / "in/results_2.json", sampled("b", at, **change))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert len(evaluations(run)) == 2
    assert sorted(score.seed for score in run.scores) == [-1, -1]


def test_lighteval_0_8_stated_the_sampling_beside_the_model(tmp_path):
    parameters = {"seed": 42, "temperature": 0.7, "top_p": 0.9, "max_new_tokens": 2048, "top_k": None}
    document = sampled("a", "config_general", **parameters)
    del document["config_general"]["model_config"]
    put(tmp_path / "in/results_1.json", document)
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    stated = [score.settings[key] for key in ("temperature", "top_p", "max_new_tokens")]
    assert (score.seed, stated, "top_k" in score.settings) == (42, [0.7, 0.9, 2048], False)


def test_zero_is_zero(tmp_path):
    put(tmp_path / "in/results_1.json", sampled("a", temperature=0, top_p=1))
    put(tmp_path / "in/results_2.json", sampled("b", temperature=0.0, top_p=1.0))
    put(tmp_path / "in/results_3.json", sampled("c", temperature=-0.0, top_p=1.0))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert len(evaluations(run)) == 1
    assert sorted(score.seed for score in run.scores) == [-3, -2, -1]
    assert {str(score.settings["temperature"]) for score in run.scores} == {"0.0"}


def test_the_harness_states_texts_and_arguments(tmp_path):
    config = {"model": "hf", "gen_kwargs": "temperature=0.7,top_p=0.9,do_sample=True"}
    for number, template in enumerate((None, "{{ bos }}")):
        document = harness({"exact_match,none": 0.3 + number / 10})
        put(tmp_path / f"in/results_{number}.json", document | {"config": config, "chat_template": template})
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert len(evaluations(run)) == 2
    assert {(s.settings["temperature"], s.settings["top_p"]) for s in run.scores} == {(0.7, 0.9)}
    assert {len(score.settings.get("chat_template", "")) for score in run.scores} == {0, 8}


def test_what_an_older_version_stored_of_a_file_is_no_other_result(tmp_path):
    put(tmp_path / "in/results_1.json", sampled("a", temperature=0, top_k=20))
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (path,) = run.folder.glob("eval/*/*/*.json")
    record = json.loads(path.read_text())
    record["settings"] |= {"temperature": 0}
    del record["settings"]["top_k"], record["imported"]["few_shots"]
    path.write_text(json.dumps(record))
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    assert (report.earlier, report.imported, len(run.scores)) == (1, 0, 1)


def test_one_problem_has_no_standard_error_and_records_are_json(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/Exp1_50/results/m/results_1.json", new({"extractive_match": 1.0}, n=1))
    put(tmp_path / "in/Exp1_100/results/m/results_1.json", old())
    _, (run,) = imported(tmp_path / "in", tmp_path / "out")
    for path in run.folder.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)
    assert [score.stderr is None for score in run.scores] == [True, False]
    assert command(monkeypatch, capsys, "table1", tmp_path / "out", "--imported")[0] == 0
    assert command(monkeypatch, capsys, "export", tmp_path / "out", "--to", tmp_path / "to")[0] == 0


def test_no_average_mixes_examples_in_the_prompt_or_k(tmp_path):
    def of(shots, value, title):
        document = lighteval(f"aime24|{shots}", value, f"{shots}{title}{value}")
        hub = {"AIME24": "HuggingFaceH4/aime_2024", "AMC23": "knoveleng/AMC-23"}[title]
        document["config_tasks"][f"aime24|{shots}"]["hf_repo"] = hub
        return document

    files = [of(0, 0.2, "AIME24"), of(0, 0.4, "AMC23"), of(5, 0.6, "AIME24")]
    files.append(new({"avg@n:n=16": 0.2, "pass@k:k=8&n=16": 0.8}, outputs="k"))
    for number, document in enumerate(files[:3]):
        put(tmp_path / f"in/Exp1_50/results/m/results_{number}.json", document)
    put(tmp_path / "in/Exp2_50/results/m/results_9.json", files[3])
    _, runs = imported(tmp_path / "in", tmp_path / "out")
    shown = [
        (
            table.title.split(",")[0].removeprefix("Table 1: "),
            table.columns,
            [(label, round(cells[-1].mean, 6)) for label, cells in table.rows],
        )
        for table in table1.everything(runs)
    ]
    assert sorted(shown) == [
        ("5-shot pass@1", ("AIME24 5-shot", "Avg."), [("Exp1, step 50", 60)]),
        ("zero-shot pass@1", ("AIME24", "AMC23", "Avg."), [("Exp1, step 50", 30)]),
        ("zero-shot pass@1", ("AIME24", "Avg."), [("Exp2, step 50", 20)]),  # by another metric
        ("zero-shot pass@8", ("AIME24 pass@8", "Avg."), [("Exp2, step 50", 80)]),
    ]
    mixed = table1.everything(runs, table1.Options(mixed=mixing.allowed("shots,pass_k")))[0]
    assert mixed.title.startswith("Table 1: zero-shot and 5-shot pass@1 and pass@8, percent")
    assert "Exp1, step 50 (few_shots=5, pass_k=1)" in [label for label, _ in mixed.rows]
    assert {cells[-1] for _, cells in mixed.rows} == {None}
