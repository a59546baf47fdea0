"""The texts of problems, from lighteval's details beside the scores that openrs measured."""

from pathlib import Path

from openrs.analysis.run_records import Evaluation
from openrs.records.left_out import leave_out

SHORT = 100
"""Characters by which a table shows a problem."""


def texts(item: Evaluation, title: str) -> dict[str, str]:
    """Problem id -> its text, where details are kept and the Hub gives them to all."""
    score = item.scores[title][0]
    benchmarks = item.run.config.get("catalog", {}).get("benchmarks", {})
    if benchmarks.get(score.benchmark, {}).get("gated"):
        return {}
    folder = item.run.folder / "eval" / f"step-{score.step:05d}" / "lighteval" / "details"
    if not (files := sorted(folder.glob(f"**/details_{score.benchmark}|*.parquet"))):
        return {}
    try:
        return _read(files[-1], str(item.settings.get("instruction") or ""))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"cannot be read as lighteval's details ({' '.join(str(error).split())})"
        leave_out(f"{files[-1]}: {what}. Remove it, or put it back from a copy.")
        return {}


def _read(path: Path, instruction: str) -> dict[str, str]:
    from pyarrow import parquet

    docs = [row["doc"] for row in parquet.read_table(path, columns=["doc"]).to_pylist()]
    keys = [(doc.get("specific") or {}).get("problem_id") for doc in docs]
    return {
        key: doc["query"].removeprefix(instruction).strip()
        for key, doc in zip(keys, docs, strict=True)
        if key
    }


def short(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else f"{line[:SHORT].rstrip()}..."
