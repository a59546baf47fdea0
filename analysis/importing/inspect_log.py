"""Inspect's evaluation logs (.eval and .json), through Inspect's own reader (inspect_ai.log)."""

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from openrs.analysis.importing import choice
from openrs.analysis.importing.choice import Choice
from openrs.analysis.importing.result import (
    FURTHER,
    Outcomes,
    Result,
    Unread,
    Unreadable,
    benchmark_of,
    by_problem,
    by_task,
    hashed,
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


def read(document: Any, path: Path, selection: Choice) -> list[Result | Unread]:
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
    scorer, left_out = _scorer(log, selection.scorer)
    if not log.samples:
        return [_aggregate(log, scorer, left_out)]
    epochs: dict[str, list[Any]] = defaultdict(list)
    for sample in sorted(log.samples, key=lambda item: item.epoch):
        epochs[f"epoch {sample.epoch}"].append(sample)
    return by_task(epochs, lambda epoch: [_epoch(log, epochs[epoch], scorer, left_out)])


def _scorer(log: Any, name: str | None) -> tuple[str, str]:
    """The scorer whose verdicts are the score, and a note on the others."""
    entries: dict[str, Any] = {}
    for entry in log.results.scores:
        entries.setdefault(entry.name, entry)
    names = choice.candidates(list(entries), name, "scorer")
    judged = {key: sum(_verdict(_value(sample, key)) is not None for sample in log.samples or ())
              for key in names}  # fmt: skip
    taken = max(names, key=lambda key: judged[key])
    accuracy = {key: entry.metrics.get("accuracy") for key, entry in entries.items()}
    others = {key: item.value if item else None for key, item in accuracy.items() if key != taken}
    return taken, choice.note(taken, others if name is None else {}, "--scorer")


def _epoch(log: Any, everything: list[Any], scorer: str, left_out: str) -> Result:
    missing = Counter(reason for sample in everything if (reason := _missing(sample, scorer)))
    samples = [sample for sample in everything if _missing(sample, scorer) is None]
    lacking = ", ".join(f"{number} {reason}" for reason, number in missing.items())
    if not samples:
        raise Unreadable(f"{scorer} judged none of its {len(everything)} samples ({lacking})")
    verdicts = [_right(sample, scorer) for sample in samples]
    prompts = [sample.input if isinstance(sample.input, str) else sample.input[-1].text for sample in samples]
    tokens = [sum(usage.output_tokens for usage in sample.model_usage.values()) for sample in samples]
    partial = sum(_value(sample, scorer) == PARTIAL for sample in samples)
    counted = f"{partial} partial answers count as wrong here; Inspect's accuracy counts each as half"
    fewer = f"n is {len(samples)} of {len(everything)} samples: {lacking}, and none of these is counted"
    return _result(
        log,
        scorer,
        sum(verdicts) / len(verdicts),
        len(verdicts),
        outputs=digest([[str(sample.id), sample.output.completion] for sample in samples])[:16],
        outcomes=by_problem(problem_ids(prompts), verdicts, tokens),
        epoch=everything[0].epoch,
        note=choice.together(left_out, fewer if missing else "", counted if partial else ""),
        **({"partial_as_wrong": partial} if partial else {}),
        **({"missing": dict(missing)} if missing else {}),
    )


def _value(sample: Any, scorer: str) -> Any:
    score = (sample.scores or {}).get(scorer)
    return score.value if score is not None else None


def _missing(sample: Any, scorer: str) -> str | None:
    """Why a sample has no verdict, or None where it has a value."""
    value = _value(sample, scorer)
    if value is not None and not (isinstance(value, float) and math.isnan(value)):
        return None
    return "ended in an error" if sample.error is not None else "unscored"


def _verdict(value: Any) -> int | None:
    """1 for right, 0 for wrong, None for any other value."""
    if isinstance(value, str):
        return RIGHT.get(value)
    return int(value) if isinstance(value, bool | int | float) and value in (0, 1) else None


def _right(sample: Any, scorer: str) -> int:
    value = _value(sample, scorer)
    if (verdict := _verdict(value)) is not None:
        return verdict
    raise Unreadable(f"{scorer} gives {value!r} for sample {sample.id}, which is not right or wrong")


def _aggregate(log: Any, scorer: str, left_out: str) -> Result:
    entry = next(item for item in log.results.scores if item.name == scorer)
    metrics = {name: metric.value for name, metric in entry.metrics.items()}
    if "accuracy" not in metrics:
        raise Unreadable(f"no accuracy among its metrics ({', '.join(metrics)})")
    n = int(log.eval.dataset.samples or log.results.total_samples)
    scored = entry.scored_samples or n
    fewer = f"n is {scored} of {n} samples: {n - scored} ended in an error or are unscored"
    note = choice.together(left_out, fewer if scored < n else "")
    return _result(log, scorer, float(metrics["accuracy"]), min(n, scored), note=note)


def _result(
    log: Any,
    scorer: str,
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
        metric=f"{scorer} accuracy",
        value=value,
        n=n,
        samples=1 if epoch is not None else int(spec.config.epochs or 1),
        stderr=math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else None,
        seed=None if epoch is None or config.seed is None or epoch > 1 else config.seed,
        outputs=outputs,
        examples=digest(sorted(outcomes.ids))[:16] if outcomes else None,
        settings={key: getattr(config, key, None) for key in FURTHER}
        | {
            "system_prompt": hashed(config.system_message),
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
