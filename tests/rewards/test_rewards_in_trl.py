"""Every reward term in the real TRL at once: names, values and what a null does there."""

import json
import math

import pytest

from openrs.models.files import packaged
from openrs.rewards import AccuracyReward, FormatReward
from tests.helpers.commands import openrs

pytestmark = pytest.mark.slow

TERMS = [
    "format",
    "accuracy",
    "cosine",
    "tag_count",
    "length",
    "repetition_penalty",
    "reasoning_steps",
    "english_only",
]


@pytest.mark.parametrize(
    "options",
    [
        "accuracy,cosine_as_written,tag_count,length,repetition_penalty,reasoning_steps,english_only",
        "accuracy_as_run,cosine_as_run,tag_count_as_upstream,length_as_upstream,"
        "repetition_penalty_as_upstream,reasoning_steps_as_upstream,english_only",
    ],
)
def test_a_run_takes_all_terms_and_logs_each_under_its_name(tmp_path, options):
    made = openrs(
        "scale=nano", f"reward=[{options}]", "stages=[train]", "steps.total=2", "steps.save_every=2",
        "evaluation.checkpoints=[last]", "algorithm.prompts_per_step=4", f"outputs={tmp_path}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    (run,) = tmp_path.glob("runs/dev-*")
    lines = [json.loads(line) for line in (run / "train/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    for line in lines:
        assert list(line["rewards"]) == TERMS
        assert all(math.isfinite(value) for value in line["rewards"].values())
        total = sum(recipe["reward"][name]["weight"] * value for name, value in line["rewards"].items())
        assert line["reward"] == pytest.approx(total, abs=1e-4)
        assert -1 <= line["rewards"]["repetition_penalty"] <= 0 <= line["rewards"]["accuracy"] <= 1
        assert -0.5 <= line["rewards"]["length"] <= 0.5
        assert line["rewards"]["english_only"] == 1.0
    from pyarrow import parquet

    for path in (run / "train/completions").glob("*.parquet"):
        assert set(TERMS) <= set(parquet.read_table(path).column_names)


def trained_on(composed, folder, terms):
    """One step over two problems of six completions, the second with an unparsable gold answer."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    torch.set_grad_enabled(True)
    base = packaged(composed().model)
    ask = [{"role": "user", "content": "What is 7 + 5?"}], [{"role": "user", "content": "What is 8 + 4?"}]
    rows = [{"prompt": ask[0], "solution": "$12$"}, {"prompt": ask[1], "solution": "plain words"}]
    trainer = GRPOTrainer(
        model=str(base),
        processing_class=AutoTokenizer.from_pretrained(base, padding_side="left"),
        reward_funcs=terms,
        train_dataset=Dataset.from_list(rows),
        args=GRPOConfig(
            output_dir=str(folder), per_device_train_batch_size=12, num_generations=6, max_steps=1,
            max_completion_length=48, use_cpu=True, bf16=False, report_to=[], save_strategy="no",
            logging_steps=1, shuffle_dataset=False, temperature=1.0, seed=1,
        ),
    )  # fmt: skip
    trainer.train()
    return trainer.state.log_history[0], trainer._logs


def test_a_null_gives_no_signal_in_trl(composed, tmp_path):
    line, logs = trained_on(composed, tmp_path, [AccuracyReward()])
    parsed, unparsed = list(logs["rewards"]["accuracy"])[:6], list(logs["rewards"]["accuracy"])[6:]
    assert all(value in (0.0, 1.0) for value in parsed)
    assert all(math.isnan(value) for value in unparsed)
    assert line["rewards/accuracy/mean"] == pytest.approx(sum(parsed) / 6)  # not diluted
    assert list(logs["advantages"])[6:] == [0.0] * 6


def test_a_null_beside_another_term_leaves_that_term_alone(composed, tmp_path):
    _, logs = trained_on(composed, tmp_path, [AccuracyReward(), FormatReward()])
    formats = list(logs["rewards"]["format"])[6:]
    mean = sum(formats) / 6
    spread = math.sqrt(sum((value - mean) ** 2 for value in formats) / 5)
    expected = [(value - mean) / (spread + 1e-4) for value in formats]
    assert list(logs["advantages"])[6:] == pytest.approx(expected, abs=1e-4)
