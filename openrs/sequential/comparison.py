"""The comparison of a candidate with the reference, paired by problem: its score at a look, and its end.

The interval is the repeated one (Jennison and Turnbull 1989, JRSS B 51:305): the effect and as many standard
errors as the look's boundary. Unlike a stage-wise one it holds however one came to stop, by hand or for
futility too, and it leaves 0 out exactly where the boundary is crossed. It is the wider of the two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from openrs.sequential.design import Array, Design

Verdict = Literal["better", "worse", "undecided", "futile"]


@dataclass(frozen=True)
class Comparison:
    """Candidate minus reference after a look."""

    look: int
    """From 1."""
    effect: float
    error: float
    """Standard error, as it is if nothing differs."""
    low: float
    high: float
    """The repeated 95 % interval (at another level: of that level)."""
    verdict: Verdict | None
    """None before the last look: the next one is needed."""


def compare(gaps: Sequence[Array], look: int, design: Design) -> Comparison:
    """The comparison after a look.

    Args:
        gaps: of each benchmark, candidate minus reference of each problem that was looked at.
        look: from 1.
    """
    effect, error = mean_gap(gaps)
    outer, inner = design.boundaries[look - 1], design.inner[look - 1]
    score, half = effect / error, outer * error
    verdict: Verdict | None = None
    if abs(score) >= outer:
        verdict = "better" if score > 0 else "worse"
    elif look == len(design.information):
        verdict = "undecided"
    elif abs(score) < inner:
        verdict = "futile"
    return Comparison(look, effect, error, max(-1.0, effect - half), min(1.0, effect + half), verdict)


def mean_gap(gaps: Sequence[Array]) -> tuple[float, float]:
    """The plain mean of the benchmarks' differences, and its standard error where nothing differs.

    Of one answer a problem its ratio is McNemar's statistic without correction; where no problem differs the
    error is that of Bonett and Price's interval.
    """
    error = sum(max(float(gap @ gap) / len(gap) ** 2, 2 / (len(gap) + 2) ** 2) for gap in gaps)
    return float(np.mean([gap.mean() for gap in gaps])), math.sqrt(error) / len(gaps)
