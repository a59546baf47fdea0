"""lighteval's result files of any age, and the per-problem details beside them where present.

    results/<model>/results_<date>.json
    details/<model>/<date>/details_<task>_<date>.parquet

Tasks are `custom|aime24|0` in old files (suite, task, few-shots) and `aime24|0` in new ones.
"""

import math
from pathlib import Path
from typing import Any

from analysis.importing.result import (
    NOT_STATED,
    Outcomes,
    Result,
    Unreadable,
    benchmark,
    pass_k,
    problems,
    samples,
)

FORMAT = "lighteval"
PREFERRED = ("extractive_match", "math_pass@1", "pass@k", "avg@n", "pass@1", "exact_match", "em", "acc")
"""Beginnings of the metrics that are a share of right answers, best first."""


def recognises(document: Any) -> bool:
    """Whether a JSON document is a lighteval result file."""
    return isinstance(document, dict) and {"config_general", "results"} <= document.keys()


def read(document: dict[str, Any], path: Path) -> list[Result]:
    """The scores of a result file, one a task and number k of pass@k.

    Raises:
        Unreadable: it holds none.
    """
    tasks, wrong = document["results"], []
    if not isinstance(tasks, dict):
        raise Unreadable("`results` is no table of tasks")
    made: list[Result] = []
    for key, metrics in tasks.items():
        if key == "all" or key.endswith("|_average") or ":_average|" in key:
            continue
        try:
            made += _task(document, key, metrics, path)
        except Unreadable as error:
            wrong.append(f"{key}: {error}")
    if wrong or not made:
        raise Unreadable("; ".join(wrong) or "no task in `results`")
    return made


def _task(document: dict[str, Any], key: str, metrics: Any, path: Path) -> list[Result]:
    parts = key.split("|")
    name = parts[1] if len(parts) >= 3 else parts[0]
    config = _lookup(document.get("config_tasks"), key, name)
    general = document["config_general"] or {}
    hashes = (_lookup(document.get("summary_tasks"), key, name).get("hashes")) or {}
    model = general.get("model_config") or {}
    parameters = model.get("generation_parameters") or {}
    short, title = benchmark(name, config.get("hf_repo"))
    made = []
    for metric in _metrics(metrics):
        value, stderr = float(metrics[metric]), metrics.get(f"{metric}_stderr")
        if not 0 <= value <= 1:
            raise Unreadable(f"{metric}={value} is no share of 0 to 1")
        k = pass_k(metric)
        outcomes = _details(path, key, metric) if k == 1 and samples(metric) == 1 else None
        made.append(
            Result(
                format=FORMAT,
                model=str(general.get("model_name") or model.get("model_name") or NOT_STATED),
                benchmark=short if k == 1 else f"{short}_pass_at_{k}",
                title=title if k == 1 else f"{title} pass@{k}",
                metric=metric,
                value=value,
                n=_size(config, document, key, value, stderr, outcomes),
                samples=samples(metric),
                stderr=None if stderr is None else float(stderr),
                seed=parameters.get("seed"),
                outputs=hashes.get("hash_cont_tokens"),
                examples=hashes.get("hash_examples"),
                settings=_settings(general, model, parameters, config),
                versions=_versions(general),
                outcomes=outcomes,
                settings_stated={"model_sha": general.get("model_sha") or None},
            )
        )
    return made


def _lookup(table: Any, key: str, name: str) -> dict[str, Any]:
    """A task's entry: by its whole key, without the few-shots (old files), or by its name."""
    if not isinstance(table, dict):
        return {}
    for candidate in (key, key.rsplit("|", 1)[0], name):
        if isinstance(table.get(candidate), dict):
            return table[candidate]
    return {}


