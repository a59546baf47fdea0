"""Cells: the scores of one row on one benchmark as an estimate with its interval, ready to be compared."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics import differences, estimates, intervals, recipes
from openrs.analysis.statistics.differences import Difference
from openrs.analysis.statistics.intervals import MeanEstimate
from openrs.analysis.statistics.recipes import Spread
from openrs.errors import Mistake
from openrs.records import faults
from openrs.records.left_out import sound_record
from openrs.records.scores import Score
from openrs.verify.boxes import last_box

Array = NDArray[np.float64]
METRICS = "avg, pass@K, maj@K, tokens or truncated"


@dataclass(frozen=True)
class Metric:
    """The number that a table shows of each problem."""

    name: str
    k: int = 0

    @property
    def title(self) -> str:
        """As a table's title says it."""
        titles = {"avg": "pass@1, percent", "tokens": "mean tokens of a completion"}
        titles["truncated"] = "truncated completions, percent"
        return titles.get(self.name) or f"{self.name}@{self.k}, percent"

    @property
    def bounded(self) -> bool:
        """Whether the metric is a share, which is shown in percent."""
        return self.name != "tokens"

    @property
    def unit(self) -> float:
        """The factor from a stored number to the number shown."""
        return 100.0 if self.bounded else 1.0


AVERAGE = Metric("avg")


def metric(text: str) -> Metric:
    """Reads "avg", "pass@4", "maj@8", "tokens" or "truncated".

    Raises:
        Mistake: none of these.
    """
    if text in ("avg", "tokens", "truncated"):
        return Metric(text)
    if match := re.fullmatch(r"(pass|maj)@([1-9]\d*)", text):
        return Metric(match[1], int(match[2]))
    raise Mistake(f"metric={text}: is not one of {METRICS} (K a number from 1). Give one of them.")


@dataclass(frozen=True, eq=False)
class Cell:
    """A measurement on a benchmark."""

    estimate: MeanEstimate
    n: int
    k: int
    """Answers a problem."""
    seeds: tuple[int, ...]
    ids: tuple[str, ...] = ()
    """Problems, sorted; empty where only an aggregate is known."""
    shares: Array | None = None
    """The metric of each problem, in the order of `ids`."""
    runs: tuple[Array, ...] = ()
    """One such vector a training run, where the cell is a mean over several and outcomes are known."""
    higher_is_better: bool = True
    bounded: bool = True
    """Whether the metric is a share."""
    run_values: tuple[float, ...] = ()
    """The mean of each training run, where the cell is a mean over several."""
    graded: bool = False
    """Whether one answer may have any share, as a metric of lighteval's gives; else it is right or wrong."""

    @property
    def value(self) -> float:
        """The mean."""
        return self.estimate.value

    @property
    def vectors(self) -> list[Array]:
        """The metric of each problem, a vector a training run; none where only an aggregate is known."""
        return list(self.runs) or ([] if self.shares is None else [self.shares])

    @property
    def once(self) -> bool:
        """One right or wrong answer a problem: a count of n."""
        return self.k == 1 and self.bounded and not self.run_values and not self.graded

    @property
    def column(self) -> list[Array] | tuple[float, int]:
        """What the error over problems is estimated from."""
        return self.vectors or (self.value, self.n)


def outcomes(scores: list[Score], column: str = "outcomes") -> tuple[tuple[str, ...], Array]:
    """A column of one cell: sorted problem ids, and an array of shape (problems, seeds)."""
    order = sorted(range(len(scores[0].ids)), key=scores[0].ids.__getitem__)
    ids = tuple(map(scores[0].ids.__getitem__, order))
    columns = []
    for score in scores:
        if score.ids == scores[0].ids:
            columns.append(np.array(getattr(score, column), float)[order])
        else:
            by_id = dict(zip(score.ids, getattr(score, column), strict=True))
            columns.append(np.array([by_id[key] for key in ids], float))
    return ids, np.stack(columns, axis=1)


def measure(scores: list[Score], shown: Metric = AVERAGE, folder: Path | None = None) -> Cell | None:
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
    column = shown.name if shown.name in ("tokens", "truncated") else "outcomes"
    if not all(getattr(score, column) for score in scores):
        return None  # an imported source may state verdicts and no lengths
    graded = column == "outcomes" and any(score.graded for score in scores)
    if graded and shown.name != "avg":
        return None  # no answer is right or wrong
    ids, values = outcomes(scores, column)
    k = values.shape[1]
    if shown.name == "pass":
        shares = estimates.pass_at(values, shown.k)
    elif shown.name == "maj":
        if k != shown.k:
            raise Mistake(
                f"metric=maj@{shown.k}: {scores[0].title} has {k} answers per problem. Use maj@{k}, or "
                f"evaluate {shown.k} sampling seeds."
            )
        answers = _answers(scores, ids, folder)
        if answers is None:
            return None
        shares = estimates.majority_at(values.astype(int), answers)
    else:
        shares = estimates.average_at(values)
    estimate = intervals.of_problems(shares, shown.bounded, graded)
    better = shown.name not in ("tokens", "truncated")
    return Cell(estimate, len(ids), k, seeds, ids, shares, (), better, bounded=shown.bounded, graded=graded)


