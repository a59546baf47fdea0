"""lm-evaluation-harness: results_<date>.json, and samples_<task>_<date>.jsonl beside it where present.

Format: docs/interface.md of EleutherAI/lm-evaluation-harness (`--output_path`, `--log_samples`).
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from openrs.analysis.devices import of_harness
from openrs.analysis.importing import beside, choice
from openrs.analysis.importing.beside import Beside
from openrs.analysis.importing.choice import Choice
from openrs.analysis.importing.result import (
    FURTHER,
    Result,
    Unread,
    Unreadable,
    benchmark_of,
    by_problem,
    by_task,
    hashed,
    implied_size,
    number,
    problem_ids,
    result,
    stated,
    whole,
)
from openrs.analysis.mixing import NOT_STATED
from openrs.records.recipe import digest

FORMAT = "lm-evaluation-harness"
PREFERRED = ("math_verify", "exact_match", "pass@1", "acc")
"""Metrics that are a share of right answers, best first."""
TEXTS = {"system_prompt": "system_instruction", "chat_template": "chat_template"}
"""A setting -> the text of a file that it is a hash of."""


def recognises(document: Any) -> bool:
    """Whether a JSON document is a result file of the harness."""
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        return False
    config = document.get("config")
    early = "versions" in document and isinstance(config, dict) and "model" in config  # 0.3 to 0.4.2
    return early or {"configs", "n-samples"} <= document.keys()


def read(document: dict[str, Any], path: Path, selection: Choice) -> list[Result | Unread]:
    """The scores of a result file, one a task; groups of tasks are left to their tasks.

    Raises:
        Unreadable: no task has a share of right answers.
    """
    configs = document.get("configs", document["results"])  # 0.3 has neither groups nor configurations
    tasks = [task for task in document["results"] if task in configs]
    return by_task(tasks, lambda task: [_task(document, task, path, selection)])


def _task(document: dict[str, Any], task: str, path: Path, selection: Choice) -> Result:
    values = document["results"][task]
    config, general = (document.get("configs") or {}).get(task) or {}, document.get("config") or {}
    metric, left_out = _metric(values, config, selection)
    name, rule = _parts(metric)
    value, stderr = float(values[metric]), number(values.get(f"{name}_stderr,{rule}".rstrip(",")))
    voted, answers = _votes(config, rule), _answers(config, rule)
    n, implied = _size(document, task, value, stderr if answers == 1 else None)
    shots = _shots(document, task, config, general)
    short, title = benchmark_of(task, config.get("dataset_path"), shots)
    arguments = _arguments(general.get("model_args"))
    read_samples = partial(_samples, metric=name, rule=rule, n=n, single=answers == 1)
    content = beside.guarded(_samples_file(path, task), value, read_samples)
    return result(
        format=FORMAT,
        model=str(document.get("model_name") or arguments.get("pretrained") or NOT_STATED),
        revision=stated(general.get("model_sha"))
        or stated(general.get("model_revision"))
        or stated(arguments.get("revision")),
        benchmark=f"{short}_{rule.replace('@', '_at_')}" if voted else short,
        title=f"{title} {rule}" if voted else title,
        metric=metric,
        value=value,
        n=n,
        samples=answers,
        stderr=stderr,
        seed=None,  # its seeds shuffle few-shot examples; how answers were sampled is not stated
        outputs=content.outputs,
        examples=stated((document.get("task_hashes") or {}).get(task)),
        settings=_settings(config.get("generation_kwargs") or {}, general, document),
        versions={"lm-eval": str(document.get("lm_eval_version") or NOT_STATED)},
        outcomes=content.outcomes,
        note=choice.together(left_out, implied, content.note),
        few_shots=shots,
        branch=stated(arguments.get("revision")),
        task=task,
        dataset=config.get("dataset_path"),
        date=document.get("date"),
        torch_seed=general.get("torch_seed"),
        device=of_harness(general.get("model"), general.get("device"), document.get("pretty_env_info")),
    )


def _metric(values: dict[str, Any], config: dict[str, Any], selection: Choice) -> tuple[str, str]:
    """The metric with its filter that is the score, and a note on the others.

    Of several filters it is one that takes answers as they are, not a vote; of these the one over the most
    answers, else the first.
    """
    names = [
        name
        for name, value in values.items()
        if not _parts(name)[0].endswith("_stderr") and number(value) is not None
    ]
    by_name = [list(dict.fromkeys(_parts(name)[i] for name in names)) for i in (0, 1)]
    metrics = choice.candidates(by_name[0], selection.metric, "metric")
    filters = choice.candidates(by_name[1], selection.filter, "filter")
    order = (selection.metric,) if selection.metric is not None else PREFERRED
    shares = [name for key in order for name in names if _parts(name)[0] == key and 0 <= values[name] <= 1]

    def rank(name: str) -> tuple[int, bool, int]:
        metric, rule = _parts(name)
        return order.index(metric), _votes(config, rule), -_answers(config, rule)

    own = [name for name in shares if _parts(name)[0] in metrics and _parts(name)[1] in filters]
    if taken := min(own, key=rank, default=None):
        of_user = selection.metric is not None or selection.filter is not None
        others = {} if of_user else {name: float(values[name]) for name in shares if name != taken}
        return taken, choice.note(taken, others, "--metric or --filter")
    raise Unreadable(f"no share of right answers among its metrics ({', '.join(names) or 'none'})")


def _parts(name: str) -> tuple[str, str]:
    """A metric and its filter."""
    metric, _, rule = name.partition(",")
    return metric, rule


def _answers(config: dict[str, Any], rule: str) -> int:
    """Answers a problem that a filter's score is a mean over: of `repeats` most filters leave one."""
    one = _votes(config, rule) or "take_first" in _steps(config, rule)
    return 1 if one else int(config.get("repeats") or 1)


