"""Whether the sampler has the weights that are trained: its log-probabilities against the trainer's.

Where the trainer's own model generates there is nothing to compare. vLLM has a copy of the weights, which
each step renews; a copy that stays old or wakes up broken would go unnoticed, as it still writes text.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from trl import GRPOTrainer

from openrs.config.schema import Config
from openrs.errors import Crashed

TOKENS = 512
"""Tokens of a completion that are compared, from its start: old weights show in each."""
LIMITS = {"float32": 0.002, "bfloat16": 0.1}
"""Compute type -> the largest sound mean of the absolute difference of a token's log-probabilities.

Measured on a CPU in float32: below 1e-4 with sound weights, 0.009 with weights that are one step old at a
learning rate of 1e-3. In bfloat16 single tokens differ with a standard deviation of 0.05, by reports on GPUs.
"""
METRIC = "sampling/gap"
"""TRL's log gets the mean under this name."""
CUTS = ("top_p", "top_k", "min_p", "repetition_penalty")
"""Fields of GRPOConfig after which a sampler's log-probabilities are not the model's at a temperature."""


class CheckedTrainer(GRPOTrainer):
    """TRL's trainer, which compares at the first generation of a process and then every so many steps.

    A comparison is one forward pass over the first group of each process, 512 tokens of a completion at most,
    without gradients, and moves no random state: it changes nothing in what is trained.
    """

    config: Config
    _agreed: int | None = None
    """The last step for whose completions the two agreed."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Leaves TRL's README.md out, to which weights in a folder are "None"; a push writes a card."""

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        generated = super()._generate_and_score_completions(inputs)
        step = self.state.global_step
        due = self._agreed is None or step + 1 >= self._agreed + self.config.hardware.sampler_check_every
        if "sampling_per_token_logps" not in generated or not due or not comparable(self.config):
            return generated
        total, compared, tokens = self.accelerator.gather(self._gap(generated)[None]).sum(0).tolist()
        if tokens:  # else TRL masks the whole group, and the next one is compared
            gap = total / compared if compared else math.nan
            self._metrics["train"][METRIC].append(gap)
            refuse_gap(gap, self.config, step + 1, self._agreed)
            self._agreed = step + 1
        return generated

    @torch.no_grad()
    def _gap(self, generated: dict[str, Any]) -> Tensor:
        """The sum of absolute differences over the first group of this process, of how many tokens, and the
        tokens with those of which vLLM says no log-probability."""
        differences = []
        trains = self.model.training
        self.model.eval()  # no dropout, which would draw random numbers
        try:
            for row in range(min(self.num_generations, len(generated["completion_ids"]))):
                prompt = generated["prompt_ids"][row][generated["prompt_mask"][row].bool()]
                mask = generated["completion_mask"][row].bool()
                completion = generated["completion_ids"][row][mask][:TOKENS]
                # a row that TRL masks has no token, and still takes its part in a sharded forward pass
                ours = self._log_probabilities(prompt, completion)
                theirs = generated["sampling_per_token_logps"][row][mask][:TOKENS]
                differences.append((ours - theirs).abs())
        finally:
            self.model.train(trains)
        gaps = torch.cat(differences)
        return torch.stack([gaps.nansum(), (~gaps.isnan()).sum(), torch.tensor(len(gaps)).to(gaps)])

    def _log_probabilities(self, prompt: Tensor, completion: Tensor) -> Tensor:
        """The model's log-probabilities of a completion at the sampling temperature."""
        ids = torch.cat([prompt, completion])[None]
        keep = len(completion) + 1
        with self.accelerator.autocast(), exact_logits(self.model):
            logits = self.model(input_ids=ids, use_cache=False, logits_to_keep=keep).logits[0, :-1]
        scaled = (logits.float() / self.config.algorithm.temperature).log_softmax(-1)
        return scaled.gather(-1, completion[:, None]).squeeze(-1)


@contextmanager
def exact_logits(model: Any) -> Iterator[None]:
    """Has the last layer compute in float32: bfloat16 rounds a logit of 20 by up to 0.06."""

    def exact(layer: Any, inputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
        with torch.autocast(inputs[0].device.type, enabled=False):
            bias = None if layer.bias is None else layer.bias.float()
            return linear(inputs[0].float(), layer.weight.float(), bias)

    handle = model.get_output_embeddings().register_forward_hook(exact)
    try:
        yield
    finally:
        handle.remove()


def comparable(config: Config) -> bool:
    """Whether the sampler draws from the model's distribution at a temperature, without cuts."""
    return not any(name in config.algorithm.trl for name in CUTS)


def refuse_gap(gap: float, config: Config, step: int, agreed: int | None) -> None:
    """Ends training where a sampler has other weights.

    Raises:
        Crashed: the gap is above the limit, or no number.
    """
    hardware, dtype = config.hardware, config.model.compute_dtype
    limit = LIMITS[dtype] if hardware.sampler_gap_limit is None else hardware.sampler_gap_limit
    if gap <= limit:
        return
    since = (
        "No step of this start was trained on its completions"
        if agreed is None
        else f"The two agreed at step {agreed}: delete the checkpoints after it, which may have learnt from "
        "another model's completions"
    )
    raise Crashed(
        f"hardware.generation={hardware.generation}: at step {step} the sampler's log-probabilities differ "
        f"from the trainer's by {gap:.3g} a token, above the limit of {limit:g} for {dtype}, so it does not "
        f"have the weights that are trained, and training ended. {since}, and start the same command again, "
        "which loads the weights anew; should that repeat, change hardware.generation. "
        "hardware.sampler_gap_limit=NUMBER sets another limit."
    )
