"""What pruners see of a run: a metric that training logs, a combination of several, or scores.

    hydra.sweeper.signal=rewards.accuracy                        one metric; with a minus less is better
    'hydra.sweeper.signal={rewards.accuracy: 1, kl: -0.05}'      metric -> weight, added up
    hydra.sweeper.signal=score:amc23                             a score at each saved checkpoint
    hydra.sweeper.signal=outcomes:amc23@50                       every problem's outcome at step 50 (Wilcoxon)

Pruners want one number, whatever the sweep looks for: of several objectives this is the scalarisation.
For scores a run is evaluated on the benchmark before its training goes on. Choosing by a benchmark flatters
its score, so name a benchmark that is not reported.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from omegaconf import OmegaConf

from openrs.errors import Mistake

Signal = str | dict[str, float]
"""A name, or metric -> weight."""

WINDOW = 10
"""Logged steps that a value is the mean of, as single steps are noise."""

TERM = "rewards."
"""Before the name of a reward's term: its mean before its weight."""


@dataclass(frozen=True)
class Selection:
    """A signal made of scores."""

    benchmark: str
    step: int | None
    """The step whose outcomes are compared problem by problem; None: the score at each saved step."""


def parse(value: Any) -> Signal:
    """The signal as the config gives it.

    Raises:
        Mistake: a combination without metrics, or with a weight that is 0 or no number.
    """
    if isinstance(value, str):
        return value
    terms: Any = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    if not isinstance(terms, dict) or not terms or not all(map(_is_weight, terms.values())):
        raise Mistake(
            f"hydra.sweeper.signal={terms}: a combination gives every metric a weight other than 0. Give it "
            "as 'hydra.sweeper.signal={rewards.accuracy: 1, kl: -0.05}'."
        )
    return {str(name): float(weight) for name, weight in terms.items()}


def _is_weight(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value != 0


def selection(signal: Signal) -> Selection | None:
    """The scores that a signal is made of; None where training logs its metrics."""
    match = re.fullmatch(r"score:(\w+)|outcomes:(\w+)@(\d+)", signal) if isinstance(signal, str) else None
    if match is None:
        return None
    return Selection(match[1] or match[2], int(match[3]) if match[3] else None)


def by_problem(signal: Signal) -> bool:
    """Whether the places of a signal's values are problems, not steps."""
    scores = selection(signal)
    return scores is not None and scores.step is not None


def weights(signal: Signal) -> dict[str, float]:
    """Metric -> weight of a signal of training."""
    if isinstance(signal, dict):
        return signal
    return {signal.removeprefix("-"): -1.0 if signal.startswith("-") else 1.0}


def text(signal: Signal) -> str:
    """A signal for a person."""
    if isinstance(signal, str):
        return signal
    terms = " ".join(
        f"{'-' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for name, weight in signal.items()
    )
    return terms.removeprefix("+ ")


def value(lines: Sequence[dict[str, Any]], signal: Signal) -> float:
    """The signal after these steps: the mean of each metric over the last `WINDOW` of them, weighted.

    Args:
        lines: metrics.jsonl so far.

    Raises:
        Mistake: a metric was not logged.
    """
    logged = [_numbers(line) for line in lines[-WINDOW:]]
    total = 0.0
    for name, weight in weights(signal).items():
        if not all(name in numbers for numbers in logged):
            names = ", ".join(logged[-1])
            raise Mistake(
                f"hydra.sweeper.signal={text(signal)}: training logs no {name}. Give one of: {names}."
            )
        total += weight * mean(numbers[name] for numbers in logged)
    return total


def values(lines: Sequence[dict[str, Any]], signal: Signal) -> dict[int, float]:
    """Step -> the signal after the step, of everything that was logged."""
    return {
        line["step"]: value(lines[max(0, index + 1 - WINDOW) : index + 1], signal)
        for index, line in enumerate(lines)
    }


def level(points: dict[int, float], signal: Signal) -> float | None:
    """Where a curve stands: its last value, or the mean over its problems; None where it has none."""
    if not points:
        return None
    return mean(points.values()) if by_problem(signal) else points[max(points)]


def _numbers(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a logged step by name."""
    terms = {f"{TERM}{term}": value for term, value in line.get("rewards", {}).items()}
    return {key: value for key, value in (line | terms).items() if isinstance(value, int | float)}
