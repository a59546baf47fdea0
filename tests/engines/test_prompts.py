"""Prompts, verbatim: what the policy is asked in training, and the checkpoint in evaluation."""

import json

import pytest

from openrs.train.prompts import messages
from tests.helpers.commands import openrs

R1 = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
    "The assistant first thinks about the reasoning process in the mind and then provides the user with "
    "the answer, and put your final answer within \\boxed{{}} . The reasoning process and answer are "
    "enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning "
    "process here </think> <answer> answer here </answer>."
)
ENGLISH = " Note that respond by English, NOT use other languages."
"""knoveleng/open-rs at 2889c47, recipes/grpo.yaml; its braces are doubled and nothing is formatted."""

INSTRUCTION = (
    "Solve the following math problem efficiently and clearly.  The last line of your response should be "
    "of the following format: 'Therefore, the final answer is: $\\boxed{ANSWER}$. I hope it is correct' "
    "(without quotes) where ANSWER is just the final number or expression that solves the problem. Think "
    "step by step before answering."
)
"""The same repository's src/open_r1/evaluate.py, its template formatted; two spaces after `clearly.`"""


@pytest.mark.parametrize("scale", ["nano", "paper"])
@pytest.mark.parametrize(
    ("experiment", "system"), [("exp1", R1), ("exp2", R1), ("exp3", R1 + ENGLISH), ("base", R1)]
)
def test_the_training_prompt_and_the_instruction_are_verbatim(composed, scale, experiment, system):
    config = composed(f"experiment={experiment}", f"scale={scale}")
    assert config.prompt.system == system
    assert config.evaluation.instruction == INSTRUCTION


def test_the_sober_evaluation_asks_the_same(composed):
    assert composed("evaluation=sober").evaluation.instruction == INSTRUCTION
    assert composed("prompt=none").prompt.system is None


def test_training_asks_system_and_problem(composed):
    system, user = messages(composed("experiment=exp3"), "What is 1 + 1?")
    assert system == {"role": "system", "content": R1 + ENGLISH}
    assert user == {"role": "user", "content": "What is 1 + 1?"}
    assert messages(composed("prompt=none"), "What is 1 + 1?") == [user]


@pytest.mark.slow
def test_evaluation_asks_one_user_message_and_has_no_system_message(composed, tmp_path):
    """The tokens that lighteval's details hold, after a real evaluation."""
    from pyarrow import parquet
    from transformers import AutoTokenizer

    from openrs.models.files import packaged
    from openrs.nano.problems import rows

    made = openrs(
        "experiment=exp3", "untrained=true", "scale=nano", "stages=[evaluate]",
        "evaluation.benchmarks=[amc23]", "evaluation.max_problems=2", "evaluation.max_new_tokens=4",
        f"outputs={tmp_path}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    (details,) = tmp_path.rglob("details_*.parquet")
    asked = [row["model_response"]["input_tokens"] for row in parquet.read_table(details).to_pylist()]
    tokenizer = AutoTokenizer.from_pretrained(packaged(composed().model))
    problems = [row["problem"] for row in rows("amc23")[:2]]
    assert sorted(map(tokenizer.decode, asked)) == sorted(
        f"{tokenizer.bos_token}<｜User｜>{INSTRUCTION}\n\n{problem}<｜Assistant｜><think>\n"
        for problem in problems
    )
    (run,) = tmp_path.glob("runs/*/run.json")
    assert json.loads(run.read_text())["name"] == "base"
