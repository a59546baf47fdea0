"""A checkpoint as lighteval sees it: one LightevalModel in front of any engine."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_input import GenerationParameters
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc
from transformers import PreTrainedTokenizerBase

from openrs.engines import Completion, Engine, Request, Sampling, request_seed
from openrs.engines.prompts import templated
from openrs.models.chat import PLAIN, Chat
from openrs.terminal import Progress

Key = tuple[str, str]
"""Benchmark and problem id."""


def said(doc: Doc) -> str | list[dict[str, str]]:
    """What the model is asked: a user message, or the messages of a task of lighteval's."""
    return (doc.specific or {}).get("messages") or doc.query


class _NoCache:
    """lighteval asks every model for a sample cache; openrs stores text beside scores instead."""

    def _init_registry(self, registry: Any) -> None:
        del registry


class CheckpointModel(LightevalModel):
    """A checkpoint as lighteval sees it: documents in, responses out, one sampling seed.

    Args:
        engine: returns the engine, which the first call loads.
        completions: those that are there already; generated ones are added.
        store: stores a completion, with the seconds since the one before.
        own: how tokens are drawn for benchmarks with a cap or stop sequences of their own.
        chat: how the chat template renders.
    """

    def __init__(
        self,
        name: str,
        engine: Callable[[], Engine],
        tokenizer: PreTrainedTokenizerBase,
        context: int,
        sampling: Sampling,
        seed: int,
        completions: dict[Key, Completion],
        store: Callable[[Key, Completion, float], None],
        own: Mapping[str, Sampling] | None = None,
        chat: Chat = PLAIN,
    ) -> None:
        self.own, self.chat = own or {}, chat
        self.engine, self.sampling, self.seed, self.completions = engine, sampling, seed, completions
        self.words, self.context, self.store, self.title = tokenizer, context, store, name
        self.seconds = 0.0
        self._cache = _NoCache()
        self.config = ModelConfig(
            model_name=name,
            generation_parameters=GenerationParameters(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_new_tokens=sampling.max_new_tokens,
                seed=seed,
            ),
        )

    @property
    def tokenizer(self) -> Any:
        """The base model's tokenizer."""
        return self.words

    @property
    def add_special_tokens(self) -> bool:
        """The chat template writes them."""
        return False

    @property
    def max_length(self) -> int:
        """Tokens the weights can hold."""
        return self.context

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Samples each document at the settings' temperature (the name is lighteval's)."""
        keys = [(doc.task_name.split("|")[0], (doc.specific or {})["problem_id"]) for doc in docs]
        prompts = [templated(self.words, said(doc), self.chat) for doc in docs]
        missing: dict[Sampling, list[int]] = {}
        for i, key in enumerate(keys):
            if key not in self.completions:
                missing.setdefault(self._sampling(key), []).append(i)
        for sampling, of_sampling in missing.items():
            self._generate([keys[i] for i in of_sampling], [prompts[i] for i in of_sampling], sampling)
        return [
            ModelResponse(
                input=doc.query,
                input_tokens=prompt,
                text=[self._text(self.completions[key], self._sampling(key).stop)],
                output_tokens=[self.completions[key].tokens],
            )
            for doc, prompt, key in zip(docs, prompts, keys, strict=True)
        ]

    def _sampling(self, key: Key) -> Sampling:
        return self.own.get(key[0], self.sampling)

    def _generate(self, keys: list[Key], prompts: list[list[int]], sampling: Sampling) -> None:
        seeds = [request_seed(self.seed, problem) for _, problem in keys]
        requests = [
            Request(prompt, seed, room=self.context - len(prompt))
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        engine, progress = self.engine(), Progress(f"{self.title}, seed {self.seed}", len(keys))
        began = last = time.perf_counter()

        def finished(index: int, completion: Completion) -> None:
            nonlocal last
            now = time.perf_counter()
            completion = self._ended(completion, sampling.stop)
            self.completions[keys[index]] = completion
            self.store(keys[index], completion, now - last)
            last = now
            progress.advance()

        engine.generate(requests, sampling, finished)
        self.seconds += time.perf_counter() - began

    def _ended(self, completion: Completion, stop: tuple[str, ...]) -> Completion:
        """The completion up to the token that ends a stop sequence. (Cut here, it is cut alike for every
        engine; what an engine wrote after it costs its time.)"""
        if not any(end in self._text(completion) for end in stop):
            return completion
        if completion.text is not None:
            return replace(completion, text=self._text(completion, stop), truncated=False)
        first, last = 0, len(completion.tokens)
        while first < last:  # the shortest beginning that holds one
            middle = (first + last) // 2
            text = self._text(Completion(completion.tokens[:middle], truncated=False))
            first, last = (first, middle) if any(end in text for end in stop) else (middle + 1, last)
        return Completion(completion.tokens[:first], truncated=False)

    def _text(self, completion: Completion, stop: tuple[str, ...] = ()) -> str:
        """The text of a completion, before the first stop sequence."""
        text = completion.text
        if text is None:
            text = str(self.words.decode(completion.tokens, skip_special_tokens=True))
        return text[: min((place for end in stop if (place := text.find(end)) >= 0), default=len(text))]

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """Not needed by any task of openrs."""
        raise ValueError("openrs's tasks generate, and need no log-likelihoods")

    loglikelihood_rolling = loglikelihood
