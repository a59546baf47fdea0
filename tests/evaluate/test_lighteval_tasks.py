"""lighteval's own tasks by name: found without importing others, measured by their own prompt and metric."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from openrs import engines
from openrs.engines import Completion
from openrs.errors import Mistake
from openrs.evaluate import lighteval_tasks
from openrs.models import files as model_files
from openrs.plan import resolve
from openrs.records import scores
from tests.helpers.writing_engine import Writing, tokenizer


@pytest.mark.parametrize(
    ("task", "module"),
    [("gsm8k", "gsm8k"), ("mmlu:anatomy", "mmlu"), ("ifeval", "ifeval.main"), ("lcb:x", "lcb.main")],
)  # fmt: skip
def test_the_module_of_a_task_is_found_in_the_sources(task, module):
    assert lighteval_tasks.modules(task)[0] == f"lighteval.tasks.tasks.{module}"


def test_a_task_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(
        Mistake, match=r"lighteval:gsm8: lighteval has no such task. Did you mean lighteval:gsm8k"
    ):
        lighteval_tasks.modules("gsm8")


@pytest.fixture
def root(tmp_path):
    """A mirror of a few problems in the layout of the Hub's sets, one in the folder of its subset."""
    sums = [
        {"question": f"Tom has {i} apples and buys 4. How many?", "answer": f"{i}+4={i + 4}\n#### {i + 4}"}
        for i in range(8)
    ]  # fmt: skip
    choices = [
        {"question": f"What is {i}+1?", "options": [str(i), str(i + 1)], "answer": "B", "answer_index": 1}
        for i in range(5)
    ]
    sets = {
        "openai/gsm8k/main/test": sums,
        "openai/gsm8k/main/train": sums,
        "TIGER-Lab/MMLU-Pro/test": choices,
    }
    for name, rows in sets.items():
        path = tmp_path / "root" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "root"


class Answering(Writing):
    """An engine that answers each prompt with a text that it is told."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.caps = answers, set()

    def generate(self, requests, sampling, finished):
        self.caps.add((sampling.max_new_tokens, sampling.stop))
        made = [Completion([], False, self.answers[tuple(r.prompt)], 7) for r in requests]
        for index, completion in enumerate(made):
            finished(index, completion)
        return made


@pytest.mark.slow
def test_gold_answers_fed_back_are_all_right(composed, root, tmp_path, monkeypatch):
    from openrs.engines.prompts import templated
    from openrs.evaluate import stage

    config = composed(
        "experiment=base",
        "evaluation.benchmarks=[amc23,lighteval:gsm8k,lighteval:gsm8k|2,lighteval:mmlu_pro]",
        f"catalog.root={root}", "evaluation.max_problems=6", f"outputs={tmp_path}", "model.context=4096",
    )  # fmt: skip
    imported = {name for name in sys.modules if name.startswith("lighteval.tasks.tasks.")}
    plan, folder = resolve(config), str(model_files.packaged(config.model))
    assert {name for name in sys.modules if name.startswith("lighteval.tasks.tasks.")} == imported
    names = ["lighteval_gsm8k", "lighteval_gsm8k_2", "lighteval_mmlu_pro"]
    assert [len(plan.problems[name]) for name in names] == [6, 6, 5]
    first, shot = (plan.problems[name][0]["messages"] for name in names[:2])
    assert first == [{"role": "user", "content": "Question: Tom has 0 apples and buys 4. How many?\nAnswer:"}]
    assert [message["role"] for message in shot] == ["user", "assistant"] * 2 + ["user"]
    assert plan.problems["lighteval_gsm8k"].settings["stop"] == ["Question:"]
    words = tokenizer(folder)
    answers = {}
    for name, rows in plan.problems.items():
        for row in rows:
            asked = row.get("messages") or f"{config.evaluation.instruction}\n\n{row['problem']}"
            said = f"Answer: {row['gold']}" if name == "lighteval_mmlu_pro" else row["gold"]
            answers[tuple(templated(words, asked))] = f"{said}\nQuestion: \\boxed{{99}}"
    engine = Answering(answers)
    monkeypatch.setattr(stage, "load_tokenizer", lambda path, revision: words)
    monkeypatch.setattr(engines, "load", lambda *arguments: engine)
    stage.evaluate(config, plan.base, 0, folder, plan.missing(0), plan.problems)
    assert resolve(config).missing(0) == []  # the kept answer of the process names the same settings
    read = {score.benchmark: score for score in scores.read_all(plan.base.folder)}
    assert [(read[name].value, read[name].n, read[name].graded) for name in names] == [
        (1, 6, []), (1, 6, []), (1, 5, []),
    ]  # fmt: skip
    assert read["amc23"].value == 0  # it has no stop sequence, and the last box is wrong
    assert engine.caps == {(256, ()), (256, ("Question:",))}
    settings = read["lighteval_gsm8k_2"].task
    assert len({str(score.settings) for score in read.values()}) == 1  # they share a row of a table
    stated = {
        "task": "gsm8k", "shots": 2, "metric": "extractive_match", "stop": ["Question:"],
        "max_new_tokens": 256, "instruction": None,
    }  # fmt: skip
    assert {name: settings[name] for name in stated} == stated
    assert read["lighteval_gsm8k_2"].title == "gsm8k 2-shot"


@pytest.mark.slow
def test_what_a_task_needs_that_openrs_does_not_do_is_named(capfd):
    for task, need in (("arc:challenge", r"acc \(log-likelihoods\)"), ("mt_bench", "a model that judges")):
        with pytest.raises(Mistake, match=rf"lighteval:{task}: openrs measures one .*{need}"):
            lighteval_tasks.metrics(task)
    assert capfd.readouterr() == ("", "")


IFEVAL = """
import json, sys
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc
from openrs.errors import Mistake
from openrs.evaluate import lighteval_tasks as tasks

