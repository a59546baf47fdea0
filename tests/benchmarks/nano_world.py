"""What the benchmarks of the nano world share: held-out problems, prompts, samples and their manners."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, Qwen2ForCausalLM

from openrs.nano.build import MODEL
from openrs.nano.families import EASY, FAMILIES, HARD, MEDIUM
from openrs.nano.problems import stream
from openrs.nano.solutions import OPENINGS
from openrs.nano.supervision import prompts
from openrs.nano.tokenizer import ASSISTANT, BOS, USER

LEVELS = (EASY, MEDIUM, HARD)
WEIGHTS = {EASY: 0.5, MEDIUM: 2.0, HARD: 2.5}
"""Level -> its share of the five places."""


def base():
    """Tokenizer and network of OPENRS_NANO_MODEL, by default the shipped ones."""
    folder = Path(os.environ.get("OPENRS_NANO_MODEL", MODEL))
    return AutoTokenizer.from_pretrained(folder, padding_side="left"), network(folder)


def network(folder=None):
    return Qwen2ForCausalLM.from_pretrained(folder or os.environ.get("OPENRS_NANO_MODEL", MODEL)).eval()


def drawn(level, number, seed, of_benchmarks=True):
    """Rows of one level, the families in turn."""
    rows = stream(list(FAMILIES), (level,), of_benchmarks, seed)
    return [next(rows) for _ in range(number)]


def training_prompt(row):
    return f"{BOS}{prompts()[1][0]}{USER}{row['problem']}{ASSISTANT}<think>\n"


def evaluation_prompt(row):
    return f"{BOS}{USER}{prompts()[0]}\n\n{row['problem']}{ASSISTANT}<think>\n"


@dataclass(frozen=True)
class Sample:
    """A completion: text, tokens with its end, and whether its answer is right."""

    text: str
    tokens: int
    right: bool

    @property
    def manner(self):
        return next((name for name, words in OPENINGS.items() if self.text.startswith(words)), "other")


@torch.no_grad()
def sampled(tokenizer, model, rows, prompt, opening="", cap=256, temperature=0.7, top_p=1.0):
    """One completion of each row; `opening` is its first words, where they are given."""
    torch.manual_seed(0)
    encoded = tokenizer(
        [prompt(row) + opening for row in rows], return_tensors="pt", padding=True, add_special_tokens=False
    )
    grown = model.generate(
        **encoded, max_new_tokens=cap, do_sample=True, temperature=temperature, top_p=top_p, top_k=0
    )
    samples = []
    for row, ids in zip(rows, grown[:, encoded["input_ids"].shape[1] :].tolist(), strict=True):
        ended = tokenizer.eos_token_id in ids
        kept = ids[: ids.index(tokenizer.eos_token_id) + 1] if ended else ids
        text = opening + tokenizer.decode(kept, skip_special_tokens=True)
        boxed = re.findall(r"</think>.*\\boxed\{(-?\d+)\}", text, re.DOTALL)
        right = bool(boxed) and f"${boxed[-1]}$" == row["answer"]
        samples.append(Sample(text, len(kept) + len(tokenizer(opening)["input_ids"]), right))
    return samples
