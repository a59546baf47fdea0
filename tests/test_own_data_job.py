"""The whole job at nano scale with a file of twenty problems as data and as benchmark."""

import json

import pytest

from openrs.records import scores
from tests.helpers.commands import openrs
from tests.helpers.jobs import only_run

pytestmark = pytest.mark.slow


def test_twenty_problems_are_trained_on_and_measured(tmp_path):
    rows = [{"question": f"What is {i} plus 8?", "result": str(i + 8)} for i in range(20)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = openrs(
        "experiment=exp3", "scale=nano", "data=problems.jsonl", "data.problem=question", "data.answer=result",
        "answer.kind=exact", "evaluation.benchmarks=[amc23,problems.jsonl]",
        "catalog.benchmarks.problems={question: question, gold: result, gold_kind: exact}",
        "steps.total=2", "steps.save_every=2", "report_step=2", "algorithm.prompts_per_step=4",
        "evaluation.max_problems=4", "evaluation.max_new_tokens=16", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    assert "problems of problems may be among the training rows" in made.stderr
    assert "problems" in made.stdout  # a column of the table
    run = only_run(tmp_path / "outputs")
    assert json.loads((run / "train.json").read_text())["rows"] == {"own": 20}
    prompts = [json.loads(line) for line in (run / "train/prompts.jsonl").read_text().splitlines()]
    assert len(prompts) == 8
    assert {(row["answer_kind"], row["draw"]) for row in prompts} == {("exact", "own")}
    measured = {(score.step, score.benchmark, score.n) for score in scores.read_all(run)}
    assert measured == {(2, "amc23", 4), (2, "problems", 4)}
    invocation = json.loads((run / "run.json").read_text())["invocations"][0]
    assert invocation["data"]["sources"]["own"]["id"] == "problems.jsonl"
    assert "problems" in invocation["data"]["not_held_out"]