def measure_all(
    scores: dict[str, list[Score]], shown: Metric = AVERAGE, folder: Path | None = None
) -> dict[str, Cell]:
    """Title of a benchmark -> its cell, for those that hold the metric."""
    cells = {title: measure(members, shown, folder) for title, members in scores.items()}
    return {title: cell for title, cell in cells.items() if cell is not None}


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


def _aggregate(scores: list[Score], seeds: tuple[int, ...]) -> Cell:
    """Only the share of each score is known."""
    value, n = float(np.mean([score.value for score in scores])), scores[0].n
    k = sum((score.imported or {}).get("samples", 1) for score in scores)
    stderr = scores[0].stderr if len(scores) == 1 else None
    return Cell(intervals.of_aggregate(value, n, k, stderr), n, k, seeds)


def _answers(scores: list[Score], ids: tuple[str, ...], folder: Path | None) -> list[list[str | None]] | None:
    """The answer of each completion: the content of its last box, shape (problems, seeds); None where
    completions are damaged and thus left out."""
    columns = []
    for score in scores:
        path = score.address.text_path(folder) if folder else None
        text = sound_record(path, lambda record: faults.of_text(record, ids, ["text"])) if path else None
        if text is None and path and path.exists():
            return None
        if text is None:
            raise Mistake(
                f"metric=maj@k: the completions of {score.title}, step {score.step}, seed {score.seed} are "
                "not stored, and a majority vote needs them. Use avg or pass@K."
            )
        by_id = dict(zip(text["ids"], text["text"], strict=True))
        boxed = (last_box(by_id[key]) for key in ids)
        columns.append([None if box is None else re.sub(r"\s+", "", box) for box in boxed])
    return [list(row) for row in zip(*columns, strict=True)]


def means_over_runs(runs: list[dict[str, Cell]]) -> dict[str, Cell]:
    """Benchmark -> the mean over training runs, where every run has it on the same problems.

    Args:
        runs: the cells of each run by benchmark; of one run they are the means.
    """
    means = {}
    for title in runs[0] if len(runs) > 1 else ():
        cells = [run[title] for run in runs if title in run]
        problems = {cell.ids for cell in cells if cell.ids}
        if len(cells) == len(runs) and len({cell.n for cell in cells}) == 1 and len(problems) <= 1:
            means[title] = over_runs(cells)
    return means if len(runs) > 1 else runs[0]


def over_runs(cells: list[Cell]) -> Cell:
    """The mean over training runs of one recipe; its interval covers other problems and other runs.

    Args:
        cells: one a run, at least 2, on the same problems. Sampling seeds were averaged within each run
            before.
    """
    first, same = cells[0], all(cell.ids and cell.ids == cells[0].ids for cell in cells)
    vectors = tuple(cell.shares for cell in cells if cell.shares is not None) if same else ()
    values = tuple(cell.value for cell in cells)
    shares = np.mean(vectors, axis=0) if vectors else None
    return Cell(
        recipes.estimate([vectors or (float(np.mean(values)), first.n)], values, first.bounded),
        n=first.n,
        k=first.k,
        seeds=first.seeds,
        ids=first.ids if same else (),
        shares=shares,
        runs=vectors,
        run_values=values,
        higher_is_better=first.higher_is_better,
        bounded=first.bounded,
        graded=any(cell.graded for cell in cells),
    )


def difference(
    first: Cell, second: Cell, first_trained: bool = True, spread: Spread | None = None
) -> Difference:
    """Second minus first: paired where both hold outcomes on the same problems.

    Args:
        first_trained: False where the first is the base model.
        spread: between runs of other recipes, which makes the difference one of recipes and not of
            checkpoints where one of them was trained once.
    """
    if first.shares is not None and second.shares is not None and first.ids == second.ids:
        once = len(second.vectors) == 1 or (first_trained and len(first.vectors) == 1)
        if spread is not None or not once:
            between = recipes.between_runs(first.vectors, second.vectors, first_trained, spread)
            return differences.of_shares(between) if first.bounded else between
        if first.once and second.once:
            return differences.paired_once(first.shares, second.shares)
        counts = first.bounded and not (first.graded or second.graded)
        return differences.paired(first.shares, second.shares, counts, first.bounded)
    sizes = (first.n, second.n) if first.once and second.once else None
    return differences.unpaired(first.estimate, second.estimate, sizes)
