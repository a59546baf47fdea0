"""A cell: what one row measured on one benchmark, with its interval, ready to be compared."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics import differences, estimates, intervals
from openrs.analysis.statistics.differences import Difference
from openrs.analysis.statistics.intervals import Interval
from openrs.errors import Mistake
from openrs.records.boxes import boxes
from openrs.records.files import read_record
from openrs.records.scores import Score

Array = NDArray[np.float64]
METRICS = "avg, pass@K, maj@K, tokens or truncated"


@dataclass(frozen=True)
class Metric:
    """What a table shows of each problem."""

    name: str
    k: int = 0

    @property
    def title(self) -> str:
        """As a table's title says it."""
        titles = {"avg": "pass@1, percent", "tokens": "mean tokens of a completion"}
        titles["truncated"] = "truncated completions, percent"
        return titles.get(self.name) or f"{self.name}@{self.k}, percent"

    @property
    def unit(self) -> float:
        """What a stored number is multiplied with to be shown."""
        return 1.0 if self.name == "tokens" else 100.0


AVERAGE = Metric("avg")


def metric(text: str) -> Metric:
    """Reads "avg", "pass@4", "maj@8", "tokens" or "truncated".

    Raises:
        Mistake: none of these.
    """
    if text in ("avg", "tokens", "truncated"):
        return Metric(text)
    if found := re.fullmatch(r"(pass|maj)@([1-9]\d*)", text):
        return Metric(found[1], int(found[2]))
    raise Mistake(f"metric={text}: is not one of {METRICS} (K a number from 1). Give one of them.")


@dataclass(frozen=True, eq=False)
class Measured:
    """One cell."""

    value: float
    interval: Interval
    error: float
    """Standard error of `value` over problems."""
    n: int
    k: int
    """Answers a problem."""
    seeds: tuple[int, ...]
    ids: tuple[str, ...] = ()
    """Problems, sorted; empty where only an aggregate is known."""
    shares: Array | None = None
    """The metric of each problem, in the order of `ids`."""
    runs: tuple[Array, ...] = ()
    """One such vector a training run, where the cell is a mean over several."""
    higher_is_better: bool = True
    bounded: bool = True
    """Whether the metric is a share."""

    @property
    def vectors(self) -> list[Array]:
        """The metric of each problem, a vector a training run; none where only an aggregate is known."""
        return list(self.runs) or ([] if self.shares is None else [self.shares])

    @property
    def once(self) -> bool:
        """One right or wrong answer a problem: a count of n."""
        return self.k == 1 and self.bounded and not self.runs


def outcomes(scores: list[Score], column: str = "correct") -> tuple[tuple[str, ...], Array]:
    """A column of one cell: sorted problem ids, and an array of shape (problems, seeds)."""
    order = sorted(range(len(scores[0].ids)), key=scores[0].ids.__getitem__)
    ids = tuple(scores[0].ids[i] for i in order)
    columns = []
    for score in scores:
        if score.ids == scores[0].ids:
            columns.append(np.array(getattr(score, column), float)[order])
        else:
            by_id = dict(zip(score.ids, getattr(score, column), strict=True))
            columns.append(np.array([by_id[key] for key in ids], float))
    return ids, np.stack(columns, axis=1)


def measure(scores: list[Score], shown: Metric = AVERAGE, folder: Path | None = None) -> Measured | None:
    """The cell of these scores (one a sampling seed), or None where they do not hold the metric.

    Args:
        folder: the run's folder; maj@k reads its completions.

    Raises:
        Mistake: fewer answers than k, or scores on different problems.
    """
    _refuse_other_problems(scores)
    seeds = tuple(score.seed for score in scores)
    if not all(score.ids for score in scores):
        return _aggregate(scores, seeds) if shown.name == "avg" else None
    if shown.name in ("tokens", "truncated"):
        if not all(getattr(score, shown.name) for score in scores):
            return None  # an imported source may state verdicts and no lengths
        ids, values = outcomes(scores, shown.name)
    else:
        ids, values = outcomes(scores)
    k = values.shape[1]
    shares = estimates.average_at(values)
    if shown.name == "pass":
        shares = estimates.pass_at(values, shown.k)
    elif shown.name == "maj":
        if k != shown.k:
            raise Mistake(
                f"metric=maj@{shown.k}: {scores[0].title} has {k} answers per problem. Use maj@{k}, or "
                f"evaluate {shown.k} sampling seeds."
            )
        shares = estimates.majority_at(values.astype(int), _stated(scores, ids, folder))
    if shown.name == "tokens":
        bounds, error = intervals.of_numbers(shares), intervals.error_of_numbers(shares)
        return Measured(
            float(shares.mean()), bounds, error, len(ids), k, seeds, ids, shares, (), False, False
        )
    bounds = intervals.of_shares(shares)
    error = intervals.error_of_shares(shares)
    better = shown.name != "truncated"
    return Measured(float(shares.mean()), bounds, error, len(ids), k, seeds, ids, shares, (), better)


