"""lighteval's details: the outcome of every problem, in a parquet file beside the results."""

from pathlib import Path
from typing import Any

from openrs.analysis.importing import beside
from openrs.analysis.importing.beside import Beside
from openrs.analysis.importing.result import Unreadable, by_problem, problem_ids

PROBLEM = "problem_id"
"""A key of a document's `specific` by which openrs's own details name a problem (openrs.evaluate)."""
LENGTH = "num_tokens"
"""A key beside it that only `openrs export` writes, which has lengths of answers, not tokens."""


def read(path: Path, key: str, metric: str, value: float) -> Beside:
    """The outcomes of a task; none where there are no details of it, or none of right and wrong.

    Args:
        path: the result file.
        key: the task as the result file has it.
        value: the task's score.
    """
    return beside.guarded(_file(path, key), value, lambda file: _outcomes(_rows(file), metric))


def _outcomes(rows: list[dict[str, Any]], metric: str) -> Beside:
    if not rows:
        return beside.NOTHING
    if "doc" in rows[0]:  # lighteval 0.11 and later
        prompts = [row["doc"]["query"] for row in rows]
        verdicts = [row["metric"].get(metric) for row in rows]
        answers = [row["model_response"].get("output_tokens") or [[]] for row in rows]
    else:
        prompts = [row.get("example") or row.get("full_prompt") for row in rows]
        verdicts = [(row.get("metrics") or row.get("metric") or {}).get(metric) for row in rows]
        answers = [row.get("cont_tokens") or [[]] for row in rows]
    if None in prompts or any(verdict not in (0, 1) for verdict in verdicts):
        return beside.NOTHING
    specific = [(row.get("doc") or {}).get("specific") or {} for row in rows]
    stated = all(item.get(PROBLEM) for item in specific)
    ids = [item[PROBLEM] for item in specific] if stated else problem_ids(list(map(str, prompts)))
    lengths = [item.get(LENGTH) or len(tokens[0]) for item, tokens in zip(specific, answers, strict=True)]
    return Beside(by_problem(ids, verdicts, lengths))


def _file(path: Path, key: str) -> Path | None:
    date = path.stem.removeprefix("results_")
    root = next((parent for parent in path.parents if parent.name == "results"), None)
    if root is None:
        return None
    whole = root.parent / "details"
    own = whole / path.parent.relative_to(root)  # the model's, but where a template moved the results
    files = (own if own.is_dir() else whole).glob(f"**/details_*_{date}.parquet")
    return next((item for item in sorted(files) if item.name == f"details_{key}_{date}.parquet"), None)


def _rows(file: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise Unreadable(f"is not a whole parquet file ({error})") from None
