"""Table 5: every parameter as printed, its value from the composed config, and what TRL gets."""

import csv
import io
import json
import re

import pytest

from openrs.analysis import formats
from openrs.analysis.tables.table5 import COLUMNS, DROPPED, parameters, table5
from openrs.train.arguments import trainer_arguments
from openrs.train.defaults import of_trainer
from tests.helpers.commands import openrs

PRINTED = [
    *("bf16", "use_vllm", "vllm_device", "vllm_enforce_eager", "vllm_gpu_memory_utilization"),
    *("vllm_max_model_len", "do_eval", "output_dir", "overwrite_output_dir"),
    *("gradient_accumulation_steps", "gradient_checkpointing", "gradient_checkpointing_kwargs"),
    *("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_ratio", "max_steps"),
    *("num_train_epochs", "per_device_train_batch_size", "per_device_eval_batch_size"),
    *("max_prompt_length", "max_completion_length", "num_generations", "temperature", "seed"),
    *("log_completions", "log_level", "logging_first_step", "logging_steps", "logging_strategy"),
    *("save_strategy", "save_steps", "report_to", "reward_funcs", "reward_weights", "hub_model_id"),
    *("hub_strategy", "push_to_hub"),
]
"""The paper's Table 5, row by row."""


@pytest.fixture
def paper(composed):
    return lambda experiment, *more: composed(f"experiment={experiment}", "scale=paper", *more)


def differing(config):
    return {item.name for item in parameters(config) if item.differs}


def test_every_row_of_the_paper_is_there_in_its_order(paper):
    names = [item.name for item in parameters(paper("exp3")) if item.settings != "Not in Table 5"]
    assert names == PRINTED


ALWAYS = {
    *("vllm_device", "vllm_enforce_eager", "output_dir", "overwrite_output_dir"),  # gone or renamed
    *("num_train_epochs", "per_device_eval_batch_size", "log_level"),  # without effect
    *("report_to", "hub_model_id", "push_to_hub"),  # off unless asked
    *("attention", "gold answer of a reward"),  # deviations that no option takes back
}


@pytest.mark.parametrize(("experiment", "more"), [("exp1", set()), ("exp2", {"vllm_max_model_len"}),
                                                  ("exp3", {"vllm_max_model_len"})])  # fmt: skip
def test_what_differs_from_the_paper_is_this_and_says_why(paper, experiment, more):
    config = paper(experiment)
    assert differing(config) == ALWAYS | more
    assert all(item.note for item in parameters(config) if item.differs)


def test_asked_for_the_paper_has_its_tracker_and_its_hub(paper):
    config = paper("exp1", "tracker=wandb", "hub.push=true", "hub.model_id=OpenRS-GRPO")
    assert differing(config) == ALWAYS - {"report_to", "hub_model_id", "push_to_hub"}


def test_a_change_is_seen(paper):
    config = paper("exp3", "algorithm.learning_rate=1e-5", "seed=1", "algorithm.beta=0", "reward=accuracy")
    assert {"learning_rate", "seed", "beta", "reward_funcs"} <= differing(config)
    rows = {cells[0]: cells for _, cells in table5(config).rows}
    assert rows["learning_rate"][-1] == "differs: another option or the command line says so"


def test_what_is_passed_on_to_trl_and_rewards_of_ones_own_are_told(paper):
    own = "reward.custom.thinks.function=trl.rewards:think_format_reward"
    config = paper("exp3", "algorithm.trl={top_k: 50}", own)
    rows = {cells[0]: cells[1:] for _, cells in table5(config).rows}
    assert rows["top_k"] == (DROPPED, "50", "top_k", "differs: algorithm.trl; TRL 1.16: 0")
    assert rows["reward_funcs"][1] == "format, cosine, thinks"
    assert rows["reward_weights"][1] == "1.0, 2.0, 1.0"


def test_whose_seed_samples_is_said(paper):
    """With colocate TRL gives vLLM the process's number: trl.generation.vllm_generation."""
    for hardware, said in (
        ("a40x4", "the vLLM server's is this plus the step"),
        ("a100x1", "vLLM's own is TRL's, the number of the process"),
        ("cpu", "so that resuming is exact"),
    ):
        rows = {cells[0]: cells for _, cells in table5(paper("exp3", f"hardware={hardware}")).rows}
        assert said in rows["seed"][-1]
        assert rows["seed"][-1].endswith("exact") == (hardware == "cpu")


@pytest.mark.slow  # imports transformers
def test_the_attention_that_runs_is_the_one_that_is_told(paper, tmp_path):
    """Nothing is handed over, so transformers chooses: PyTorch's own for the paper's architecture."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    small = Qwen2Config(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1,
    )  # fmt: skip
    given = trainer_arguments(paper("exp3"), "weights", tmp_path)["model_init_kwargs"]
    assert "attn_implementation" not in given
    rows = {item.name: item for item in parameters(paper("exp3"))}
    assert AutoModelForCausalLM.from_config(small).config._attn_implementation == rows["attention"].value


@pytest.mark.parametrize("experiment", ["exp1", "exp2", "exp3"])
@pytest.mark.parametrize("more", [(), ("hardware=cpu", "algorithm=grpo", "tracker=wandb")])
def test_the_table_says_what_trl_is_handed(paper, experiment, more, tmp_path):
    config = paper(experiment, *more)
    handed = trainer_arguments(config, "weights", tmp_path / "run" / "train")
    defaults = of_trainer()
    rows = {item.name: item for item in parameters(config)}
    for item in rows.values():
        if item.taker in defaults and item.taker not in ("output_dir", "report_to", "generation_kwargs",
                                                         "model_init_kwargs"):  # fmt: skip
            assert item.value == handed.get(item.taker, defaults[item.taker]), item.name
    assert handed["report_to"] == ([] if rows["report_to"].value == "none" else rows["report_to"].value)
    sampled = (handed["generation_kwargs"] or {}).get("temperature", handed["temperature"])
    assert sampled == rows["temperature"].value
    assert handed["model_init_kwargs"]["dtype"] == rows["master weights"].value
    assert (handed["temperature"] != 1.0) <= config.algorithm.logits_over_temperature


def test_every_format_holds_every_row(paper):
    table = table5(paper("exp3"))
    count = len(table.rows)
    assert formats.markdown(table).count("\n| ") == count + 1
    read = list(csv.reader(io.StringIO(formats.comma_separated(table))))
    assert (tuple(read[0]), len(read)) == (COLUMNS, count + 1)
    tex = formats.latex(table)
    assert tex.count(r" \\") == count + 1
    assert not re.search(r"(?<!\\)[_%#]", tex)
    rows = json.loads(formats.as_json([table]))[0]["rows"]
    assert rows[3]["parameter"] == "vllm_enforce_eager"
    assert rows[3]["openrs"] == DROPPED


@pytest.mark.slow
def test_the_command_prints_it():
    shown = openrs("table5", "--experiment", "exp1", "hardware=cpu", module="analysis")
    assert shown.returncode == 0, shown.stderr
    assert "| Generation | max_completion_length | 3584 or 4096 | 4096 |" in shown.stdout
    assert "| General | use_vllm | true | false |" in shown.stdout
    wrong = openrs("table5", "hardwear=cpu", module="analysis")
    assert wrong.returncode == 1
    assert "hardwear" in wrong.stderr
    assert "Traceback" not in wrong.stderr
