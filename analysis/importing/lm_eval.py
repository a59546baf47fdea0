"""lm-evaluation-harness: results_<date>.json, and samples_<task>_<date>.jsonl beside it where present.

Format: docs/interface.md of EleutherAI/lm-evaluation-harness (`--output_path`, `--log_samples`).
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from openrs.analysis.importing import beside, choice
from openrs.analysis.importing.beside import Beside
from openrs.analysis.importing.choice import Choice
from openrs.analysis.importing.result import (
    Result,
    Unread,
    Unreadable,
    benchmark_of,
    by_problem,
    by_task,
    number,
    problem_ids,
    result,
    stated,
)
from openrs.analysis.mixing import NOT_STATED
from openrs.records.recipe import digest

FORMAT = "lm-evaluation-harness"
PREFERRED = ("math_verify", "exact_match", "pass@1", "acc")
"""Metrics that are a share of right answers, best first."""


def recognises(document: Any) -> bool:
    """Whether a JSON document is a result file of the harness."""
    return isinstance(document, dict) and {"results", "configs", "n-samples"} <= document.keys()


def read(document: dict[str, Any], path: Path, chosen: Choice) -> list[Result | Unread]:
    """The scores of a result file, one a task; groups of tasks are left to their tasks.

    Raises:
        Unreadable: no task has a share of right answers.
    """
    tasks = [task for task in document["results"] if task in document["configs"]]
    return by_task(tasks, lambda task: [_task(document, task, path, chosen)])


def _task(document: dict[str, Any], task: str, path: Path, chosen: Choice) -> Result:
    values = document["results"][task]
    config, general = document["configs"][task], document.get("config") or {}
    metric, left_out = _metric(values, config, chosen)
    name, rule = metric.split(",", 1)
    n = int(document["n-samples"][task]["effective"])
    value = float(values[metric])
    short, title = benchmark_of(task, config.get("dataset_path"))
    voted, answers = _votes(config, rule), _answers(config, rule)
    read_samples = partial(_samples, metric=name, rule=rule, n=n, single=answers == 1)
    content = beside.guarded(_samples_file(path, task), value, read_samples)
    return result(
        format=FORMAT,
        model=str(document.get("model_name") or NOT_STATED),
        revision=stated(general.get("model_sha")) or stated(general.get("model_revision")),
        benchmark=f"{short}_{rule.replace('@', '_at_')}" if voted else short,
        title=f"{title} {rule}" if voted else title,
        metric=metric,
        value=value,
        n=n,
        samples=answers,
        stderr=number(values.get(f"{name}_stderr,{rule}")),
        seed=None,  # its seeds shuffle few-shot examples; how answers were sampled is not stated
        outputs=content.outputs,
        examples=stated((document.get("task_hashes") or {}).get(task)),
        settings=_settings(config.get("generation_kwargs") or {}, general),
        versions={"lm-eval": str(document.get("lm_eval_version") or NOT_STATED)},
        outcomes=content.outcomes,
        note=choice.together(left_out, content.note),
        task=task,
        dataset=config.get("dataset_path"),
        date=document.get("date"),
        torch_seed=general.get("torch_seed"),
    )


def _metric(values: dict[str, Any], config: dict[str, Any], chosen: Choice) -> tuple[str, str]:
    """The metric with its filter that is the score, and a note on the others.

    Of several filters it is one that takes answers as they are, not a vote; of these the one over the most
    answers, else the first.
    """
    names = [
        name
        for name, value in values.items()
        if "," in name and "_stderr," not in name and number(value) is not None
    ]
    by_name = [list(dict.fromkeys(_parts(name)[i] for name in names)) for i in (0, 1)]
    metrics = choice.candidates(by_name[0], chosen.metric, "metric")
    filters = choice.candidates(by_name[1], chosen.filter, "filter")
    order = (chosen.metric,) if chosen.metric is not None else PREFERRED
    shares = [name for key in order for name in names if _parts(name)[0] == key and 0 <= values[name] <= 1]

    def rank(name: str) -> tuple[int, bool, int]:
        metric, rule = _parts(name)
        return order.index(metric), _votes(config, rule), -_answers(config, rule)

    own = [name for name in shares if _parts(name)[0] in metrics and _parts(name)[1] in filters]
    if taken := min(own, key=rank, default=None):
        of_user = chosen.metric is not None or chosen.filter is not None
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


def _settings(sampling: dict[str, Any], general: dict[str, Any]) -> dict[str, Any]:
    of_command = general.get("gen_kwargs")
    sampling = sampling | (of_command if isinstance(of_command, dict) else {})
    return {
        "engine": general.get("model"),
        "dtype": general.get("model_dtype"),
        "temperature": sampling.get("temperature", None if sampling.get("do_sample", True) else 0.0),
        "top_p": sampling.get("top_p"),
        "max_new_tokens": sampling.get("max_gen_toks") or sampling.get("max_new_tokens"),
        "max_problems": general.get("limit"),
    }


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
