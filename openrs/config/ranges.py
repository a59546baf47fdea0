"""What a number may be, field by field: finite, and within its range."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from openrs.config.schema import Config
from openrs.errors import refuse

POSITIVE = (
    *("length.prompt", "length.completion", "steps.total", "steps.save_every", "model.context"),
    *("algorithm.prompts_per_step", "algorithm.micro_batch", "algorithm.num_iterations"),
    *("algorithm.learning_rate", "algorithm.temperature", "algorithm.adam_epsilon"),
    *("evaluation.max_new_tokens", "evaluation.max_problems", "evaluation.top_p"),
    *("hardware.training_processes", "hardware.nodes", "hardware.evaluation_batch"),
    *("hardware.vllm_memory", "hardware.server_timeout", "hardware.stall_timeout"),
    *("engine.data_parallel", "engine.tensor_parallel", "engine.concurrency", "engine.timeout"),
    *("engine.memory", "collapse.window", "collapse.flat_for", "collapse.length_above"),
    *("collapse.kl_above", "budget.device_hours", "budget.money"),
)
NOT_NEGATIVE = (
    *("report_step", "algorithm.beta", "algorithm.epsilon", "algorithm.epsilon_high"),
    *("algorithm.weight_decay", "algorithm.max_grad_norm", "evaluation.temperature"),
    *("hardware.devices", "hardware.server_devices", "hardware.device_memory_gib"),
    *("hardware.price_per_device_hour", "engine.retries"),
    "evaluation.first_seed",  # records use negative seeds for those that a source does not state
)
SHARES = (
    *("algorithm.min_lr_rate", "evaluation.top_p", "hardware.vllm_memory", "engine.memory"),
    *("collapse.reward_below", "collapse.no_signal_above", "collapse.truncated_above"),
    "collapse.foreign_above",
)
SHARES_BELOW_ONE = ("algorithm.warmup", "algorithm.adam_beta1", "algorithm.adam_beta2")

SEEDS = 2**32
"""numpy, which transformers seeds with the run's seed, takes no larger ones and no negative ones."""


def check(config: Config) -> None:
    """Checks every number that has a range; null is always within it.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    for path, value in _numbers(asdict(config), ""):
        if not math.isfinite(value):
            refuse(path, value, "is no finite number", "Give one that is")
    for path, value in _values(config, POSITIVE):
        if value <= 0:
            refuse(path, value, "must be greater than 0", f"Give a positive number, as {path}=1")
    for path, value in _values(config, NOT_NEGATIVE):
        if value < 0:
            refuse(path, value, "must not be negative", f"Give 0 or more, as {path}=0")
    for path, value in _values(config, SHARES):
        if not 0 <= value <= 1:
            refuse(path, value, "is a share", "Give a number from 0 to 1")
    for path, value in _values(config, SHARES_BELOW_ONE):
        if not 0 <= value < 1:
            refuse(path, value, "must be 0 or more and below 1", f"Give a number from 0 to 1, as {path}=0.1")
    if not 0 <= config.seed < SEEDS:
        refuse("seed", config.seed, f"must be from 0 to {SEEDS - 1}", "Give another, as seed=42")


def _numbers(tree: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value, path)
    elif isinstance(tree, float):
        yield path, tree


def _values(config: Config, paths: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    for path in paths:
        value = attrgetter(path)(config)
        if value is not None:
            yield path, value
