"""All scores as a tidy table (CSV and Parquet) and as result files in lighteval's own shape."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.records import RunRecords
from openrs.run import write_record
from openrs.scores import Score

METRIC = "extractive_match"
COLUMNS = (
    *("run", "id", "step", "benchmark", "title", "seed", "value", "stderr", "n", "right", "mean_tokens"),
    *(
        "truncated_share",
        "timed_out",
        "seconds",
        "imported_from",
        "imported_format",
        "samples",
        "settings_id",
    ),
    *("scoring_id", "engine", "dtype", "temperature", "top_p", "max_new_tokens", "max_problems"),
)


def tidy(runs: Sequence[RunRecords]) -> list[dict[str, Any]]:
    """One row a score: a run's checkpoint on a benchmark under one sampling seed."""
    return [_row(run, score) for run in runs for score in run.scores]


def _row(run: RunRecords, score: Score) -> dict[str, Any]:
    origin = score.imported or {}
    return {
        "run": run.name,
        "id": run.id,
        "step": score.step,
        "benchmark": score.benchmark,
        "title": score.title,
        "seed": score.seed if score.seed >= 0 else None,
        "value": score.value,
        "stderr": score.stderr,
        "n": score.n,
        "right": sum(score.correct) if score.ids else None,
        "mean_tokens": sum(score.tokens) / score.n if score.tokens else None,
        "truncated_share": sum(score.truncated) / score.n if score.truncated else None,
        "timed_out": sum(score.timed_out) if score.ids else None,
        "seconds": score.seconds,
        "imported_from": origin.get("file"),
        "imported_format": origin.get("format"),
        "samples": origin.get("samples", 1),
        "settings_id": score.settings_id,
        "scoring_id": score.scoring_id,
        **{
            key: None if score.settings.get(key) is None else str(score.settings[key])
            for key in ("engine", "dtype", "temperature", "top_p", "max_new_tokens", "max_problems")
        },
    }


def lighteval(run: RunRecords, scores: Sequence[Score]) -> dict[str, Any]:
    """A result file in lighteval's shape, of the scores of one checkpoint, seed and settings."""
    first, model = scores[0], f"{run.folder.name}/step-{scores[0].step}"
    sampling = {key: first.settings.get(key) for key in ("temperature", "top_p", "max_new_tokens")}
    results = {
        f"{score.benchmark}|0": {METRIC: score.value, f"{METRIC}_stderr": score.stderr} for score in scores
    }
    values = list(results.values())
    mean = {key: sum(value[key] for value in values) / len(values) for key in values[0]}
    return {
        "config_general": {
            "lighteval_sha": first.versions.get("lighteval", "?"),
            "model_name": model,
            "model_dtype": first.settings.get("dtype"),
            "max_samples": first.settings.get("max_problems"),
            "model_config": {
                "model_name": model,
                "dtype": first.settings.get("dtype"),
                "generation_parameters": sampling | {"seed": first.seed if first.seed >= 0 else None},
            },
        },
        "results": results | {"all": mean},
        "versions": {},
        "config_tasks": {
            f"{score.benchmark}|0": {
                "name": score.benchmark,
                "effective_num_docs": score.n,
                "original_num_docs": score.n,
                "generation_size": score.settings.get("max_new_tokens"),
                "hf_repo": score.benchmark if score.title.startswith("nano-") else score.title,
            }
            for score in scores
        },
        "summary_tasks": {},
        "summary_general": {},
    }


def write(runs: Sequence[RunRecords], folder: Path) -> list[Path]:
    """Writes scores.csv, scores.parquet and lighteval/<run>/step-N/results/... under a folder.

    Returns:
        The two tables, and the folder of the result files.
    """
    rows = tidy(runs)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "scores.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    import pyarrow
    import pyarrow.parquet

    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "scores.parquet")
    for run in runs:
        together: dict[tuple[int, int, str], list[Score]] = defaultdict(list)
        for score in run.scores:
            settings = str(sorted(score.settings.items()))
            together[score.step, score.seed, settings].append(score)
        counts: dict[tuple[int, int], int] = defaultdict(int)
        for (step, seed, _), scores in sorted(together.items()):
            counts[step, seed] += 1
            number = f"-{counts[step, seed]}" if counts[step, seed] > 1 else ""
            said = f"seed-{seed}" if seed >= 0 else f"sample-{-seed}"
            name = f"results_{said}{number}.json"
            place = folder / "lighteval" / run.folder.name / f"step-{step}" / "results" / run.folder.name
            write_record(place / name, lighteval(run, scores))
    return [folder / "scores.csv", folder / "scores.parquet", folder / "lighteval"]
