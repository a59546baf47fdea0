"""lighteval's result files of any age, and the per-problem details beside them where present.

    results/<model>/results_<date>.json
    details/<model>/<date>/details_<task>_<date>.parquet

Tasks are `custom|aime24|0` in old files (suite, task, few-shots) and `aime24|0` in new ones.
"""

from pathlib import Path
from typing import Any

from openrs.analysis.importing import beside, choice, details, metrics
from openrs.analysis.importing.choice import Choice
from openrs.analysis.importing.result import (
    DATASETS,
    FURTHER,
    Result,
    Unread,
    Unreadable,
    benchmark_of,
    by_task,
    hashed,
    implied_size,
    number,
    result,
    stated,
    whole,
)
from openrs.analysis.mixing import NOT_STATED

FORMAT = "lighteval"
TITLE = "openrs_title"
"""A key of a task's configuration that only `openrs export` writes: its title in a table."""
ENGINES = {
    "gpu_memory_utilization": "vllm",
    "mem_fraction_static": "sglang",
    "multichoice_continuations_start_space": "transformers",
    "inference_server_address": "tgi",
    "provider": "api",
}
"""A field of a model's configuration in lighteval 0.13 (lighteval/models) -> the engine it belongs to, in
this order: vLLM's has transformers' too. No field names the engine itself."""


OWN_SCORER = "ExtractiveMatch(gold_kind="
"""Begins the scorer of a task in the result files that openrs's evaluation makes lighteval write."""


def recognises(document: Any) -> bool:
    """Whether a JSON document is a lighteval result file."""
    return isinstance(document, dict) and {"config_general", "results"} <= document.keys()


def read(document: dict[str, Any], path: Path, selection: Choice) -> list[Result | Unread]:
    """The scores of a result file, one a task and number k of pass@k.

    Raises:
        Unreadable: it holds none.
    """
    tasks = document["results"]
    if not isinstance(tasks, dict):
        raise Unreadable("`results` is not a table of tasks")
    averages = [key for key in tasks if key == "all" or key.endswith("|_average") or ":_average|" in key]
    own = [key for key in tasks if key not in averages]
    return by_task(own, lambda key: _task(document, key, tasks[key], path, selection))


def _task(document: dict[str, Any], key: str, values: Any, path: Path, selection: Choice) -> list[Result]:
    parts = key.split("|")
    name = parts[1] if len(parts) >= 3 else parts[0]
    shots = whole(parts[2] if len(parts) >= 3 else parts[-1]) or 0
    config = _lookup(document.get("config_tasks"), key, name)
    summary = _lookup(document.get("summary_tasks"), key, name)
    general = document["config_general"] or {}
    hashes = summary.get("hashes") or {}
    model = general.get("model_config") or {}
    of_export = stated(config.get(TITLE))
    _check_origin(name, config)
    short, title = benchmark_of(name, None if of_export else config.get("hf_repo"), shots)
    title = of_export or title
    results = []
    metrics_read, left_out = _metrics(values, selection.metric)
    for metric in metrics_read:
        value, stderr = float(values[metric]), number(values.get(f"{metric}_stderr"))
        if not 0 <= value <= 1:
            raise Unreadable(f"{metric}={value} is not a share between 0 and 1")
        k, samples = metrics.pass_k(metric), metrics.samples(metric)
        single = k == 1 and samples == 1
        content = details.read(path, key, metric, value) if single else beside.NOTHING
        counted = len(content.outcomes.ids) if content.outcomes else None
        n = counted or _size(config, summary, general, value, stderr if samples == 1 else None)
        results.append(
            result(
                format=FORMAT,
                model=str(general.get("model_name") or model.get("model_name") or NOT_STATED),
                revision=stated(general.get("model_sha")) or stated(model.get("revision")),
                benchmark=short if k == 1 else f"{short}_pass_at_{k}",
                title=title if k == 1 else f"{title} pass@{k}",
                metric=metric,
                value=value,
                n=n,
                samples=samples,
                stderr=stderr,
                seed=_seed(general, model),
                outputs=_outputs(stated(hashes.get("hash_cont_tokens")), metric, n),
                examples=stated(hashes.get("hash_examples")),
                settings=_settings(general, model, config),
                versions=_versions(general),
                outcomes=content.outcomes,
                note=choice.together(left_out if metric == metrics_read[0] else "", content.note),
                few_shots=shots,
                branch=stated(model.get("revision")),
                task=name,
                dataset=config.get("hf_repo"),
            )
        )
    return results


def _check_origin(name: str, config: dict[str, Any]) -> None:
    """Refuses what an older openrs measured: its files name nano's stand-ins as they name the benchmarks."""
    scorers = [str(metric.get("sample_level_fn")) for metric in config.get("metrics") or []]
    if (
        config.get("hf_repo") == name
        and name in {short for short, _, _ in DATASETS.values()}
        and any(scorer.startswith(OWN_SCORER) for scorer in scorers)
    ):
        raise Unreadable(
            "an older openrs wrote it and did not state whether its problems are the benchmark's or nano's; "
            "import what `openrs export` writes of its outputs folder instead"
        )


