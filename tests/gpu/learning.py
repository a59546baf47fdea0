"""GRPO's step on completions that are fixed, with torch and transformers alone."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import Qwen2Config, Qwen2ForCausalLM

TILE = 4096
"""Positions whose logits are made at once."""
SMALL = Qwen2Config(
    vocab_size=512, hidden_size=64, intermediate_size=172, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=8192, tie_word_embeddings=False,
)  # fmt: skip
PAPER = Qwen2Config(
    vocab_size=151_936, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28,
    num_attention_heads=12, num_key_value_heads=2, max_position_embeddings=131_072, tie_word_embeddings=False,
)  # fmt: skip
"""The shape of R1-Distill-Qwen-1.5B."""


def shaped(config: Qwen2Config, **changes: Any) -> Qwen2Config:
    """A shape with changes; what follows from the number of layers is made anew."""
    return Qwen2Config(**{k: v for k, v in config.to_dict().items() if k != "layer_types"} | changes)


def model(
    config: Qwen2Config, device: str, dtype: torch.dtype = torch.float32, **more: Any
) -> Qwen2ForCausalLM:
    """Random weights, the same on every device."""
    torch.manual_seed(0)
    made = Qwen2ForCausalLM._from_config(config, dtype=torch.float32, **more)
    return made.to(device=device, dtype=dtype).train()


@dataclass
class Batch:
    """Completions with a padded end, as TRL has them."""

    ids: torch.Tensor
    mask: torch.Tensor
    prompt: int
    advantages: torch.Tensor


def batch(
    config: Qwen2Config, rows: int, length: int, prompt: int, device: str, padded: bool = True
) -> Batch:
    """Random tokens; every second completion ends at three quarters."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(config.vocab_size, (rows, length), generator=draw)
    mask = torch.ones_like(ids)
    if padded:
        mask[::2, prompt + (length - prompt) * 3 // 4 :] = 0
    advantages = torch.randn(rows, generator=draw)
    advantages = (advantages - advantages.mean()) / advantages.std()
    return Batch(ids.to(device), mask.to(device), prompt, advantages.to(device))


def log_probabilities(weights: Any, one: Batch, temperature: float = 1.0) -> torch.Tensor:
    """Of each token of the completions; logits are made in tiles and made again for the gradient."""
    hidden = weights.model(input_ids=one.ids, attention_mask=one.mask, use_cache=False).last_hidden_state
    hidden, labels = hidden[:, one.prompt - 1 : -1], one.ids[:, one.prompt :]

    def tile(part: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return -cross_entropy(weights.lm_head(part).float() / temperature, words, reduction="none")

    parts = zip(hidden.flatten(0, 1).split(TILE), labels.flatten().split(TILE), strict=True)
    found = [checkpoint(tile, part, words, use_reentrant=False) for part, words in parts]
    return torch.cat(found).view(labels.shape)


def autocast(device: str, dtype: torch.dtype | None) -> Any:
    return nullcontext() if dtype is None else torch.autocast(device, dtype)


def step(
    weights: Any, one: Batch, base: Any = None, dtype: torch.dtype | None = None, beta: float = 0.04
) -> tuple[float, float]:
    """Loss and KL of one forward and backward pass, on-policy, as grpo_paper has them."""
    mask = one.mask[:, one.prompt :]
    with autocast(one.ids.device.type, dtype):
        ours = log_probabilities(weights, one)
        with torch.no_grad():
            theirs = ours.detach() if base is None else log_probabilities(base, one)
    ratio = (ours - ours.detach()).exp()
    kl = (theirs - ours).exp() - (theirs - ours) - 1
    loss = ((beta * kl - ratio * one.advantages[:, None]) * mask).sum() / mask.sum()
    loss.backward()
    return loss.item(), ((kl * mask).sum() / mask.sum()).item()
