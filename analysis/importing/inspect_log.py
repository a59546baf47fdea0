"""Inspect's evaluation logs (.eval and .json), through Inspect's own reader (inspect_ai.log)."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from openrs.analysis.importing.result import (
    Outcomes,
    Result,
    Unread,
    Unreadable,
    benchmark_of,
    by_problem,
    problem_ids,
    result,
    stated,
)
from openrs.analysis.mixing import NOT_STATED
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


def read(document: Any, path: Path) -> list[Result | Unread]:
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
    if not log.samples:
        return [_aggregate(log)]
    epochs: dict[int, list[Any]] = defaultdict(list)
    for sample in log.samples:
        epochs[sample.epoch].append(sample)
    return [_epoch(log, samples, epoch) for epoch, samples in sorted(epochs.items())]


def _epoch(log: Any, samples: list[Any], epoch: int) -> Result:
    scorer = log.results.scores[0].name
    verdicts = [_right(sample, scorer) for sample in samples]
    prompts = [sample.input if isinstance(sample.input, str) else sample.input[-1].text for sample in samples]
    tokens = [sum(usage.output_tokens for usage in sample.model_usage.values()) for sample in samples]
    partial = sum(_value(sample, scorer) == PARTIAL for sample in samples)
    note = f"{partial} partial answers count as wrong here; Inspect's accuracy counts each as half"
    return _result(
        log,
        sum(verdicts) / len(verdicts),
        len(verdicts),
        outputs=digest([[str(sample.id), sample.output.completion] for sample in samples])[:16],
        outcomes=by_problem(problem_ids(prompts), verdicts, tokens),
        epoch=epoch,
        note=note if partial else "",
        **({"partial_as_wrong": partial} if partial else {}),
    )


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
    metrics = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    if "accuracy" not in metrics:
        raise Unreadable(f"no accuracy among its metrics ({', '.join(metrics)})")
    n = log.eval.dataset.samples or log.results.total_samples
    return _result(log, float(metrics["accuracy"]), int(n))


def _result(
    log: Any,
    value: float,
    n: int,
    outputs: str | None = None,
    outcomes: Outcomes | None = None,
    epoch: int | None = None,
    **more: Any,
) -> Result:
    spec, config = log.eval, log.plan.config
    dataset, model_args = spec.dataset.location or spec.dataset.name, spec.model_args or {}
    short, title = benchmark_of(spec.task.split("/")[-1], dataset)
    limit = spec.config.limit
    return result(
        format=FORMAT,
        model=spec.model,
        revision=stated(model_args.get("revision")),
        benchmark=short,
        title=title,
        metric=f"{log.results.scores[0].name} accuracy",
        value=value,
        n=n,
        samples=1 if epoch is not None else int(spec.config.epochs or 1),
        stderr=math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else None,
        seed=None if epoch is None or config.seed is None or epoch > 1 else config.seed,
        outputs=outputs,
        examples=digest(sorted(outcomes.ids))[:16] if outcomes else None,
        settings={
            "engine": spec.model.split("/")[0],
            "dtype": model_args.get("torch_dtype"),
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_new_tokens": config.max_tokens,
            "max_problems": list(limit) if isinstance(limit, tuple) else limit,
        },
        versions={"inspect_ai": str((spec.packages or {}).get("inspect_ai", NOT_STATED))},
        outcomes=outcomes,
        task=spec.task,
        dataset=dataset,
        epoch=epoch,
        created=spec.created,
        **more,
    )
