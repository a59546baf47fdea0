"""All scores as a tidy table (CSV and Parquet), and as result files and details in lighteval's own shape.

    scores.csv, scores.parquet
    lighteval/<run>/step-N/results/<run>/results_<seed>.json          a checkpoint of a run
    lighteval/<run>/step-N/details/<run>/<seed>/details_aime24|0_<seed>.parquet
    lighteval/results/<run>/results_<seed>.json                       an imported model without steps

`openrs import` reads lighteval/ back. Of each problem the details have its hash, its verdict and
its answer's length: records hold no question.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openrs.analysis.formats import in_csv
from openrs.analysis.importing import lighteval, metrics
from openrs.analysis.importing.details import LENGTH, PROBLEM
from openrs.analysis.importing.result import DATASETS, FURTHER
from openrs.analysis.mixing import NOT_STATED
from openrs.analysis.run_records import RunRecords, say_looks
from openrs.records.files import write_record
from openrs.records.scores import Score

METRIC = "extractive_match"
"""lighteval's name of what openrs measures itself (openrs/evaluate/benchmarks.py)."""
SETTINGS = ("engine", "dtype", "temperature", "top_p", "max_new_tokens", "max_problems")


def write(runs: Sequence[RunRecords], folder: Path) -> list[Path]:
    """Writes scores.csv, scores.parquet and result files under lighteval/ into a folder.

    Returns:
        The two tables, and the folder of the result files.
    """
    import pyarrow
    import pyarrow.parquet

    for run in runs:
        say_looks(run)
    rows = [_row(run, score) for run in runs for score in run.scores]
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "scores.csv", folder / "scores.parquet", folder / "lighteval"]
    with paths[0].open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {key: in_csv(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows
        )
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), paths[1])
    for run in runs:
        _write_lighteval(run, paths[2])
    return paths


def _row(run: RunRecords, score: Score) -> dict[str, Any]:
    """A run's checkpoint on a benchmark under one sampling seed."""
    origin = _origin(score)
    return {
        "run": run.name,
        "id": run.id,
        "step": score.step if score.step or run.untrained_at_0 else None,
        "benchmark": score.benchmark,
        "title": score.title,
        "metric": metric(score),
        "seed": score.seed if score.seed >= 0 else None,
        "value": score.value,
        "stderr": score.stderr if math.isfinite(score.stderr or 0.0) else None,
        "n": score.n,
        "right": sum(score.correct) if score.correct else None,
        "mean_tokens": sum(score.tokens) / score.n if score.tokens else None,
        "truncated_share": sum(score.truncated) / score.n if score.truncated else None,
        "timed_out": sum(score.timed_out) if score.ids else None,
        "seconds": score.seconds,
        "imported_from": origin.get("file"),
        "imported_format": origin.get("format"),
        "revision": origin.get("revision"),
        "samples": origin.get("samples", 1),
        "settings_id": score.settings_id,
        "scoring_id": score.scoring_id,
        **{key: None if (value := score.settings.get(key)) is None else str(value) for key in SETTINGS},
    }


def metric(score: Score) -> str:
    """A score's metric by lighteval's name, with the number of answers where it is a mean over several."""
    if score.imported is None:
        return METRIC
    name, samples = str(score.imported["metric"]), score.imported["samples"]
    return name if metrics.samples(name) == samples else f"{name}:{samples}_samples"


def _write_lighteval(run: RunRecords, folder: Path) -> None:
    """Writes the files of a run: one a checkpoint, sampling seed and way of measuring."""
    groups: dict[tuple[Any, ...], list[Score]] = defaultdict(list)
    for score in run.scores:
        way = str(sorted(score.settings.items())), str(sorted(score.versions.items())), _revision(score)
        groups[score.step, score.seed, *way].append(score)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    name = run.folder.name
    for (step, seed, *_), scores in sorted(groups.items()):
        for members in _files(scores):
            counts[step, seed] += 1
            number = f"-{counts[step, seed]}" if counts[step, seed] > 1 else ""
            date = (f"seed-{seed}" if seed >= 0 else f"sample-{-seed}") + number
            stepped = step > 0 or run.untrained_at_0
            place = folder / name / f"step-{step}" if stepped else folder
            model = f"{name}/step-{step}" if stepped else _origin(members[0])["model"]
            write_record(place / "results" / name / f"results_{date}.json", _document(members, model))
            for score in members:
                if score.ids:
                    _write_details(place / "details" / name / date, date, score)