def _steps(config: dict[str, Any], rule: str) -> list[str]:
    """The steps of a filter over a problem's answers; a task without filters takes the first."""
    filters = {item["name"]: item["filter"] for item in config.get("filter_list") or []}
    return [str(step["function"]) for step in filters.get(rule, [{"function": "take_first"}])]


def _votes(config: dict[str, Any], rule: str) -> bool:
    return "majority_vote" in _steps(config, rule)


def _size(document: dict[str, Any], task: str, value: float, stderr: float | None) -> tuple[int, str]:
    """Problems of a task, and a note where they are not stated.

    Args:
        stderr: None where it does not tell them.

    Raises:
        Unreadable: nothing tells them.
    """
    if "n-samples" in document:
        return int(document["n-samples"][task]["effective"]), ""
    n = implied_size(value, stderr)
    if n is None:
        raise Unreadable(
            "states no number of problems (lm-evaluation-harness before 0.4.3), and a score of "
            f"{value:.4f} with the standard error {'not stated' if stderr is None else stderr} tells none"
        )
    if abs(value * n - round(value * n)) > 0.01:
        raise Unreadable(
            "states no number of problems (lm-evaluation-harness before 0.4.3), and its standard error "
            f"implies {n}, of which {value:.4f} is no share"
        )
    return n, f"n {n} follows from the standard error (the file states none)"


def _shots(document: dict[str, Any], task: str, config: dict[str, Any], general: dict[str, Any]) -> int:
    """Examples in the prompt."""
    stated_at = (
        (document.get("n-shot") or {}).get(task),
        config.get("num_fewshot"),
        general.get("num_fewshot"),
    )
    return next((count for item in stated_at if (count := whole(item)) is not None), 0)


def _arguments(text: Any) -> dict[str, Any]:
    """Arguments as a table, which older files have as `pretrained=org/name,dtype=float`."""
    if isinstance(text, dict):
        return text
    pairs = (part.partition("=") for part in text.split(",")) if isinstance(text, str) else ()
    return {key.strip(): _value(value) for key, _, value in pairs}


def _value(text: str) -> Any:
    try:
        return {"True": True, "False": False}[text] if text in ("True", "False") else float(text)
    except ValueError:
        return text


def _settings(sampling: dict[str, Any], general: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    sampling = sampling | _arguments(general.get("gen_kwargs"))
    texts = {key: hashed(document.get(of)) for key, of in TEXTS.items()}
    return (
        {key: sampling.get(key) for key in FURTHER}
        | texts
        | {
            "engine": general.get("model"),
            "dtype": general.get("model_dtype") or stated(_arguments(general.get("model_args")).get("dtype")),
            "temperature": sampling.get("temperature", None if sampling.get("do_sample", True) else 0.0),
            "top_p": sampling.get("top_p"),
            "max_new_tokens": sampling.get("max_gen_toks") or sampling.get("max_new_tokens"),
            "max_problems": general.get("limit"),
        }
    )


def _samples_file(path: Path, task: str) -> Path | None:
    date = path.stem.removeprefix("results_")
    file = path.with_name(f"samples_{task}_{date}.jsonl")
    return file if file.is_file() else None


def _samples(file: Path, metric: str, rule: str, n: int, single: bool) -> Beside:
    """Outcomes and a hash of the answers from the samples file.

    Args:
        n: problems of the result.
        single: whether each has one answer.

    Raises:
        Unreadable: the file is damaged, or lacks problems.
    """
    rows = [row for row in _lines(file) if row.get("filter", rule) == rule]
    if any(row.get(metric) not in (0, 1) or len(row["resps"]) != 1 for row in rows):
        return beside.NOTHING
    if len(rows) != n and single:
        raise Unreadable(f"has {len(rows)} of {n} problems")
    outputs = digest(sorted([str(row["doc_hash"]), row["resps"]] for row in rows))[:16]
    ids, correct = problem_ids([_problem(row) for row in rows]), [row[metric] for row in rows]
    return Beside(by_problem(ids, correct) if single else None, outputs if rows else None)


def _lines(file: Path) -> list[dict[str, Any]]:
    rows = []
    for place, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if not line:
            continue
        try:
            rows.append(json.loads(line.decode("utf-8")))
        except UnicodeDecodeError:
            raise Unreadable(f"is not UTF-8 (line {place})") from None
        except (ValueError, RecursionError):
            raise Unreadable(f"is damaged (line {place} is no JSON)") from None
    return rows


def _problem(row: dict[str, Any]) -> str:
    """The problem's text as the data set has it; else the prompt, [[prompt, options]] or a table of such."""
    for field in ("problem", "question"):
        if isinstance(row["doc"].get(field), str):
            return str(row["doc"][field])
    arguments = row["arguments"]
    first = arguments["gen_args_0"] if isinstance(arguments, dict) else arguments[0]
    return str(first["arg_0"] if isinstance(first, dict) else first[0])