def _metrics(metrics: Any) -> list[str]:
    """The metric that is the score, and any pass@k with k above 1 beside it."""
    if not isinstance(metrics, dict):
        raise Unreadable("its metrics are no table")
    names = [n for n, v in metrics.items() if not n.endswith("_stderr") and isinstance(v, int | float)]
    names = [name for name in names if not math.isnan(metrics[name])]
    several = [name for name in names if pass_k(name) > 1]
    for prefix in PREFERRED:
        found = [name for name in names if name.startswith(prefix) and name not in several]
        if found:
            return [max(found, key=samples), *several]
    if several:
        return several
    raise Unreadable(f"no share of right answers among its metrics ({', '.join(names) or 'none'})")


def _size(
    config: dict[str, Any],
    document: dict[str, Any],
    key: str,
    value: float,
    stderr: Any,
    outcomes: Outcomes | None,
) -> int:
    """Problems of a task: as stated, counted in the details, or what the standard error implies."""
    if outcomes is not None:
        return len(outcomes.ids)
    stated = config.get("effective_num_docs")
    if isinstance(stated, int) and stated > 0:
        return stated
    summary = (document.get("summary_tasks") or {}).get(key) or {}
    counted = int(summary.get("truncated") or 0) + int(summary.get("non_truncated") or 0)
    if counted > 0:
        return counted
    if isinstance(stderr, float) and stderr > 0 and 0 < value < 1:
        return round(value * (1 - value) / stderr**2) + 1
    raise Unreadable("states no number of problems")


def _settings(
    general: dict[str, Any], model: dict[str, Any], parameters: dict[str, Any], config: dict[str, Any]
) -> dict[str, Any]:
    limit = parameters.get("max_new_tokens") or config.get("generation_size")
    stated = {
        "engine": model.get("backend"),
        "dtype": general.get("model_dtype") or model.get("dtype"),
        "temperature": parameters.get("temperature"),
        "top_p": parameters.get("top_p"),
        "max_new_tokens": limit,
    }
    settings = {key: NOT_STATED if value is None else value for key, value in stated.items()}
    return settings | {"max_problems": general.get("max_samples"), "remove_reasoning_tags": NOT_STATED}


def _versions(general: dict[str, Any]) -> dict[str, str]:
    sha = general.get("lighteval_sha")
    return {"lighteval": str(sha)} if sha and sha != "?" else {}


def _details(path: Path, key: str, metric: str) -> Outcomes | None:
    """The outcome of every problem from the parquet file beside the results, or None without one."""
    date = path.stem.removeprefix("results_")
    roots = [parent.parent for parent in path.parents if parent.name == "results"]
    if not roots or not (roots[0] / "details").is_dir():
        return None
    files = sorted((roots[0] / "details").glob(f"**/details_*_{date}.parquet"))
    file = next((item for item in files if item.name == f"details_{key}_{date}.parquet"), None)
    if file is None:
        return None
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(file).to_pylist()
    except pyarrow.ArrowException as error:
        raise Unreadable(f"{file.name} is no whole parquet file ({error})") from None
    if rows and "doc" in rows[0]:  # lighteval 0.11 and later
        prompts = [row["doc"]["query"] for row in rows]
        verdicts = [row["metric"].get(metric) for row in rows]
        answers = [row["model_response"].get("output_tokens") or [[]] for row in rows]
    else:
        prompts = [row.get("example") or row.get("full_prompt") for row in rows]
        verdicts = [(row.get("metrics") or row.get("metric") or {}).get(metric) for row in rows]
        answers = [row.get("cont_tokens") or [[]] for row in rows]
    if not rows or None in prompts or any(verdict not in (0, 1) for verdict in verdicts):
        return None
    ids = problems([str(prompt) for prompt in prompts])
    if len(set(ids)) < len(ids):
        return None  # the same text twice: its problems cannot be told apart
    lengths = [len(tokens[0]) for tokens in answers]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return Outcomes(
        [ids[i] for i in order],
        [int(verdicts[i]) for i in order],
        [lengths[i] for i in order] if all(lengths) else [],
    )