def _files(scores: Sequence[Score]) -> Iterator[list[Score]]:
    """Scores that one file can hold: a task has one set of problems, one share, and pass@k once a k."""
    files: list[dict[tuple[str, int], Score]] = []
    for score in sorted(scores, key=lambda item: (item.benchmark, item.settings_id, item.scoring_id)):
        slot = _task(score), metrics.pass_k(metric(score))
        for file in files:
            others = [other for (task, _), other in file.items() if task == slot[0]]
            if slot not in file and all(_problems(other) == _problems(score) for other in others):
                file[slot] = score
                break
        else:
            files.append({slot: score})
    return (list(file.values()) for file in files)


def _problems(score: Score) -> tuple[Any, ...]:
    origin = _origin(score)
    return score.n, origin.get("examples"), origin.get("outputs")


def _origin(score: Score) -> dict[str, Any]:
    return score.imported or {}


def _revision(score: Score) -> str:
    return _origin(score).get("revision") or ""


def _task(score: Score) -> str:
    """The task that a score is of: the import adds k of a pass@k to a benchmark's name and title."""
    return score.benchmark.removesuffix(f"_pass_at_{metrics.pass_k(metric(score))}")


def _document(scores: Sequence[Score], model: str) -> dict[str, Any]:
    """A result file of scores that one file can hold."""
    first, tasks = scores[0], [f"{_task(score)}|0" for score in scores]
    results: dict[str, dict[str, float | None]] = defaultdict(dict)
    for task, score in zip(tasks, scores, strict=True):
        stderr = score.stderr if math.isfinite(score.stderr or 0.0) else None
        results[task] |= {metric(score): score.value, f"{metric(score)}_stderr": stderr}
    settings = {key: None if value == NOT_STATED else value for key, value in first.settings.items()}
    sampling = {key: settings.get(key) for key in ("temperature", "top_p", "max_new_tokens", *FURTHER)}
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
        "config_tasks": {task: _configuration(score) for task, score in zip(tasks, scores, strict=True)},
        "summary_tasks": {
            task: {"hashes": _hashes(score)} for task, score in zip(tasks, scores, strict=True)
        },
        "summary_general": {},
    }


def _means(results: list[dict[str, float | None]]) -> dict[str, float]:
    """lighteval's `all`: the mean of each metric over the tasks that have it."""
    values: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for name, value in result.items():
            if value is not None:
                values[name].append(value)
    return {name: sum(members) / len(members) for name, members in values.items()}


def _configuration(score: Score) -> dict[str, Any]:
    on_hub = {(name, title): key for key, (name, title, _) in DATASETS.items()}
    task, title = _task(score), score.title.removesuffix(f" pass@{metrics.pass_k(metric(score))}")
    return {
        "name": task,
        lighteval.TITLE: title,
        "effective_num_docs": score.n,
        "original_num_docs": score.n,
        "generation_size": score.settings.get("max_new_tokens"),
        "hf_repo": _origin(score).get("dataset") or on_hub.get((task, title), task),
    }


def _hashes(score: Score) -> dict[str, str]:
    origin = _origin(score)
    hashes = {"hash_examples": origin.get("examples"), "hash_cont_tokens": origin.get("outputs")}
    return {key: value for key, value in hashes.items() if value}


def _write_details(folder: Path, date: str, score: Score) -> None:
    import pyarrow
    import pyarrow.parquet

    lengths: Sequence[int | None] = score.tokens or [None] * len(score.ids)
    rows = [
        {
            "doc": {"query": "", "specific": {PROBLEM: key, LENGTH: length}},
            "metric": {metric(score): float(right)},
            "model_response": {"output_tokens": None},
        }
        for key, right, length in zip(score.ids, score.outcomes, lengths, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"details_{_task(score)}|0_{date}.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
