"""What a foreign file says of one task, in openrs's words."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest

NOT_STATED = "not stated"


class Unreadable(ValueError):
    """A file, or one task of it, that holds no score; the message says why."""


FOREIGN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What code that expects a documented form raises on another form."""


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
    revision: str | None
    """Which weights of that name: the commit, else the branch or tag, where the source states one."""
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
    note: str = ""
    """What the import must tell of how the value was read."""


@dataclass(frozen=True)
class Left:
    """A task of a readable file that was left out."""

    task: str
    reason: str


def by_task(names: Iterable[str], read: Callable[[str], list[Result]]) -> list[Result | Left]:
    """The scores of a file's tasks; one that cannot be read costs none of the others.

    Raises:
        Unreadable: none of them can be read, or there are none.
    """
    made: list[Result] = []
    left: list[Left] = []
    for name in names:
        try:
            made += read(name)
        except FOREIGN as error:
            left.append(Left(name, said(error)))
    if not made:
        told = "; ".join(f"{item.task}: {item.reason}" for item in left)
        raise Unreadable(told or "no task in `results`")
    return [*made, *left]


def said(error: Exception) -> str:
    """Why something could not be read."""
    if isinstance(error, Unreadable):
        return str(error)
    return f"not of the documented form ({type(error).__name__}: {error})"


DATASETS = {
    "HuggingFaceH4/aime_2024": ("aime24", "AIME24", 30),
    "HuggingFaceH4/MATH-500": ("math_500", "MATH-500", 500),
    "knoveleng/AMC-23": ("amc23", "AMC23", 40),
    "knoveleng/Minerva-Math": ("minerva", "Minerva", 272),
    "knoveleng/OlympiadBench": ("olympiadbench", "OlympiadBench", 675),
    "yentinglin/aime_2025": ("aime25", "AIME25", 30),
}
"""Data set on the Hub -> the benchmark's name and title here, and its problems. Other sets keep their own
names, so that nothing is taken for a benchmark that it is not."""


LONGEST = 100
"""Letters of a name in a file's or folder's, which file systems end at 255; a model's may be a path."""


def file_name(name: str) -> str:
    """A name as part of a file's: a long one by its beginning and eight digits of its hash."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}-{digest(name)[:8]}"


def benchmark(task: str, dataset: str | None) -> tuple[str, str]:
    """A benchmark's name, fit for a file, and its title."""
    if dataset in DATASETS:
        return DATASETS[dataset][:2]
    return file_name(re.sub(r"[^A-Za-z0-9_.]+", "_", task).strip("_.") or "task"), task


def number(value: Any) -> float | None:
    """A finite number; None for anything else ("N/A", NaN, nothing)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """A count or seed of at least 0, also where it is written as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def stated(value: Any) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value else None


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
