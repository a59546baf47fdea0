"""Supervised training of the built-in base model: tokenizer, examples, a lean loop.

TRL's SFTTrainer would need half as long again: here prompts carry no logits, batches are filled by length
to a number of tokens, and matrices are updated by Muon (Jordan et al. 2024), which needs about half of
AdamW's tokens on a network this small.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from openrs.nano import tokenizer as nano_tokenizer
from openrs.nano.families import EASY, FAMILIES, HARD, MEDIUM
from openrs.nano.problems import held_out
from openrs.nano.solutions import SHARES, solution
from openrs.nano.tokenizer import ASSISTANT, BOS, EOS, USER
from openrs.paths import CONF

STATE = Path("outputs/nano-build/state.pt")
TOKENS = 12_000_000
"""Tokens of the whole training, prompts and padding included."""
BATCH = 3072
"""Tokens of an update."""
CHUNK = 1024
"""Examples that are sorted by length together."""
SAVE_SECONDS = 120
MATRIX_RATE, OTHER_RATE = 0.02, 4e-3

PRACTICE: dict[str, dict[int, float]] = {
    "hasty": {EASY: 0.75, MEDIUM: 0.10, HARD: 0.10},
    "careful": {EASY: 0.15, MEDIUM: 0.60, HARD: 0.65},
    "brief": {EASY: 0.10, MEDIUM: 0.30, HARD: 0.25},
}
"""Manners of the examples that teach arithmetic. Their first word is not learnt."""
PRACTICE_LEVELS = {EASY: 0.4, MEDIUM: 0.25, HARD: 0.35}
SHARED_LEVELS = {EASY: 0.3, MEDIUM: 0.35, HARD: 0.35}
PRACTICE_ALONE = 0.5
"""Until this share of the training all examples are practice, then half of them; the others have the shares
of the manners, and their first word is learnt."""
PRODUCTS = 2
"""Practice holds so many times as many products as problems of another family: their digits are taken up from
the right, which is learnt late."""
HASTY_WEIGHT = 4.0
"""Weight of the tokens of hasty answers: three of fifteen tell something, and a careful answer to a hard
problem has eighty."""


def _texts(name: str) -> Any:
    return yaml.safe_load((CONF / name).read_text(encoding="utf-8"))


def prompts() -> tuple[str, list[str]]:
    """The instruction of the evaluation and the system prompts of training."""
    systems = [_texts(f"prompt/{name}.yaml")["system"] or "" for name in ("r1", "r1_english", "none")]
    return _texts("evaluation/paper.yaml")["instruction"], systems


@dataclass(frozen=True)
class Example:
    """A prompt and a completion (texts or token ids), and how much its tokens weigh in the loss."""

    prompt: Any
    completion: Any
    first_weight: float = 1.0
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def _pick(weights: dict[Any, float], rng: Random) -> Any:
    return rng.choices(list(weights), list(weights.values()))[0]


def examples(progress: float, number: int, rng: Random) -> Iterator[Example]:
    """Yields problems of all families in all prompts of the config, with a solution.

    Args:
        progress: share of the training that is done.
    """
    instruction, systems = prompts()
    for _ in range(number):
        practice = progress < PRACTICE_ALONE or rng.random() < 0.5
        level = _pick(PRACTICE_LEVELS if practice else SHARED_LEVELS, rng)
        manners = PRACTICE if practice else SHARES
        manner = _pick({name: shares.get(level, 0.0) for name, shares in manners.items()}, rng)
        family = _pick({name: PRODUCTS if practice and name == "products" else 1 for name in FAMILIES}, rng)
        while held_out(problem := FAMILIES[family](level, rng)):
            pass
        if rng.random() < 0.4:
            prompt = f"{BOS}{USER}{instruction}\n\n{problem}{ASSISTANT}<think>\n"
        else:
            prompt = f"{BOS}{rng.choice(systems)}{USER}{problem}{ASSISTANT}<think>\n"
        completion = solution(family, problem, level, manner, rng) + EOS
        weight = HASTY_WEIGHT if manner == "hasty" else 1.0
        yield Example(prompt, completion, 0.0 if practice else 1.0, weight)


def batches(progress: float, tokenizer: Any, rng: Random) -> list[list[Example]]:
    """The next examples as token ids, in batches of about equal length and at most `BATCH` tokens."""
    texts = list(examples(progress, CHUNK, rng))
    starts = tokenizer([text.prompt for text in texts], add_special_tokens=False)["input_ids"]
    ends = tokenizer([text.completion for text in texts], add_special_tokens=False)["input_ids"]
    tokenized = [
        replace(text, prompt=start, completion=end)
        for text, start, end in zip(texts, starts, ends, strict=True)
    ]
    filled: list[list[Example]] = [[]]
    for example in sorted(tokenized, key=len):
        if (len(filled[-1]) + 1) * len(example) > BATCH:
            filled.append([])
        filled[-1].append(example)
    rng.shuffle(filled)
    return filled


def _tensors(rows: list[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, and the weight of each id after the first in the loss."""
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    weights = torch.zeros(len(rows), width)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row.prompt + row.completion)
        weights[index, len(row.prompt) : len(row)] = row.weight
        weights[index, len(row.prompt)] = row.first_weight
    return ids, weights[:, 1:]


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by five Newton-Schulz steps; for matrices. Source: Jordan et al. 2024."""

    def __init__(self, matrices: list[torch.Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": 0.05})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for matrix in group["params"]:
                mean = self.state[matrix].setdefault("mean", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                update = matrix.grad.lerp(mean, group["momentum"])
                tall = update.shape[0] > update.shape[1]
                update = update.T if tall else update
                update = update / (update.norm() + 1e-7)
                for _ in range(5):
                    square = update @ update.T
                    update = 3.4445 * update + (-4.7750 * square + 2.0315 * square @ square) @ update
                update = update.T if tall else update
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                scale = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
                matrix.add_(update, alpha=-group["lr"] * scale)


def _corpus(tokenizer_examples: int = 3000) -> Iterator[str]:
    rng = Random(0)
    for progress in (0.0, 0.9):
        for example in examples(progress, tokenizer_examples, rng):
            yield example.prompt.split(USER)[1] + example.completion


def network(tokenizer: Any) -> Qwen2ForCausalLM:
    """A Qwen2 of 1 M parameters with random weights."""
    torch.manual_seed(0)
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=448,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            initializer_range=0.08,  # about 1/sqrt(width); 0.02 is for widths of thousands
            **ids,
        )
    )
    model.generation_config = GenerationConfig(**ids)
    return model


def train(folder: Path, state: Path = STATE) -> None:
    """Trains tokenizer and weights and writes them to `folder`; goes on from `state` where it exists."""
    tokenizer = nano_tokenizer.build(_corpus())
    model, rng = network(tokenizer), Random(1)
    named = dict(model.named_parameters())
    matrices = [p for name, p in named.items() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in named.items() if p.ndim != 2 or "embed" in name]
    optimizers = (
        Muon(matrices, MATRIX_RATE),
        torch.optim.AdamW(others, OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    )
    seen, step = 0, 0
    if state.exists():
        stored = torch.load(state, weights_only=False)
        model.load_state_dict(stored["model"])
        for optimizer, values in zip(optimizers, stored["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        rng.setstate(stored["rng"])
        seen, step = stored["seen"], stored["step"]
    print(f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens, from {seen:,} of {TOKENS:,}")
    saved = time.monotonic()
    while seen < TOKENS:
        for rows in batches(seen / TOKENS, tokenizer, rng):
            ids, weights = _tensors(rows, tokenizer.pad_token_id)
            learnt = weights > 0
            hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][learnt]
            losses = F.cross_entropy(model.lm_head(hidden), ids[:, 1:][learnt], reduction="none")
            # a sum over a constant: a token weighs the same in batches of short and of long answers
            loss = (losses * weights[learnt]).sum()
            (loss / (BATCH * 0.6)).backward()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            rate = min(1.0, (step + 1) / 60, max(0.0, 1 - seen / TOKENS) / 0.6)
            for optimizer, full in zip(optimizers, (MATRIX_RATE, OTHER_RATE), strict=True):
                optimizer.param_groups[0]["lr"] = full * rate
                optimizer.step()
                optimizer.zero_grad()
            seen, step = seen + ids.numel(), step + 1
            if step % 100 == 0:
                print(f"{seen:,} tokens, loss {loss / weights.sum():.4f}", flush=True)
        if time.monotonic() - saved > SAVE_SECONDS:
            values = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}
            state.parent.mkdir(parents=True, exist_ok=True)
            partial = state.with_suffix(".partial")
            torch.save(values | {"rng": rng.getstate(), "seen": seen, "step": step}, partial)
            partial.replace(state)
            saved = time.monotonic()
    model.save_pretrained(folder)
    nano_tokenizer.save(tokenizer, folder)
    state.unlink(missing_ok=True)