try:
    made = tasks.problems("ifeval", 0, sys.argv[1])
except Mistake as error:
    print(error)
    sys.exit()
values = []
for row, text in zip(made["rows"], sys.argv[2:], strict=True):
    doc, said = Doc(task_name="ifeval", **row["doc"]), ModelResponse(text=[text])
    values.append([tasks.score("ifeval", name, doc, said) for name in made["metrics"]])
print(json.dumps({"metrics": made["metrics"], "values": values}))
"""
"""ifeval's problems and the scores of an answer each, in a process that has not imported its module."""


def ifeval(root, data, *answers):
    environment = os.environ | {"NLTK_DATA": str(data), "HOME": str(data)}
    made = subprocess.run(
        [sys.executable, "-c", IFEVAL, root, *answers], env=environment, capture_output=True, text=True
    )
    assert (made.returncode, made.stderr) == (0, "")  # nltk prints nothing
    (line,) = made.stdout.splitlines()
    return line


@pytest.mark.slow
def test_ifeval_scores_what_is_obeyed_and_names_the_data_that_it_lacks(tmp_path):
    pytest.importorskip("langdetect")  # of lighteval[extended_tasks]
    from nltk.tokenize.punkt import PunktTrainer, save_punkt_params

    two = {"relation": "at least", "num_sentences": 2}
    three = {"capital_relation": "at least", "capital_frequency": 3}
    asked = [
        ("Say hello without commas.", {"punctuation:no_comma": {}}),
        ("Say hello in two sentences.", {"length_constraints:number_sentences": two}),
        ("Say hello, LOUD, three words.", {"change_case:capital_word_frequency": three}),
        ("Say hello, in lower case.", {"change_case:english_lowercase": {}, "punctuation:no_comma": {}}),
    ]
    mirror = tmp_path / "root/google/IFEval/train.jsonl"
    mirror.parent.mkdir(parents=True)
    rows = [
        {"key": i, "prompt": prompt, "instruction_id_list": [*rules], "kwargs": [*rules.values()]}
        for i, (prompt, rules) in enumerate(asked)
    ]
    mirror.write_text("".join(json.dumps(row) + "\n" for row in rows))
    obeyed = ["Hello you.", "Hello. How are you?", "HELLO DEAR YOU", "hello and good morning to all of you"]
    broken = ["Hello, you.", "Hello", "HELLO you", "hello, and good morning to all of you"]
    lacking = ifeval(tmp_path / "root", tmp_path / "none", *obeyed)
    assert "lighteval:ifeval: its metrics read nltk's data punkt_tab, which is not here. Fetch" in lacking
    assert lacking.endswith("`python -m nltk.downloader punkt_tab`, into ~/nltk_data or $NLTK_DATA.")
    data = tmp_path / "data/tokenizers/punkt_tab/english"
    data.mkdir(parents=True)
    save_punkt_params(PunktTrainer("Hello you. How are you? All is well.").get_params(), str(data))
    for answers, value in ((obeyed, 1.0), (broken, 0.0)):
        made = json.loads(ifeval(tmp_path / "root", tmp_path / "data", *answers))
        # the stated rule: metrics that are a mean over problems of one share each, the first by default
        assert made["metrics"] == ["prompt_level_strict_acc", "prompt_level_loose_acc"]
        assert made["values"] == [[value] * 2] * 4


@pytest.mark.slow
def test_a_stop_sequence_ends_an_answer_at_its_token(composed):
    from openrs.engines import Sampling
    from openrs.evaluate.checkpoint_model import CheckpointModel

    words = tokenizer(str(model_files.packaged(composed("experiment=base").model)))
    model = CheckpointModel("m", Writing, words, 512, Sampling(0, 1, 9), 1, {}, lambda *_: None)
    whole = Completion(words.encode("It is 7. Question: and so on", add_special_tokens=False), True)
    ended = model._ended(whole, ("Question:",))
    assert not ended.truncated
    assert "Question:" in words.decode(ended.tokens)
    assert "Question:" not in words.decode(ended.tokens[:-1])
    assert model._text(ended, ("Question:",)) == "It is 7. "
    assert model._ended(whole, ("Problem:",)) == whole
    assert model._ended(replace(whole, tokens=[], text="a Question: b"), ("Question:",)).text == "a "