def _lookup(table: Any, key: str, name: str) -> dict[str, Any]:
    """A task's entry: by its whole key, without the few-shots (old files), or by its name."""
    if not isinstance(table, dict):
        return {}
    for candidate in (key, key.rsplit("|", 1)[0], name):
        if isinstance(table.get(candidate), dict):
            return table[candidate]
    return {}


def _metrics(values: Any, own: str | None) -> tuple[list[str], str]:
    """The metric that is the score, and any pass@k with k above 1 beside it; then a note on other metrics.

    Args:
        own: the user's metric, by its name with or without the number of answers.
    """
    if not isinstance(values, dict):
        raise Unreadable("its metrics are not a table")
    numbers = {
        name: value
        for name, item in values.items()
        if not name.endswith("_stderr") and (value := number(item)) is not None
    }
    never_sampled = metrics.never_sampled(numbers)
    sampled = [name for name in numbers if name not in never_sampled]
    never = f"{', '.join(never_sampled)} left out: fewer answers were sampled" if never_sampled else ""
    if own is not None:
        alike = [name for name in sampled if name.split(":")[0] == own]
        if own not in sampled and alike:
            own = max(alike, key=metrics.samples)
        return choice.candidates(sampled, own, "metric"), ""
    if names := metrics.scores(sampled):
        others = {name: numbers[name] for name in metrics.shares(sampled)[1:]}
        return names, choice.together(choice.note(names[0], others, "--metric"), never)
    raise Unreadable(f"no share of right answers among its metrics ({', '.join(numbers) or 'none'})")


def _size(
    config: dict[str, Any],
    summary: dict[str, Any],
    general: dict[str, Any],
    value: float,
    stderr: float | None,
) -> int:
    """Problems of a task: as stated, what the standard error implies, or the data
    set's own number (lighteval 0.13 states none: effective_num_docs is -1).

    Args:
        stderr: None where a problem has several answers: their mean is no 0 or 1, and its deviation does
            not tell n.
    """
    if n := whole(config.get("effective_num_docs")):
        return n
    if counted := (whole(summary.get("truncated")) or 0) + (whole(summary.get("non_truncated")) or 0):
        return counted
    if implied := implied_size(value, stderr):
        return implied
    if dataset := DATASETS.get(config.get("hf_repo") or ""):
        return min(dataset[2], whole(general.get("max_samples")) or dataset[2])
    raise Unreadable("states no number of problems")


def _outputs(of_answers: str | None, metric: str, n: int) -> str | None:
    """The hash of the answers' tokens, or None where it is the same for every model and so tells no outputs.

    It is where answers were compared by likelihood (the tokens are those of the choices), and where a remote
    model gave text without tokens: lighteval (logging/info_loggers.py) then hashes n empty lists.
    """
    if of_answers is None or metric.startswith("acc"):
        return None
    import xxhash

    no_tokens = xxhash.xxh64(xxhash.xxh64("[]").hexdigest() * n).hexdigest()
    return None if of_answers == no_tokens else of_answers


def _parameters(general: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """What is stated of the sampling: by the model's configuration, in lighteval 0.8 beside it."""
    stated_by = [item.get("generation_parameters") or {} for item in (general, model)]
    return {key: value for item in stated_by for key, value in item.items() if value is not None}


def _seed(general: dict[str, Any], model: dict[str, Any]) -> int | None:
    """The seed of the sampling: of each request, else of the engine (vLLM's `seed`, SGLang's)."""
    parameters = _parameters(general, model)
    seeds = map(whole, (parameters.get("seed"), model.get("seed"), model.get("random_seed")))
    return next((seed for seed in seeds if seed is not None), None)


def _settings(general: dict[str, Any], model: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    parameters = _parameters(general, model)
    own = {key: parameters.get(key) for key in FURTHER}
    prompt = hashed(model.get("system_prompt")) or own["system_prompt"]
    return own | {
        "system_prompt": prompt,
        "engine": model.get("backend") or next((ENGINES[key] for key in ENGINES if key in model), None),
        "dtype": general.get("model_dtype") or model.get("dtype"),
        "temperature": parameters.get("temperature"),
        "top_p": parameters.get("top_p"),
        "max_new_tokens": parameters.get("max_new_tokens") or config.get("generation_size"),
        "max_problems": general.get("max_samples"),
    }


def _versions(general: dict[str, Any]) -> dict[str, str]:
    sha = general.get("lighteval_sha")
    return {"lighteval": str(sha)} if sha and sha != "?" else {}
