"""Attention, optimizers and micro-batches of a training: TRL's arguments, refusals, needs, memory."""

from pathlib import Path

import pytest

from openrs import needs
from openrs.cost.memory import GIB, phases
from openrs.cost.sizes import disk
from openrs.errors import Mistake
from openrs.machine.facts import Machine
from openrs.records import recipe
from openrs.train.arguments import trainer_arguments

PAPER = ("experiment=exp3", "scale=paper", "hardware=a100x1")


def test_attention_is_what_the_trainer_loads_the_model_with(composed):
    for overrides, loaded in ([], None), (["model.attention=flash_attention_2"], "flash_attention_2"):
        arguments = trainer_arguments(composed(*PAPER, *overrides), "weights", Path("train"))
        assert arguments["model_init_kwargs"].get("attn_implementation") == loaded


def test_the_moments_are_part_of_the_recipe(composed):
    for optimizer, held in (("adamw_torch", "float32"), ("adamw_8bit", "8 bits in blocks")):
        config = composed(*PAPER, f"algorithm.optimizer={optimizer}")
        assert recipe.trained(config, weights="w", rows="r")["algorithm"]["optimizer_dtype"] == held
        assert trainer_arguments(config, "weights", Path("train"))["optim"] == optimizer


def test_what_attention_and_optimizer_take_of_a_device(composed):
    """Moments are in 8 bits but for the embeddings'; scores of eager attention are the largest part."""
    learning = {
        words: phases(composed(*PAPER, *words.split()), 79)[0]
        for words in (
            "algorithm.optimizer=adamw_torch_fused",
            "algorithm.optimizer=adamw_8bit",
            "model.attention=flash_attention_2 algorithm.optimizer=adamw_8bit",
            "model.attention=eager algorithm.optimizer=adamw_8bit",
        )
    }
    fused, small, flash, eager = learning.values()
    assert [phase.parts["moments"] / GIB for phase in (fused, small)] == pytest.approx([13.2, 4.6], abs=0.05)
    activations = [phase.parts["activations"] / GIB for phase in (flash, small, eager)]
    assert activations == pytest.approx([6.2, 6.3, 13.0], abs=0.1)
    assert disk(composed(*PAPER, "algorithm.optimizer=adamw_8bit")).optimizer_state / GIB == pytest.approx(
        4.6, abs=0.05
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.attention=flash_attention_2"], "needs a CUDA device and .* and hardware.device=cpu"),
        ([*PAPER[1:], "model.attention=flash_attention_3", "model.compute_dtype=float32",
          "hardware.generation=transformers"], "and model.compute_dtype=float32. Give model.attention=sdpa"),
        (["scale=paper", "hardware=gpu24x1", "algorithm.optimizer=adamw_8bit"],
         "adamw_8bit: holds the moments of whole weights, and hardware.sharding=zero3 takes them apart"),
        (["algorithm.micro_batch=3"], "micro_batch=3: must hold whole groups .* takes another"),
        (["algorithm.micro_batch=4", "algorithm.loss=grpo"], "micro_batch=4: must hold whole groups"),
        (["algorithm.micro_batch=3", "algorithm.loss=dapo", "algorithm.entropy_bonus=0.1"], "whole groups"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(composed, overrides, message):
    with pytest.raises(Mistake, match=message):
        composed("experiment=exp3", *overrides)


@pytest.mark.parametrize("loss", ["grpo", "dr_grpo", "dapo"])
def test_a_micro_batch_may_be_a_share_of_a_group(composed, loss):
    config = composed("experiment=exp3", f"algorithm.loss={loss}", "algorithm.micro_batch=3")
    assert config.gradient_accumulation == 12


def test_the_packages_are_named_before_training_starts(composed):
    config = composed(*PAPER, "model.attention=flash_attention_2", "algorithm.optimizer=adamw_8bit")
    facts = {"devices": (("NVIDIA A100-SXM4-80GB", 80),), "pins": {}}
    lacking = needs.unmet_at_start(config, Machine("outputs", packages={"vllm": "1"}, **facts))
    assert [(need.field, need.remedy) for need in lacking] == [
        (
            "model.attention=flash_attention_2",
            "pip install --no-build-isolation flash-attn; or model.attention=sdpa, another recipe",
        ),
        (
            "algorithm.optimizer=adamw_8bit",
            "pip install 'openrs[8bit]'; or algorithm.optimizer=adamw_torch_fused, another recipe",
        ),
    ]
    installed = dict.fromkeys(("vllm", "flash-attn", "bitsandbytes"), "1")
    assert needs.unmet_at_start(config, Machine("outputs", packages=installed, **facts)) == []