def _refuse_other_problems(scores: list[Score]) -> None:
    """Sampling seeds are averaged over the same problems only."""
    first = scores[0]
    for other in scores[1:]:
        if other.n == first.n and sorted(other.ids) == sorted(first.ids):
            continue
        origins = [str((score.imported or {}).get("file", f"seed {score.seed}")) for score in (first, other)]
        what = f"{first.n} and {other.n} problems" if other.n != first.n else "different problems"
        raise Mistake(
            f"{first.title}, step {first.step}: {origins[0]} and {origins[1]} hold {what}, so they are not "
            "samples of one cell. Import them again into a new outputs folder, each under its own --name."
        )


def _aggregate(scores: list[Score], seeds: tuple[int, ...]) -> Measured:
    """Only the share of each score is known."""
    value, n = float(np.mean([score.value for score in scores])), scores[0].n
    k = sum((score.imported or {}).get("samples", 1) for score in scores)
    stderr = scores[0].stderr if len(scores) == 1 else None
    bounds = intervals.of_aggregate(value, n, k, stderr)
    error = intervals.error_of_aggregate(value, n)
    if bounds.kind == intervals.STATED and stderr is not None:
        error = stderr
    return Measured(value, bounds, error, n, k, seeds)


def _stated(scores: list[Score], ids: tuple[str, ...], folder: Path | None) -> list[list[str | None]]:
    """What each completion states: the content of its last box, shape (problems, seeds)."""
    columns = []
    for score in scores:
        text = read_record(score.address.text_path(folder)) if folder else None
        if text is None:
            raise Mistake(
                f"metric=maj@k: the completions of {score.title}, step {score.step}, seed {score.seed} are "
                "not stored, and a majority vote needs them. Use avg or pass@K."
            )
        by_id = dict(zip(text["ids"], text["text"], strict=True))
        columns.append([boxed(by_id[key]) for key in ids])
    return [list(row) for row in zip(*columns, strict=True)]


def boxed(text: str) -> str | None:
    """The content of the last whole box, without white space; None where there is none."""
    contents = boxes(text)
    return re.sub(r"\s+", "", contents[-1]) if contents else None


def means_over_runs(runs: list[dict[str, Measured]]) -> dict[str, Measured]:
    """Benchmark -> the mean over training runs, where every run has it on the same problems.

    Args:
        runs: the cells of each run by benchmark, at least two runs.
    """
    made = {}
    for title in runs[0]:
        found = [cells[title] for cells in runs if title in cells]
        known = {cell.ids for cell in found if cell.ids}
        if len(found) == len(runs) and len({cell.n for cell in found}) == 1 and len(known) <= 1:
            made[title] = over_runs(found)
    return made


def over_runs(cells: list[Measured]) -> Measured:
    """The mean over training runs of one recipe; its interval is over runs, on these problems.

    Args:
        cells: one a run, at least 2, on the same problems. Sampling seeds were averaged within each run
            before.
    """
    values = [cell.value for cell in cells]
    first, same = cells[0], all(cell.ids and cell.ids == cells[0].ids for cell in cells)
    vectors = tuple(cell.shares for cell in cells if cell.shares is not None) if same else ()
    bounds = intervals.of_runs(values, first.bounded, 1 / (first.n * first.k) if first.bounded else 0.0)
    return Measured(
        value=float(np.mean(values)),
        interval=bounds,
        error=float(np.std(values, ddof=1) / np.sqrt(len(values))),
        n=first.n,
        k=first.k,
        seeds=first.seeds,
        ids=first.ids if same else (),
        shares=np.mean(vectors, axis=0) if vectors else None,
        runs=vectors,
        higher_is_better=first.higher_is_better,
        bounded=first.bounded,
    )


def difference(first: Measured, second: Measured, first_trained: bool = True) -> Difference:
    """Second minus first: paired where both hold outcomes on the same problems.

    Args:
        first_trained: False where the first is the base model.
    """
    if first.shares is not None and second.shares is not None and first.ids == second.ids:
        if first.runs or second.runs:
            return differences.between_runs(first.vectors, second.vectors, first_trained)
        if first.once and second.once:
            return differences.paired_once(first.shares, second.shares)
        return differences.paired(first.shares, second.shares, first.bounded)
    sizes = (first.n, second.n) if first.once and second.once else None
    errors = first.error, second.error
    return differences.unpaired(first.value, second.value, first.interval, second.interval, errors, sizes)
