"""Checks of lengths: caps on completions, and the model's context."""

from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks that caps grow from stage to stage, and that sequences fit the model's context.

    Raises:
        Mistake: they do not.
    """
    caps = [(stage.until, stage.completion) for stage in config.length.stages]
    after = [*caps[1:], (config.steps.total, config.length.completion)]
    if any(not 0 < a < c or not 0 < b <= d for (a, b), (c, d) in zip(caps, after, strict=False)):
        refuse(
            "length.stages",
            caps,
            "steps and caps must grow from stage to stage, up to steps.total="
            f"{config.steps.total} and length.completion={config.length.completion}",
            "Give for example length.stages=[{until:100,completion:1024},{until:200,completion:2048}]",
        )
    growing = config.length.growing
    if growing and growing.start >= config.length.completion:
        refuse(
            "length.growing.start",
            growing.start,
            f"leaves nothing to grow to, as the last cap is length.completion={config.length.completion}",
            "Give a smaller one, or length.growing=null",
        )
    if growing and caps:
        refuse(
            "length.growing",
            f"{{start: {growing.start}}}",
            "decides the cap of every step, and so does length.stages",
            "Give one of them",
        )
    needed, context = config.length.prompt + config.length.completion, config.model.context
    left = context - config.length.prompt
    room = f"Give length.completion={left} or less, or " if left > 0 else "Give a smaller length.prompt, or "
    if not config.untrained and needed > context:
        refuse(
            "length.completion",
            config.length.completion,
            f"a sequence of {needed} tokens (with length.prompt={config.length.prompt}) is longer than the "
            f"context of {config.model.title}, model.context={context}",
            f"{room}a model with more context",
        )
    if config.evaluation.max_new_tokens >= context:
        refuse(
            "evaluation.max_new_tokens",
            config.evaluation.max_new_tokens,
            f"leaves no room for a prompt in the context of {config.model.title}, model.context={context}",
            f"Give evaluation.max_new_tokens={context // 2} or another number below model.context",
        )
