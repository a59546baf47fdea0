"""All scores as a tidy table (CSV and Parquet) and as result files in lighteval's own shape."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openrs.analysis import lighteval_files
from openrs.analysis.records import RunRecords
from openrs.records.scores import Score

COLUMNS = (
    *("run", "id", "step", "benchmark", "title", "metric", "seed", "value", "stderr", "n", "right"),
    *(
        "mean_tokens",
        "truncated_share",
        "timed_out",
        "seconds",
        "imported_from",
        "imported_format",
        "revision",
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
        "step": score.step if score.step or run.untrained_at_0 else None,
        "benchmark": score.benchmark,
        "title": score.title,
        "metric": lighteval_files.metric(score),
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
        "revision": origin.get("revision"),
        "samples": origin.get("samples", 1),
        "settings_id": score.settings_id,
        "scoring_id": score.scoring_id,
        **{
            key: None if score.settings.get(key) is None else str(score.settings[key])
            for key in ("engine", "dtype", "temperature", "top_p", "max_new_tokens", "max_problems")
        },
    }


def write(runs: Sequence[RunRecords], folder: Path) -> list[Path]:
    """Writes scores.csv, scores.parquet and result files under lighteval/ into a folder.

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
        lighteval_files.write(run, folder / "lighteval")
    return [folder / "scores.csv", folder / "scores.parquet", folder / "lighteval"]
