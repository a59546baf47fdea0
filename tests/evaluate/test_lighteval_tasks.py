"""lighteval's own tasks by name: found without importing others, measured by their own prompt and metric."""

import json
import sys
from dataclasses import replace

import pytest

from openrs import engines, models
from openrs.engines import Completion
from openrs.errors import Mistake
from openrs.evaluate import lighteval_tasks
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
    plan, folder = resolve(config), str(models.packaged(config.model))
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
    assert list(lighteval_tasks.metrics("ifeval")) == ["prompt_level_strict_acc"]
    assert capfd.readouterr() == ("", "")  # its module asks for nltk's data


@pytest.mark.slow
def test_a_stop_sequence_ends_an_answer_at_its_token(composed):
    from openrs.engines import Sampling
    from openrs.evaluate.checkpoint_model import CheckpointModel

    words = tokenizer(str(models.packaged(composed("experiment=base").model)))
    model = CheckpointModel("m", Writing, words, 512, Sampling(0, 1, 9), 1, {}, lambda *_: None)
    whole = Completion(words.encode("It is 7. Question: and so on", add_special_tokens=False), True)
    ended = model._ended(whole, ("Question:",))
    assert not ended.truncated
    assert "Question:" in words.decode(ended.tokens)
    assert "Question:" not in words.decode(ended.tokens[:-1])
    assert model._text(ended, ("Question:",)) == "It is 7. "
    assert model._ended(whole, ("Problem:",)) == whole
    assert model._ended(replace(whole, tokens=[], text="a Question: b"), ("Question:",)).text == "a "
