"""Which manner does reinforcement learning choose? Gate 5 of docs/nano.md.

The network chooses the first token of a completion and learns by GRPO; whether the answer is right, and how
long it is, come from the samples of the untrained network in that manner. So an arm takes seconds, and
nothing but the choice is learnt: a lower bound of what a training changes.
"""

import math
import os
from random import Random
from statistics import mean

import pytest
import torch
import torch.nn.functional as F

from openrs.nano.solutions import OPENINGS
from tests.benchmarks.nano_world import LEVELS, WEIGHTS, base, drawn, network, sampled, training_prompt

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

SEEDS = (1, 2, 3)
STEPS = 100
RATE = float(os.environ.get("OPENRS_NANO_RATE", 4e-5))
MIXES = {"mixed": (1, 3, 3), "easy": (1, 0, 0), "medium": (0, 1, 0), "hard": (0, 0, 1)}
ARMS = {
    "mixed": {},
    "cap 26": {"cap": 26},
    "cap 51": {"cap": 51},
    "cap 102": {"cap": 102},
    "easy alone": {"mix": "easy"},
    "hard alone": {"mix": "hard"},
    "medium alone": {"mix": "medium"},
    "cosine": {"cosine": True},
    "rate x 0.3": {"rate": 0.3 * RATE},
}
PROMPTS, GROUP, TEMPERATURE, BETA = 6, 6, 0.7, 0.04


class World:
    """Network, prompts, and what a first token leads to."""

    def __init__(self):
        self.tokenizer, self.reference = base()
        self.first = [self.tokenizer(words)["input_ids"][0] for words in OPENINGS.values()]
        self.outcomes = {}
        for number, words in enumerate(OPENINGS.values()):
            for level in LEVELS:
                rows = drawn(level, 100, seed=level)
                samples = sampled(self.tokenizer, self.reference, rows, training_prompt, words)
                self.outcomes[number, level] = [(sample.right, sample.tokens) for sample in samples]
        self.train = {level: self._ids(level, 400, of_benchmarks=False) for level in LEVELS}
        self.test = {level: self._ids(level, 40, of_benchmarks=True) for level in LEVELS}

    def _ids(self, level, number, of_benchmarks):
        texts = [training_prompt(row) for row in drawn(level, number, 7, of_benchmarks)]
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"]

    def logits(self, model, prompts):
        """Logits of the first token after each prompt."""
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.tokenizer.pad_token_id)
        for index, prompt in enumerate(prompts):
            ids[index, : len(prompt)] = torch.tensor(prompt)
        hidden = model.model(input_ids=ids).last_hidden_state
        return model.lm_head(hidden[torch.arange(len(prompts)), torch.tensor([len(p) - 1 for p in prompts])])

    def expected(self, model):
        """Level -> share of each manner, and of right answers, as the evaluation samples the first token."""
        shares, right = {}, {}
        for level in LEVELS:
            with torch.no_grad():
                chances = F.softmax(self.logits(model, self.test[level]) / 0.6, -1)
            shares[level] = chances[:, self.first].mean(0).tolist()
            right[level] = sum(
                share * mean(r for r, _ in self.outcomes[number, level])
                for number, share in enumerate(shares[level])
            )
        return shares, right

    def outcome(self, token, level, cap, cosine, rng):
        """Reward and tokens: twice the accuracy, and the format of an answer that ends with a box."""
        if token not in self.first:
            return 0.0, 30
        manner = self.first.index(token)
        right, tokens = rng.choice(self.outcomes[manner, level])
        whole, spent = tokens <= cap, min(tokens, cap)
        right = right and whole
        accuracy = float(right)
        if cosine:
            wave = math.cos(math.pi * spent / cap)
            accuracy = 0.75 + 0.25 * wave if right else -0.75 - 0.25 * wave
        return 2 * accuracy + float(whole and list(OPENINGS)[manner] != "sloppy"), spent


def arm(world, seed, mix="mixed", cap=90, rate=RATE, cosine=False):
    """Average, expected shares of right answers and of manners after 0, a fifth, a half, all steps."""
    model, rng = network(), Random(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0)
    reports = {}
    for step in range(STEPS + 1):
        if step in (0, STEPS // 5, STEPS // 2, STEPS):
            shares, right = world.expected(model)
            average = 100 * sum(WEIGHTS[level] * right[level] for level in LEVELS) / sum(WEIGHTS.values())
            reports[step] = (average, right, shares)
        levels = rng.choices(LEVELS, MIXES[mix], k=PROMPTS)
        prompts = [rng.choice(world.train[level]) for level in levels]
        logits = world.logits(model, prompts)
        tokens = torch.multinomial(F.softmax(logits.detach() / TEMPERATURE, -1), GROUP, replacement=True)
        results = torch.tensor(
            [
                [world.outcome(token, level, cap, cosine, rng) for token in row]
                for row, level in zip(tokens.tolist(), levels, strict=True)
            ]
        )
        rewards, lengths = results.unbind(-1)
        advantages = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
        chances = F.log_softmax(logits, -1).gather(1, tokens)
        with torch.no_grad():
            before = F.log_softmax(world.logits(world.reference, prompts), -1).gather(1, tokens)
        apart = torch.exp(before - chances) - (before - chances) - 1
        losses = BETA * apart - advantages * torch.exp(chances - chances.detach())
        (losses.sum(1) / lengths.sum(1)).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        done = (step - STEPS / 10) / (0.9 * STEPS)
        slope = 0.1 + 0.45 * (1 + math.cos(math.pi * max(0.0, done)))
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / (STEPS / 10)) * slope
        optimizer.step()
        optimizer.zero_grad()
    return reports


def test_gate_5_the_choice_follows_cap_mix_and_rate():
    world, ends = World(), {}
    wanted = os.environ.get("OPENRS_NANO_ARMS")
    for name in wanted.split(",") if wanted else ARMS:
        runs = [arm(world, seed, **ARMS[name]) for seed in SEEDS]
        ends[name] = [run[STEPS][0] for run in runs]
        for step in runs[0]:
            averages = [run[step][0] for run in runs]
            right = [round(100 * mean(run[step][1][level] for run in runs)) for level in LEVELS]
            careful, hasty = (
                [round(mean(run[step][2][level][number] for run in runs), 2) for level in LEVELS]
                for number in (list(OPENINGS).index("careful"), list(OPENINGS).index("hasty"))
            )
            spread = ", ".join(f"{average:.1f}" for average in averages)
            print(f"{name:12} step {step:3}: average {mean(averages):.1f} ({spread}); easy, medium, hard: "
                  f"right {right}, careful {careful}, hasty {hasty}", flush=True)  # fmt: skip
    for name in ("cap 51", "easy alone", "rate x 0.3"):
        assert max(ends[name]) < min(ends["mixed"]), name
