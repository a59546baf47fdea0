"""Checks of the algorithm: parts that cancel each other, or do something other than their names say.

What each loss reads is TRL 1.16's `GRPOTrainer._compute_loss`.
"""

from openrs.config import trl_fields
from openrs.config.schema import Config
from openrs.config.training import Algorithm
from openrs.errors import refuse

SEQUENCE = ("grpo", "luspo")
"""Losses that a ratio of whole completions leaves a mean over completions."""
CLIPPED = ("bnpo", "dapo", "dr_grpo", "grpo", "luspo")
"""Losses that clip the ratio from both sides, by epsilon and epsilon_high."""


def check(config: Config) -> None:
    """Checks the parts of the algorithm against each other, what an adapter trains, and TRL's own fields.

    Raises:
        Mistake: a field has no effect beside another, or turns the loss into another.
    """
    algorithm = config.algorithm
    _ratio(algorithm)
    _clipping(algorithm)
    if algorithm.schedule == "cosine_with_min_lr" and algorithm.min_lr_rate is None:
        refuse(
            "algorithm.min_lr_rate",
            None,
            "cosine_with_min_lr needs its floor",
            "Give algorithm.min_lr_rate=0.1",
        )
    if config.adapter and not config.adapter.modules:
        refuse("adapter.modules", "[]", "leaves nothing to train", "Give for example [q_proj,v_proj]")
    trl_fields.check(algorithm.trl)
    _correction(algorithm)


def on_policy(algorithm: Algorithm) -> str:
    """The plain loss whose gradient this algorithm has while every completion is used once, as all ratios
    are 1 then; empty where its gradient differs, or is the plain one's by its name.

    At a ratio of 1 nothing is clipped, the gradient of a sequence's ratio is that of its tokens' mean, sapo's
    gate has slope 1, and cispo's weight is 1. (A KL term that is multiplied by a sequence's ratio differs.)
    """
    by_sequence = algorithm.ratio_level == "sequence"
    if algorithm.num_iterations > 1 or (by_sequence and algorithm.beta and algorithm.bias_corrected_kl):
        return ""
    if algorithm.loss == "cispo":
        return "dapo"
    if algorithm.loss == "sapo" or (algorithm.loss == "grpo" and by_sequence):
        return "grpo"
    return algorithm.loss if algorithm.ratio_cap is not None else ""


def takes_groups_apart(algorithm: Algorithm) -> bool:
    """Whether micro-batches that are even shares of a group add up to the loss of the group.

    They do where a loss is a mean over completions or has one divisor for the whole batch, which is all but
    bnpo, the mean over a micro-batch's tokens. So is the entropy bonus, and a quantile of the entropy.
    """
    share = algorithm.group_size % algorithm.micro_batch == 0
    of_batch = algorithm.loss == "bnpo" or algorithm.entropy_bonus or "top_entropy_quantile" in algorithm.trl
    return share and not of_batch


def _ratio(algorithm: Algorithm) -> None:
    if algorithm.ratio_level == "sequence" and algorithm.loss not in SEQUENCE:
        refuse(
            "algorithm.ratio_level",
            "sequence",
            f"weighs a completion by its length where algorithm.loss={algorithm.loss} sums over tokens",
            f"Give algorithm.loss={' or '.join(SEQUENCE)}, or algorithm.ratio_level=token",
        )
    if algorithm.loss == "luspo" and algorithm.ratio_level == "token":
        refuse(
            "algorithm.loss",
            "luspo",
            "scales the loss of a whole completion, and algorithm.ratio_level=token has none",
            "Give algorithm.ratio_level=sequence",
        )
    mode = algorithm.importance_sampling_mode
    if algorithm.loss == "vespo" and algorithm.importance_sampling_correction and mode.startswith("sequence"):
        refuse(
            "algorithm.importance_sampling_mode",
            mode,
            "weighs whole completions, which algorithm.loss=vespo does itself",
            "Give algorithm.importance_sampling_mode=token_truncate or token_mask",
        )


def _clipping(algorithm: Algorithm) -> None:
    loss, high = algorithm.loss, algorithm.epsilon_high
    if loss == "cispo" and (high is None or high < 1):
        refuse(
            "algorithm.epsilon_high",
            high,
            "is the largest weight of a token with algorithm.loss=cispo, and below 1 it shrinks every step",
            "Give algorithm.epsilon_high=5.0, as ScaleRL has it (arXiv 2510.13786)",
        )
    if loss in ("sapo", "vespo") and high is not None:
        refuse(
            "algorithm.epsilon_high",
            high,
            f"has no effect with algorithm.loss={loss}, which clips nothing",
            "Give algorithm.epsilon_high=null",
        )
    cap = algorithm.ratio_cap
    if cap is not None and loss not in CLIPPED:
        refuse(
            "algorithm.ratio_cap",
            cap,
            f"has no effect with algorithm.loss={loss}",
            f"Leave it out, or give algorithm.loss={', '.join(CLIPPED[:-1])} or {CLIPPED[-1]}",
        )
    upper = 1 + (algorithm.epsilon if high is None else high)
    if cap is not None and cap <= upper:
        refuse(
            "algorithm.ratio_cap",
            cap,
            f"must be greater than {upper:g}, where algorithm.epsilon"
            f"{'' if high is None else '_high'} clips already",
            "Give a larger one, as algorithm.ratio_cap=4.0",
        )


def _correction(algorithm: Algorithm) -> None:
    divided = algorithm.logits_over_temperature or algorithm.temperature == 1
    if algorithm.importance_sampling_correction and not divided:
        refuse(
            "algorithm.importance_sampling_correction",
            "true",
            f"compares vLLM's probabilities at temperature {algorithm.temperature} with the trainer's at 1, "
            "as algorithm.logits_over_temperature=false leaves the temperature out",
            "Give algorithm.logits_over_temperature=true, or algorithm.importance_sampling_correction=false",
        )
    for name, default in {"mode": "sequence_mask", "cap": 3.0}.items():
        value = getattr(algorithm, f"importance_sampling_{name}")
        if value != default and not algorithm.importance_sampling_correction:
            refuse(
                f"algorithm.importance_sampling_{name}",
                value,
                "is part of a correction that algorithm.importance_sampling_correction=false leaves out",
                "Leave it out, or give algorithm=grpo, dr_grpo or dapo, which have the correction",
            )
