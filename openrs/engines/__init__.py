"""Generators behind lighteval: prompts with a seed each -> completions.

One engine is loaded for all benchmarks and sampling seeds of a checkpoint:

    transformers    this process; exact: in float64 nothing but the request changes a completion
    vllm            vLLM's engine processes on this machine
    server          any OpenAI-compatible endpoint
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from openrs.errors import Mistake
from openrs.machine.devices import visible_devices

if TYPE_CHECKING:
    from openrs.config.schema import Config


@dataclass(frozen=True)
class Request:
    """One completion to sample."""

    prompt: list[int]
    """Token ids of the templated prompt."""
    seed: int
    """Seed of this request alone, so that no neighbour, order or batch size changes its sample."""
    room: int | None = None
    """Tokens that the model's context leaves beside the prompt; None sets no limit."""


@dataclass(frozen=True)
class Completion:
    """What was sampled."""

    tokens: list[int]
    """Token ids, with the end-of-turn token where there is one."""
    truncated: bool
    """The cap, or the end of the context, came before the end of the turn."""
    text: str | None = None
    """Text of a server that returns no token ids; `tokens` is empty then."""
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
    stop: tuple[str, ...] = ()
    """Texts before which an answer ends; whoever reads the completion cuts it there."""

    def cap(self, request: Request) -> int:
        """New tokens that a request may have. The paper's vLLM ended an answer with the context, too."""
        return self.max_new_tokens if request.room is None else min(self.max_new_tokens, request.room)


OnCompletion = Callable[[int, Completion], None]
"""Called with each request's index and completion as it finishes, in any order."""


def ignore(index: int, completion: Completion) -> None:
    """For callers that need only the list at the end."""


class Engine(Protocol):
    """A loaded generator."""

    versions: dict[str, str]
    """Versions that records should have and `run.versions` cannot see."""
    device_kind: str | None
    """The kind of device that generates, as `machine.device_kind` names it; None where it is out of sight."""

    def generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion = ignore
    ) -> list[Completion]:
        """Samples one completion per request, in the order of the requests."""

    def close(self) -> None:
        """Frees memory and processes."""


def request_seed(seed: int, problem: str, sample: int = 0) -> int:
    """The seed of one request, from the sampling seed, the problem's id and the sample's number."""
    hashed = hashlib.sha256(f"{seed} {problem} {sample}".encode()).digest()
    return int.from_bytes(hashed[:8]) >> 1


def leave_room(longest: int, context: int, whose: str) -> None:
    """Refuses prompts that leave no room for a single token.

    Args:
        longest: tokens of the longest prompt.

    Raises:
        Mistake: the longest prompt fills the context.
    """
    if longest >= context:
        raise Mistake(
            f"evaluation.benchmarks: the longest prompt has {longest} tokens or more, which fill the context "
            f"of {whose}, {context}. Leave its benchmark out, or choose a model with more."
        )


def _copies(config: "Config") -> int:
    """Copies of the weights on this machine: as many as the config states, else as its devices hold."""
    copies, engine = config.evaluation_copies, config.engine
    if engine.data_parallel is not None or config.hardware.device != "cuda":
        return copies
    here = len(visible_devices()) // engine.tensor_parallel
    return max(1, min(copies, here))


def load(config: "Config", weights: str, tokenizer: str, step: int, longest: int) -> Engine:
    """Loads the engine that the config names.

    Args:
        weights: folder or Hub id of the checkpoint.
        tokenizer: folder or Hub id of the base model.
        step: the checkpoint's step.
        longest: tokens of the longest prompt.

    Raises:
        Mistake: the installed vLLM is made for another device, or the server is not there, does not
            serve these weights, or has too short a context.
    """
    engine, hardware, revision = config.engine, config.hardware, config.model.loaded_revision
    dtype, cap = config.evaluation_dtype, config.evaluation.max_new_tokens
    context = min(longest + cap, config.model.context)
    if engine.kind == "transformers":
        from openrs.engines.transformers import TransformersEngine

        batch = hardware.evaluation_batch
        return TransformersEngine(weights, tokenizer, dtype, hardware.device, batch, revision)
    if engine.kind == "vllm":
        from openrs.engines.vllm import VllmEngine

        engine = replace(engine, data_parallel=_copies(config))
        return VllmEngine(weights, tokenizer, dtype, hardware, engine, context, revision)
    from openrs.engines.server import ServerEngine

    return ServerEngine(weights, tokenizer, engine, step, context, revision)
