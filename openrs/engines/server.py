"""Generation by any OpenAI-compatible server, through OpenAI's client and the completions endpoint.

openrs makes the prompt: with `protocol: vllm` its token ids are sent and the completion's come back; with
`protocol: openai` its templated text is sent, and the server's `usage` says how many tokens it saw and
made. A server that counts other prompt tokens than ours adds or splits some, and is refused.
The client tries again with back-off on timeouts, broken connections, 408, 409, 429 and 5xx. When a
request has used up its tries no new one is started; finished completions are stored by then.
"""

import asyncio
import os
from typing import Any

import openai

from openrs.config.schema import EngineOptions
from openrs.engines import Completion, OnCompletion, Request, Sampling, ignore
from openrs.engines.prompts import load_tokenizer
from openrs.errors import Crashed, Mistake
from openrs.processes import loopback
from openrs.records.masking import masked

NEUTRAL = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "return_token_ids": True}
"""Fields of vLLM's: a server takes its defaults from the model's generation_config.json otherwise."""


class ServerEngine:
    """Weights behind an address.

    Args:
        path: folder or Hub id of the weights that the server must serve.
        tokenizer: folder or Hub id of the tokenizer.
        step: the checkpoint's step, for `{step}` in the served name.
        context: tokens of the longest prompt and its completion.
        revision: of the tokenizer's Hub id; None for a folder.

    Raises:
        Mistake: no server answers, the key is refused, the weights are not served, or the server's
            context is too short.
    """

    def __init__(
        self,
        path: str,
        tokenizer: str,
        settings: EngineOptions,
        step: int,
        context: int,
        revision: str | None = None,
    ) -> None:
        self.settings = settings
        self.address = masked(settings.base_url)
        """As errors name it."""
        self.tokenizer = load_tokenizer(tokenizer, revision)
        self.client: dict[str, Any] = {
            "base_url": settings.base_url,
            "api_key": os.environ.get(settings.api_key) or "none",
            "max_retries": settings.retries,
            "timeout": settings.timeout,
        }
        served = self._served()
        names = [path, os.path.abspath(path)]
        if settings.model is not None:
            names = [settings.model.format(step=step)]
        matching = [name for name in served if name in names or os.path.abspath(name) in names]
        if not matching:
            raise Mistake(
                f"engine.model={settings.model}: {self.address} serves "
                f"{', '.join(served) or 'nothing'}, not {names[-1]}. Start it with `vllm serve "
                f"{names[-1]}`, or give engine.model=NAME where these weights have another name."
            )
        self.model = matching[0]
        room = getattr(served[self.model], "max_model_len", None)
        if room is not None and context > room:  # it would cut answers that the settings leave whole
            raise Mistake(
                f"engine.base_url={self.address}: prompt and answer may have {context} tokens together, "
                f"over the context of the server, {room}. Start it with more, as `vllm serve {self.model} "
                f"--max-model-len {context}`, or give a smaller evaluation.max_new_tokens."
            )
        owner = getattr(served[self.model], "owned_by", None)
        self.versions = {"server": str(owner)} if owner else {}
        self.device_kind: str | None = None  # an endpoint does not say what it runs on

    @property
    def _here(self) -> bool:
        """Whether the server is on this machine, which no proxy can reach."""
        return loopback.is_here(self.settings.base_url)

    def close(self) -> None:
        """Leaves the server alone, which openrs did not start."""

    def generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion = ignore
    ) -> list[Completion]:
        """Samples one completion per request, in the order of the requests.

        Raises:
            Mistake: a request failed for good; `finished` was called with the finished completions.
        """
        return asyncio.run(self._generate(requests, sampling, finished))

    def _served(self) -> dict[str, Any]:
        """The models by name."""
        timeout = min(60.0, self.settings.timeout)
        http = openai.DefaultHttpxClient(trust_env=False) if self._here else None
        with openai.OpenAI(**self.client | {"timeout": timeout}, http_client=http) as client:
            try:
                return {item.id: item for item in client.models.list()}
            except openai.OpenAIError as error:
                raise self._refused(error) from error

    async def _generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion
    ) -> list[Completion]:
        gate, failed = asyncio.Semaphore(self.settings.concurrency), asyncio.Event()
        completions: dict[int, Completion] = {}

        async def one(client: openai.AsyncOpenAI, index: int, request: Request) -> None:
            async with gate:
                if failed.is_set():
                    return
                try:
                    completions[index] = await self._one(client, request, sampling)
                except BaseException:
                    failed.set()  # those under way may still finish
                    raise
                finished(index, completions[index])

        http = openai.DefaultAsyncHttpxClient(trust_env=False) if self._here else None
        async with openai.AsyncOpenAI(**self.client, http_client=http) as client:
            calls = (one(client, i, request) for i, request in enumerate(requests))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, openai.OpenAIError):
                raise self._refused(
                    outcome, f"{len(completions)} of {len(requests)} completions"
                ) from outcome
            if isinstance(outcome, BaseException):
                raise outcome
        return [completions[index] for index in range(len(requests))]

    async def _one(self, client: openai.AsyncOpenAI, request: Request, sampling: Sampling) -> Completion:
        ids = self.settings.protocol == "vllm"
        reply = await client.completions.create(
            model=self.model,
            prompt=request.prompt if ids else self.tokenizer.decode(request.prompt),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.cap(request),
            seed=request.seed,
            extra_body=NEUTRAL if ids else None,
        )
        choice, usage = reply.choices[0], reply.usage
        if usage is not None and usage.prompt_tokens != len(request.prompt):
            raise Mistake(
                f"engine.protocol={self.settings.protocol}: the server counts {usage.prompt_tokens} "
                f"tokens in a prompt of {len(request.prompt)}, so it has another tokenizer or adds tokens. "
                "Serve the checkpoint with its own tokenizer, by a server that takes token ids "
                "(engine.protocol=vllm)."
            )
        truncated = choice.finish_reason == "length"
        tokens = getattr(choice, "token_ids", None)
        if tokens is not None:
            return Completion(list(tokens), truncated)
        if usage is None:
            raise Mistake(
                f"engine.base_url={self.address}: the server returns no token ids and no usage, "
                "so the length of a completion is unknown. Use another server, as `vllm serve`."
            )
        return Completion([], truncated, choice.text, usage.completion_tokens)

    def _refused(self, error: openai.OpenAIError, stored: str = "") -> Mistake:
        """The user's error: what the server did, and its remedy."""
        tries = self.settings.retries + 1
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            rule = f"the server refuses the key. Put the right one into {self.settings.api_key}"
        elif isinstance(error, openai.APITimeoutError):
            rule = (
                f"no answer within engine.timeout={self.settings.timeout:g} s, {tries} times. Give more, or "
                "a smaller engine.concurrency"
            )
        elif isinstance(error, openai.APIConnectionError):
            rule = f"no server answers there ({tries} tries). Start one, as `vllm serve WEIGHTS`"
        else:
            rule = f"the server refuses ({tries} tries where that can help): {masked(str(error))}. Mend it"
        again = f" and repeat the same command: {stored} are stored" if stored else ""
        lost = isinstance(error, openai.APIConnectionError | openai.InternalServerError)
        return (Crashed if lost else Mistake)(f"engine.base_url={self.address}: {rule}{again}.")
