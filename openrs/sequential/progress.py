"""The progress of a candidate's comparison with the reference, from the scores of the looks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openrs.records import scores
from openrs.records.scores import Score, ScoreAddress
from openrs.sequential.comparison import Comparison, compare
from openrs.sequential.design import Array, Design

Side = tuple[Path, Sequence[ScoreAddress]]
"""The folder of a run, and its scores of a look."""


@dataclass(frozen=True)
class LooksTaken:
    """The looks that both sides have taken."""

    comparison: Comparison | None
    """After the last of them; None before the first."""
    gaps: dict[str, Array]
    """Benchmark -> candidate minus reference of each problem, as a mean over sampling seeds."""
    reference: tuple[Score, ...]
    candidate: tuple[Score, ...]


def progress(looks: Iterable[tuple[Side, Side]], design: Design, tested: Sequence[str]) -> LooksTaken:
    """The progress up to the first look that one side lacks, or that ends the comparison.

    Args:
        looks: reference and candidate of each.
        tested: benchmarks whose average is compared.
    """
    taken: tuple[list[Score], list[Score]] = ([], [])
    gaps: dict[str, Array] = {}
    comparison = None
    for number, sides in enumerate(looks, 1):
        if not all(scores.measured(folder, cell) for folder, cells in sides for cell in cells):
            break
        for read, (folder, cells) in zip(taken, sides, strict=True):
            records = (scores.read(cell.path(folder)) for cell in cells)
            read += [record for record in records if record is not None]
        gaps = paired_gaps(*taken)
        comparison = compare([gaps[name] for name in tested], number, design)
        if comparison.verdict is not None:
            break
    return LooksTaken(comparison, gaps, *map(tuple, taken))


def paired_gaps(reference: Sequence[Score], candidate: Sequence[Score]) -> dict[str, Array]:
    """Benchmark -> candidate minus reference of each problem, as means over sampling seeds."""
    first, second = _shares(reference), _shares(candidate)
    return {name: np.array([second[name][key] - first[name][key] for key in first[name]]) for name in first}


def _shares(records: Sequence[Score]) -> dict[str, dict[str, float]]:
    """Benchmark -> problem -> its mean over sampling seeds."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for key, value in zip(record.ids, record.outcomes, strict=True):
            values[record.benchmark][key].append(value)
    return {name: {key: float(np.mean(own)) for key, own in ids.items()} for name, ids in values.items()}
