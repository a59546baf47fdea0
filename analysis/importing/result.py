"""What a foreign file says of one task, in openrs's words."""

import re
from dataclasses import dataclass, field
from typing import Any

from openrs.text import problem_id

NOT_STATED = "not stated"


class Unreadable(ValueError):
    """A file, or one task of it, that holds no score; the message says why."""


@dataclass(frozen=True)
class Outcomes:
    """What is known of each problem."""

    ids: list[str]
    correct: list[int]
    tokens: list[int]
    """Empty where lengths are not stated."""


@dataclass(frozen=True)
class Result:
    """The score of a model on one task."""

    format: str
    model: str
    benchmark: str
    title: str
    metric: str
    value: float
    n: int
    samples: int
    """Answers a problem that the value is a mean over."""
    stderr: float | None
    seed: int | None
    outputs: str | None
    """A hash of the outputs, as the source states it."""
    examples: str | None
    """A hash of the problems, as the source states it."""
    settings: dict[str, Any]
    versions: dict[str, str]
    outcomes: Outcomes | None = None
    settings_stated: dict[str, Any] = field(default_factory=dict)
    """What else the source says of how it was measured."""


DATASETS = {
    "HuggingFaceH4/aime_2024": ("aime24", "AIME24"),
    "HuggingFaceH4/MATH-500": ("math_500", "MATH-500"),
    "knoveleng/AMC-23": ("amc23", "AMC23"),
    "knoveleng/Minerva-Math": ("minerva", "Minerva"),
    "knoveleng/OlympiadBench": ("olympiadbench", "OlympiadBench"),
}
"""Data set on the Hub -> the benchmark's name and title here. Other sets keep their own names, so that
nothing is taken for a benchmark that it is not."""


def benchmark(task: str, dataset: str | None) -> tuple[str, str]:
    """A benchmark's name, fit for a file, and its title."""
    if dataset in DATASETS:
        return DATASETS[dataset]
    return re.sub(r"[^A-Za-z0-9_.]+", "_", task).strip("_.") or "task", task


SAMPLED = re.compile(r"(?:^|[:&_])n=(\d+)|[:_](\d+)_samples")
PASS = re.compile(r"pass@k.*?k=(\d+)|pass@(\d+)")


def samples(metric: str) -> int:
    """Answers a problem, as a metric's name states them ("avg@n:n=8", "math_pass@1:4_samples")."""
    found = SAMPLED.search(metric)
    return int(found[1] or found[2]) if found else 1


def pass_k(metric: str) -> int:
    """k of a pass@k metric; 1 for any other."""
    found = PASS.search(metric)
    return int(found[1] or found[2]) if found else 1


def problems(prompts: list[str]) -> list[str]:
    """Problem ids of prompts, without the lines that all of them begin or end with.

    An instruction around the problem is then no part of its identity, as in openrs's own records.
    """
    if len(set(prompts)) < 2:
        return [problem_id(prompt) for prompt in prompts]
    head = _common(prompts)
    head = head[: head.rfind("\n") + 1]
    rest = [prompt[len(head) :] for prompt in prompts]
    tail = _common([text[::-1] for text in rest])[::-1]
    cut = len(tail) - tail.find("\n") if "\n" in tail else 0
    return [problem_id(text[: len(text) - cut]) for text in rest]


def _common(texts: list[str]) -> str:
    low, high = min(texts), max(texts)
    size = next((i for i, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
    return low[:size]
