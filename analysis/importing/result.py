"""The results of foreign files, each as a score record that is not yet placed in a run."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from openrs.analysis.mixing import NOT_STATED
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest
from openrs.records.scores import Score

SETTINGS = ("engine", "dtype", "temperature", "top_p", "max_new_tokens")
"""Settings of the sampling that foreign files may state."""
FURTHER = (
    "top_k",
    "min_p",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "length_penalty",
    "system_prompt",
    "chat_template",
    "reasoning_effort",
)
"""More of them, which a record has where a file states them; of texts it has a hash."""
COUNTS = ("max_new_tokens", "top_k")
"""Settings that are whole numbers; other numbers are not, and 0 and 0.0 are one."""


class Unreadable(ValueError):
    """A file, or one task of it, that holds no score; the message says why."""


FOREIGN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""Errors of code that expects a documented form and meets another."""


@dataclass(frozen=True)
class Outcomes:
    """The outcome of each problem."""

    ids: list[str]
    correct: list[int]
    tokens: list[int]
    """Empty where lengths are not stated."""


def by_problem(ids: Sequence[str], correct: Sequence[int], tokens: Sequence[int] = ()) -> Outcomes | None:
    """The outcomes by problem, or None where a text is there twice: its problems cannot be told apart.

    Args:
        tokens: lengths of the answers; 0 for one that is not stated.
    """
    if len(set(ids)) < len(ids):
        return None
    order = sorted(range(len(ids)), key=ids.__getitem__)
    lengths = [tokens[i] for i in order] if tokens and all(tokens) else []
    return Outcomes([ids[i] for i in order], [int(correct[i]) for i in order], lengths)


@dataclass(frozen=True)
class Result:
    """The score of a model on one task."""

    score: Score
    """At step 0, with the stated seed or -1, and as imported from a file that is not named yet."""
    note: str = ""
    """A remark on how the value was read, which the import prints."""


@dataclass(frozen=True)
class Unread:
    """A task of a file that could not be read."""

    task: str
    reason: str


def result(
    *,
    format: str,
    model: str,
    revision: str | None,
    benchmark: str,
    title: str,
    metric: str,
    value: float,
    n: int,
    samples: int,
    stderr: float | None,
    seed: int | None,
    outputs: str | None,
    examples: str | None,
    settings: dict[str, Any],
    versions: dict[str, str],
    outcomes: Outcomes | None = None,
    note: str = "",
    **more: Any,
) -> Result:
    """The result of one task.

    Args:
        revision: which weights of the model's name: the commit, else the branch or tag, where stated.
        samples: answers a problem that the value is a mean over.
        outputs: a hash of the outputs, as the source states it.
        examples: a hash of the problems, as the source states it.
        settings: those of SETTINGS and FURTHER, None for one that is not stated, and max_problems.
        more: further statements of the source on the measurement.

    Raises:
        Unreadable: a number is out of range.
    """
    if not 0 <= value <= 1:
        raise Unreadable(f"{metric}={value} is not a share between 0 and 1")
    if n < 1 or samples < 1:
        raise Unreadable(f"{metric} is over {n} problems with {samples} answers each, which is none")
    columns = outcomes or Outcomes([], [], [])
    in_form = {key: _in_form(key, settings.get(key)) for key in (*SETTINGS, *FURTHER)}
    sampling = {key: NOT_STATED if in_form[key] is None else in_form[key] for key in SETTINGS}
    further = {key: in_form[key] for key in FURTHER if in_form[key] is not None}
    fixed = {"max_problems": _finite(settings["max_problems"]), "remove_reasoning_tags": NOT_STATED}
    settings = sampling | fixed | further
    computed = math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else None
    problems = problem_set(examples, columns.ids)
    score = Score(
        step=0,
        benchmark=benchmark,
        title=title,
        seed=-1 if seed is None else seed,
        settings_id=digest({"settings": settings, "benchmark": benchmark, "n": n, "problems": problems}),
        scoring_id=digest({"metric": metric, "format": format}),
        value=value,
        n=n,
        stderr=computed if stderr is None or stderr < 0 else stderr,
        ids=columns.ids,
        correct=columns.correct,
        tokens=columns.tokens,
        truncated=[],
        timed_out=[0] * len(columns.ids),
        seconds=0.0,
        settings=settings,
        versions=versions,
        imported={
            "format": format,
            "model": model,
            "revision": revision,
            "metric": metric,
            "samples": samples,
            "outputs": outputs,
            "examples": examples,
            "seed": seed,
            **more,
        },
    )
    return Result(score, note)


def _in_form(key: str, value: Any) -> Any:
    """A setting in the one form in which records have it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        return None
    if key in COUNTS:
        return int(value) if value == int(value) else value
    return value + 0.0 if value else 0.0


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def hashed(text: Any) -> str | None:
    """A text as settings have it, or None where there is none."""
    return digest(text)[:8] if stated(text) else None


def problem_set(examples: str | None, ids: Sequence[str]) -> str | None:
    """A key of a set of problems, beside its size: the source's hash, else that of the problems' ids."""
    return examples or (digest(sorted(ids))[:16] if ids else None)


def by_task(names: Iterable[str], read: Callable[[str], list[Result]]) -> list[Result | Unread]:
    """The results of a file's tasks; one that cannot be read costs none of the others.

    Raises:
        Unreadable: none of them can be read, or there are none.
    """
    results: list[Result] = []
    unread: list[Unread] = []
    for name in names:
        try:
            results += read(name)
        except FOREIGN as error:
            unread.append(Unread(name, reason(error)))
    if not results:
        reasons = "; ".join(f"{item.task}: {item.reason}" for item in unread)
        raise Unreadable(reasons or "no task in `results`")
    return [*results, *unread]


def reason(error: Exception) -> str:
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

NANO = "openrs-nano/"
"""Begins the data set of a stand-in that is built into openrs, before the name of its benchmark."""

LONGEST = 100
"""Letters of a name in a file's or folder's, which file systems end at 255; a model's may be a path."""


def file_name(name: str) -> str:
    """A name as part of a file's: a long one by its beginning and eight digits of its hash."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}-{digest(name)[:8]}"


def benchmark_of(task: str, dataset: str | None, shots: int = 0) -> tuple[str, str]:
    """A benchmark's name, fit for a file, and its title.

    Args:
        shots: examples in the prompt; with them it is another benchmark.
    """
    titles = {short: title for short, title, _ in DATASETS.values()}
    if dataset in DATASETS:
        name, title, _ = DATASETS[dataset]
    elif dataset and dataset.startswith(NANO):
        name = dataset.removeprefix(NANO)
        title = f"nano-{titles.get(name, name)}"
    else:
        name, title = file_name(re.sub(r"[^A-Za-z0-9_.]+", "_", task).strip("_.") or "task"), task
    return (f"{name}_{shots}_shot", f"{title} {shots}-shot") if shots else (name, title)


def implied_size(value: float, stderr: float | None) -> int | None:
    """Problems that a share's standard error implies, or None where it does not tell."""
    if stderr is None or stderr <= 0 or not 0 < value < 1:
        return None
    return round(value * (1 - value) / stderr**2) + 1


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


def problem_ids(prompts: list[str]) -> list[str]:
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
    """The beginning that all texts share."""
    low, high = min(texts), max(texts)
    size = next((i for i, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
    return low[:size]
