"""lm-evaluation-harness: results_<date>.json, and samples_<task>_<date>.jsonl beside it where present.

Format: docs/interface.md of EleutherAI/lm-evaluation-harness (`--output_path`, `--log_samples`).
"""

import json
from pathlib import Path
from typing import Any

from openrs.analysis.devices import of_harness
from openrs.analysis.importing.result import (
    Outcomes,
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


def read(document: dict[str, Any], path: Path) -> list[Result | Unread]:
    """The scores of a result file, one a task; groups of tasks are left to their tasks.

    Raises:
        Unreadable: no task has a share of right answers.
    """
    tasks = [task for task in document["results"] if task in document["configs"]]
    return by_task(tasks, lambda task: [_task(document, task, path)])


def _task(document: dict[str, Any], task: str, path: Path) -> Result:
    values = document["results"][task]
    config, general = document["configs"][task], document.get("config") or {}
    metric = _metric(values, config)
    name, rule = metric.split(",", 1)
    n = int(document["n-samples"][task]["effective"])
    outcomes, outputs = _samples(path, task, name, rule)
    short, title = benchmark_of(task, config.get("dataset_path"))
    voted = _votes(config, rule)
    one = voted or "take_first" in _steps(config, rule)  # of `repeats` answers most filters leave one
    answers = 1 if one else int(config.get("repeats") or 1)
    return result(
        format=FORMAT,
        model=str(document.get("model_name") or NOT_STATED),
        revision=stated(general.get("model_sha")) or stated(general.get("model_revision")),
        benchmark=f"{short}_{rule.replace('@', '_at_')}" if voted else short,
        title=f"{title} {rule}" if voted else title,
        metric=metric,
        value=float(values[metric]),
        n=n,
        samples=answers,
        stderr=number(values.get(f"{name}_stderr,{rule}")),
        seed=None,  # its seeds shuffle few-shot examples; how answers were sampled is not stated
        outputs=outputs,
        examples=stated((document.get("task_hashes") or {}).get(task)),
        settings=_settings(config.get("generation_kwargs") or {}, general),
        versions={"lm-eval": str(document.get("lm_eval_version") or NOT_STATED)},
        outcomes=outcomes if outcomes and len(outcomes.ids) == n and answers == 1 else None,
        task=task,
        dataset=config.get("dataset_path"),
        date=document.get("date"),
        torch_seed=general.get("torch_seed"),
        device=of_harness(general.get("model"), general.get("device"), document.get("pretty_env_info")),
    )


def _metric(values: dict[str, Any], config: dict[str, Any]) -> str:
    """The metric that is the score: of several filters, one that takes answers as they are, not a vote."""
    names = [
        name
        for name, value in values.items()
        if "," in name and "_stderr," not in name and number(value) is not None
    ]
    for preferred in PREFERRED:
        shares = [name for name in names if name.split(",")[0] == preferred and 0 <= values[name] <= 1]
        if shares:
            return min(shares, key=lambda name: _votes(config, name.split(",", 1)[1]))
    raise Unreadable(f"no share of right answers among its metrics ({', '.join(names) or 'none'})")


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


def _samples(path: Path, task: str, metric: str, rule: str) -> tuple[Outcomes | None, str | None]:
    """Outcomes and a hash of the answers from the samples file, where it was kept."""
    date = path.stem.removeprefix("results_")
    file = path.with_name(f"samples_{task}_{date}.jsonl")
    if not file.is_file():
        return None, None
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    rows = [row for row in rows if row.get("filter", rule) == rule]
    if not rows or any(row.get(metric) not in (0, 1) or len(row["resps"]) != 1 for row in rows):
        return None, None
    outputs = digest(sorted([str(row["doc_hash"]), row["resps"]] for row in rows))[:16]
    return by_problem(problem_ids([_problem(row) for row in rows]), [row[metric] for row in rows]), outputs


def _problem(row: dict[str, Any]) -> str:
    """The problem's text as the data set has it; else the prompt, [[prompt, options]] or a table of such."""
    for field in ("problem", "question"):
        if isinstance(row["doc"].get(field), str):
            return str(row["doc"][field])
    arguments = row["arguments"]
    first = arguments["gen_args_0"] if isinstance(arguments, dict) else arguments[0]
    return str(first["arg_0"] if isinstance(first, dict) else first[0])
