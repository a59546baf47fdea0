"""Generation with transformers, made so that a completion depends on its own request alone.

transformers' generate() draws from one global generator and decodes finished sequences to the end of
the batch. Here every request draws from its own generator, finished sequences leave the batch, and
logits are compared in the weights' precision: in float64 (nano) no rounding that a batch size causes
can change a token.

transformers' own continuous batching (generate_batch) refills the batch instead, but draws every
sequence from one global generator (torch.multinomial), so that a sample would depend on its
neighbours. Cutting the batch costs no decode slot either: tests/benchmarks/bench_engines.py prints the
share that finished sequences take.
"""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from openrs.engines import Completion, OnCompletion, Request, Sampling, ignore
from openrs.engines.prompts import end_tokens, load_tokenizer
from openrs.machine.devices import CPU, device_kind

SHRINK = 0.75
"""The batch is cut to its unfinished sequences when no more than this share is left."""


class TransformersEngine:
    """Weights on one device.

    Args:
        path: folder or Hub id of the weights.
        tokenizer: folder or Hub id of the tokenizer.
        dtype: precision of the forward pass, as torch names it.
        batch_size: sequences decoded at once.
        revision: of a Hub id; None for a folder.
    """

    def __init__(
        self,
        path: str | Path,
        tokenizer: str | Path,
        dtype: str,
        device: str,
        batch_size: int,
        revision: str | None = None,
    ) -> None:
        self.tokenizer = load_tokenizer(str(tokenizer), revision)
        self.model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, dtype),
            revision=(revision or "main") if str(path) == str(tokenizer) else "main",
        )
        self.model.eval().to(torch.device(device))
        self.device, self.batch_size = device, batch_size
        self.versions: dict[str, str] = {}
        self.device_kind: str | None = (
            CPU if device == "cpu" else device_kind([torch.cuda.get_device_name(device)])
        )
        ends = end_tokens(self.model.generation_config.eos_token_id, self.tokenizer)
        self.ends = torch.tensor(ends, device=device)

    def close(self) -> None:
        """Does nothing: no process outlives the object."""

    def generate(
        self, requests: list[Request], sampling: Sampling, finished: OnCompletion = ignore
    ) -> list[Completion]:
        """Samples one completion per request, in the order of the requests."""
        order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
        completions: dict[int, Completion] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]

            def of_batch(row: int, completion: Completion, batch: list[int] = batch) -> None:
                completions[batch[row]] = completion
                finished(batch[row], completion)

            self._batch([requests[i] for i in batch], sampling, of_batch)
        return [completions[index] for index in range(len(requests))]

    @torch.inference_mode()
    def _batch(self, requests: list[Request], sampling: Sampling, finished: OnCompletion) -> None:
        longest = max(len(request.prompt) for request in requests)
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor(
            [[pad] * (longest - len(r.prompt)) + r.prompt for r in requests], device=self.device
        )
        mask = torch.tensor(
            [[0] * (longest - len(r.prompt)) + [1] * len(r.prompt) for r in requests],
            device=self.device,
        )
        caps = [sampling.cap(request) for request in requests]
        numbers = torch.from_numpy(
            np.stack([np.random.default_rng(r.seed).random(max(caps)) for r in requests])
        ).to(self.device)
        rows = torch.arange(len(requests), device=self.device)
        tokens: list[list[int]] = [[] for _ in requests]
        unfinished = [True] * len(requests)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = None
        for step in range(max(caps)):
            output = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache = output.past_key_values
            drawn = draw(output.logits[:, -1], numbers[rows, step], sampling)
            ended = torch.isin(drawn, self.ends)
            for row, token, end in zip(rows.tolist(), drawn.tolist(), ended.tolist(), strict=True):
                if unfinished[row]:
                    tokens[row].append(token)
                    if end or len(tokens[row]) == caps[row]:
                        unfinished[row] = False
                        finished(row, Completion(tokens[row], not end))
            open_rows = torch.tensor([unfinished[row] for row in rows.tolist()], device=self.device)
            left = int(open_rows.sum())
            if left == 0:
                break
            ids, positions = drawn[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=-1)
            if left <= SHRINK * len(rows):
                still = open_rows.nonzero()[:, 0]
                rows, ids, positions, mask = rows[still], ids[still], positions[still], mask[still]
                cache.batch_select_indices(still)


def draw(logits: torch.Tensor, numbers: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Draws one token per row by inverting the cumulative distribution at the row's own number.

    Args:
        logits: scores, shape (rows, vocabulary).
        numbers: uniform numbers in [0, 1), shape (rows,), float64.

    Returns:
        Token ids, shape (rows,).
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits.double() / sampling.temperature, -1)
    if sampling.top_p < 1:
        ordered, places = probabilities.sort(descending=True, stable=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p
        probabilities = probabilities.masked_fill(torch.zeros_like(beyond).scatter(-1, places, beyond), 0.0)
    cumulative = probabilities.cumsum(-1)
    places = numbers[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, places, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
