"""Trains nano on completions of a sampler with weights of its own, which says log-probabilities as vLLM does.

Started by test_sampler_check: `lagging_sampler.py STEP OVERRIDE...`. The sampler takes the trainer's weights
before each generation up to that of STEP, and no more afterwards.
"""

import sys

import torch
from transformers import AutoModelForCausalLM
from trl.trainer.utils import pad

from openrs.config.compose import compose_config
from openrs.models.files import packaged
from openrs.plan import resolve
from openrs.train import sampler_check
from openrs.train import trainer as train


def sampler(config, last):
    """What takes the place of TRL's generation."""
    model = AutoModelForCausalLM.from_pretrained(packaged(config.model), dtype=torch.float32).eval()

    @torch.no_grad()
    def generate(trainer, prompt_ids, images, multimodal_fields, num_generations, **_):
        if trainer.state.global_step < last:
            model.load_state_dict(trainer.model.state_dict())
        prompts = [torch.tensor(ids) for ids in prompt_ids]
        end = trainer.processing_class.eos_token_id
        made = model.generate(
            input_ids=pad(prompts, padding_value=end, padding_side="left"),
            attention_mask=pad([torch.ones_like(ids) for ids in prompts], padding_side="left"),
            do_sample=True, temperature=config.algorithm.temperature, top_k=0, top_p=1.0,
            max_new_tokens=config.length.completion, eos_token_id=end, pad_token_id=end,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        scores = torch.stack(made.scores, 1).log_softmax(-1)
        written = made.sequences[:, -scores.shape[1] :]
        drawn = scores.gather(-1, written[..., None]).squeeze(-1)
        lengths = [(row == end).nonzero()[:1] for row in written]
        lengths = [int(at) + 1 if len(at) else written.shape[1] for at in lengths]
        return (
            [row[:length].tolist() for row, length in zip(written, lengths, strict=True)],
            [row[:length].tolist() for row, length in zip(drawn, lengths, strict=True)],
        )

    return generate


def main(last, *overrides):
    config = compose_config("scale=nano", *overrides)
    plan = resolve(config)
    sampler_check.CheckedTrainer._generate_single_turn = sampler(config, int(last))
    train.train(config, plan.run, plan.mix)


if __name__ == "__main__":
    main(*sys.argv[1:])
