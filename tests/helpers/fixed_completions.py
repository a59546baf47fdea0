"""Trains nano on completions that depend on the prompt and its place in the group alone.

Started by test_processes, alone and by torchrun: `fixed_completions.py OVERRIDE...`. Sampling differs by
process; with it out of the way, losses and weights must not.
"""

import random
import sys

from openrs.config.compose import compose_config
from openrs.plan import resolve
from openrs.train import trainer as train


def fixed(trainer, prompt_ids, images, multimodal_fields, num_generations, **_):
    """Stands in for TRL's generation: token ids of each completion, and no log-probabilities."""
    made = []
    for index, ids in enumerate(prompt_ids):
        draw = random.Random(f"{ids} {index % num_generations}")
        digits = " ".join(str(draw.randrange(100)) for _ in range(draw.randrange(3, 12)))
        thought = "\n</think>\n" if draw.random() < 0.5 else "\n"
        text = f"{digits}{thought}\\boxed{{{draw.randrange(10)}}}"
        tokenizer = trainer.processing_class
        made.append([*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id])
    return made, None


def main(overrides):
    config = compose_config("scale=nano", *overrides)
    plan = resolve(config)
    train.WholeGroupsTrainer._generate_single_turn = fixed
    train.train(config, plan.run, plan.mix)


if __name__ == "__main__":
    main(sys.argv[1:])
