"""Generators behind lighteval: prompts with a seed each -> completions."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One completion to sample."""

    prompt: list[int]
    """Token ids of the templated prompt."""
    seed: int
    """Seed of this request alone, so that no neighbour, order or batch size changes its sample."""


@dataclass(frozen=True)
class Completion:
    """What was sampled."""

    tokens: list[int]
    """Token ids, the end-of-turn token included where there is one."""
    truncated: bool
    """The cap came before the end of the turn."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. temperature 0 is greedy."""

    temperature: float
    top_p: float
    max_new_tokens: int


def request_seed(seed: int, problem: str, sample: int = 0) -> int:
    """The seed of one request, from the sampling seed, the problem's id and the sample's number."""
    hashed = hashlib.sha256(f"{seed} {problem} {sample}".encode()).digest()
    return int.from_bytes(hashed[:8]) >> 1
