"""Inspect's evaluation logs (.eval and .json), through Inspect's own reader (inspect_ai.log)."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from openrs.analysis.importing.result import (
    NOT_STATED,
    Left,
    Outcomes,
    Result,
    Unreadable,
    benchmark,
    problems,
    stated,
)
from openrs.records.recipe import digest

FORMAT = "Inspect"
RIGHT = {"C": 1, "I": 0, "P": 0, "N": 0}
"""Inspect's letters: correct, incorrect, partial, no answer. Its own accuracy takes a partial answer for half
a right one; here a problem is right or wrong, and the import says where there were partial ones."""
PARTIAL = "P"


def recognises(document: Any) -> bool:
    """Whether a JSON document is an evaluation log."""
    return isinstance(document, dict) and {"version", "status", "eval"} <= document.keys()


def is_archive(content: bytes) -> bool:
    """Whether a file is a log in Inspect's .eval form, a zip archive."""
    return content.startswith(b"PK")


def read(document: Any, path: Path) -> list[Result | Left]:
    """The scores of a log: one an epoch, as each epoch answers every problem once.

    Raises:
        Unreadable: the log is broken or unfinished, or scores nothing as right or wrong.
    """
    del document  # Inspect's reader takes both forms from the file
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(str(path))
    except Exception as error:  # whatever a broken archive makes its reader raise
        raise Unreadable(f"Inspect cannot read it ({type(error).__name__}: {error})") from None
    if log.status != "success":
        raise Unreadable(f"the evaluation ended with status {log.status}")
    if not log.results or not log.results.scores:
        raise Unreadable("it holds no scores")
    scorer = log.results.scores[0].name
    if not log.samples:
        return [_aggregate(log)]
    epochs: dict[int, list[Any]] = defaultdict(list)
    for sample in log.samples:
        epochs[sample.epoch].append(sample)
    return [_epoch(log, samples, scorer, epoch) for epoch, samples in sorted(epochs.items())]


def _epoch(log: Any, samples: list[Any], scorer: str, epoch: int) -> Result:
    verdicts = [_right(sample, scorer) for sample in samples]
    prompts = [sample.input if isinstance(sample.input, str) else sample.input[-1].text for sample in samples]
    ids = problems(prompts)
    n, value = len(ids), sum(verdicts) / len(ids)
    order = sorted(range(n), key=ids.__getitem__)
    tokens = [sum(usage.output_tokens for usage in sample.model_usage.values()) for sample in samples]
    outcomes = Outcomes(
        [ids[i] for i in order],
        [verdicts[i] for i in order],
        [tokens[i] for i in order] if all(tokens) else [],
    )
    outputs = digest([[str(sample.id), sample.output.completion] for sample in samples])[:16]
    distinct = len(set(ids)) == n
    made = _result(log, scorer, value, n, outputs, outcomes if distinct else None, epoch)
    partial = sum(_value(sample, scorer) == PARTIAL for sample in samples)
    if not partial:
        return made
    note = f"{partial} partial answers count as wrong here; Inspect's accuracy counts each as half"
    return replace(made, note=note, settings_stated=made.settings_stated | {"partial_as_wrong": partial})


def _value(sample: Any, scorer: str) -> Any:
    score = (sample.scores or {}).get(scorer)
    return score.value if score is not None else None


def _right(sample: Any, scorer: str) -> int:
    value = _value(sample, scorer)
    if isinstance(value, str) and value in RIGHT:
        return RIGHT[value]
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    raise Unreadable(f"{scorer} gives {value!r} for sample {sample.id}, which is not right or wrong")


def _aggregate(log: Any) -> Result:
    first = log.results.scores[0]
    named = {name: metric.value for name, metric in first.metrics.items()}
    if "accuracy" not in named:
        raise Unreadable(f"no accuracy among its metrics ({', '.join(named)})")
    n = log.eval.dataset.samples or log.results.total_samples
    return _result(log, first.name, float(named["accuracy"]), int(n), None, None, None)


def _result(
    log: Any,
    scorer: str,
    value: float,
    n: int,
    outputs: str | None,
    outcomes: Outcomes | None,
    epoch: int | None,
) -> Result:
    spec, config = log.eval, log.plan.config
    short, title = benchmark(spec.task.split("/")[-1], spec.dataset.location or spec.dataset.name)
    engine = spec.model.split("/")[0]
    told = {
        "engine": engine,
        "dtype": (spec.model_args or {}).get("torch_dtype"),
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_new_tokens": config.max_tokens,
    }
    settings = {key: NOT_STATED if given is None else given for key, given in told.items()}
    return Result(
        format=FORMAT,
        model=spec.model,
        revision=stated((spec.model_args or {}).get("revision")),
        benchmark=short,
        title=title,
        metric=f"{scorer} accuracy",
        value=value,
        n=n,
        samples=1 if epoch is not None else int(spec.config.epochs or 1),
        stderr=math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else None,
        seed=None if epoch is None or config.seed is None or epoch > 1 else config.seed,
        outputs=outputs,
        examples=digest(sorted(outcomes.ids))[:16] if outcomes else None,
        settings=settings | {"max_problems": _limit(spec.config.limit), "remove_reasoning_tags": NOT_STATED},
        versions={"inspect_ai": str((spec.packages or {}).get("inspect_ai", NOT_STATED))},
        outcomes=outcomes,
        settings_stated={
            "task": spec.task,
            "dataset": spec.dataset.location or spec.dataset.name,
            "epoch": epoch,
            "created": spec.created,
        },
    )


def _limit(limit: Any) -> Any:
    return list(limit) if isinstance(limit, tuple) else limit
