"""Scores as result files and details in lighteval's own shape, which `python -m analysis import` reads back.

    <folder>/<run>/step-N/results/<run>/results_<seed>.json          a checkpoint of a run
    <folder>/<run>/step-N/details/<run>/<seed>/details_aime24|0_<seed>.parquet
    <folder>/results/<run>/results_<seed>.json                       an imported model without steps

Of each problem the details have its hash, its verdict and its answer's length: records hold no question.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openrs.analysis.importing import lighteval, metrics
from openrs.analysis.importing.details import LENGTH, PROBLEM
from openrs.analysis.importing.result import DATASETS, NOT_STATED
from openrs.analysis.records import RunRecords
from openrs.records.files import write_record
from openrs.records.scores import Score

METRIC = "extractive_match"
"""lighteval's name of what openrs measures itself (openrs/evaluate/benchmarks.py)."""


def metric(score: Score) -> str:
    """A score's metric by lighteval's name, with the number of answers where it is a mean over several."""
    if score.imported is None:
        return METRIC
    name, samples = str(score.imported["metric"]), score.imported["samples"]
    return name if metrics.samples(name) == samples else f"{name}:{samples}_samples"


def write(run: RunRecords, folder: Path) -> None:
    """Writes the files of a run: one a checkpoint, sampling seed and way of measuring."""
    together: dict[tuple[Any, ...], list[Score]] = defaultdict(list)
    for score in run.scores:
        told = (str(sorted(score.settings.items())), str(sorted(score.versions.items())), _revision(score))
        together[score.step, score.seed, *told].append(score)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for (step, seed, *_), scores in sorted(together.items()):
        for members in _apart(scores):
            counts[step, seed] += 1
            number = f"-{counts[step, seed]}" if counts[step, seed] > 1 else ""
            date = (f"seed-{seed}" if seed >= 0 else f"sample-{-seed}") + number
            stepped = step > 0 or run.untrained_at_0
            place = folder / run.folder.name / f"step-{step}" if stepped else folder
            model = f"{run.folder.name}/step-{step}" if stepped else _origin(members[0])["model"]
            write_record(
                place / "results" / run.folder.name / f"results_{date}.json", document(members, model)
            )
            for score in members:
                if score.ids:
                    _details(place / "details" / run.folder.name / date, date, score)


def _apart(scores: Sequence[Score]) -> list[list[Score]]:
    """Scores that one file can hold: a task has one set of problems, one share, and pass@k once a k."""
    files: list[dict[tuple[str, int], Score]] = []
    for score in sorted(scores, key=lambda item: (item.benchmark, item.settings_id, item.scoring_id)):
        slot = task(score), metrics.pass_k(metric(score))
        for held in files:
            others = [other for (name, _), other in held.items() if name == slot[0]]
            if slot not in held and all(_problems(other) == _problems(score) for other in others):
                held[slot] = score
                break
        else:
            files.append({slot: score})
    return [list(held.values()) for held in files]


def _problems(score: Score) -> tuple[Any, ...]:
    origin = _origin(score)
    return score.n, origin.get("examples"), origin.get("outputs")


def _origin(score: Score) -> dict[str, Any]:
    return score.imported or {}


def _revision(score: Score) -> str:
    return _origin(score).get("revision") or ""


def _suffix(score: Score) -> int:
    """k of a pass@k, which the import adds to a benchmark's name and title; 1 for anything else."""
    return metrics.pass_k(metric(score))


def task(score: Score) -> str:
    """The task that a score is of."""
    return score.benchmark.removesuffix(f"_pass_at_{_suffix(score)}")


def title(score: Score) -> str:
    """The task's title in a table."""
    return score.title.removesuffix(f" pass@{_suffix(score)}")


def document(scores: Sequence[Score], model: str) -> dict[str, Any]:
    """A result file of scores that _apart put together."""
    first = scores[0]
    results: dict[str, dict[str, float | None]] = defaultdict(dict)
    for score in scores:
        name = metric(score)
        stderr = score.stderr if math.isfinite(score.stderr) else None
        results[f"{task(score)}|0"] |= {name: score.value, f"{name}_stderr": stderr}
    settings = {key: None if value == NOT_STATED else value for key, value in first.settings.items()}
    sampling = {key: settings.get(key) for key in ("temperature", "top_p", "max_new_tokens")}
    return {
        "config_general": {
            "lighteval_sha": first.versions.get("lighteval", "?"),
            "model_name": model,
            "model_sha": _revision(first),
            "model_dtype": settings.get("dtype"),
            "max_samples": settings.get("max_problems"),
            "model_config": {
                "model_name": model,
                "backend": settings.get("engine"),
                "dtype": settings.get("dtype"),
                "generation_parameters": sampling | {"seed": first.seed if first.seed >= 0 else None},
            },
        },
        "results": results | {"all": _means(list(results.values()))},
        "versions": {},
        "config_tasks": {f"{task(score)}|0": _configuration(score) for score in scores},
        "summary_tasks": {f"{task(score)}|0": {"hashes": _hashes(score)} for score in scores},
        "summary_general": {},
    }


def _means(results: list[dict[str, float | None]]) -> dict[str, float]:
    """lighteval's `all`: the mean of each metric over the tasks that have it."""
    found: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for name, value in result.items():
            if value is not None:
                found[name].append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _configuration(score: Score) -> dict[str, Any]:
    hub = {(name, told): key for key, (name, told, _) in DATASETS.items()}
    return {
        "name": task(score),
        lighteval.TITLE: title(score),
        "effective_num_docs": score.n,
        "original_num_docs": score.n,
        "generation_size": score.settings.get("max_new_tokens"),
        "hf_repo": _origin(score).get("dataset") or hub.get((task(score), title(score)), task(score)),
    }


def _hashes(score: Score) -> dict[str, str]:
    origin = _origin(score)
    told = {"hash_examples": origin.get("examples"), "hash_cont_tokens": origin.get("outputs")}
    return {key: value for key, value in told.items() if value}


def _details(folder: Path, date: str, score: Score) -> None:
    import pyarrow
    import pyarrow.parquet

    lengths: Sequence[int | None] = score.tokens or [None] * len(score.ids)
    rows = [
        {
            "doc": {"query": "", "specific": {PROBLEM: key, LENGTH: length}},
            "metric": {metric(score): float(right)},
            "model_response": {"output_tokens": None},
        }
        for key, right, length in zip(score.ids, score.correct, lengths, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), folder / f"details_{task(score)}|0_{date}.parquet"
    )
