"""What pruners see of a run's training: a figure that it logs, or a stated combination of several.

    hydra.sweeper.signal=rewards.accuracy                        one figure; with a minus less is better
    'hydra.sweeper.signal={rewards.accuracy: 1, kl: -0.05}'      figure -> weight, added up

Pruners want one number, whatever the sweep looks for: of several objectives this is the scalarisation.
"""

import math
from collections.abc import Collection, Sequence
from statistics import mean
from typing import Any

from omegaconf import OmegaConf

from openrs.errors import Mistake
from openrs.records.metric_names import LOGGED

Signal = str | dict[str, float]
"""A name, or figure -> weight."""

WINDOW = 10
"""Logged steps that a value is the mean of, as single steps are noise."""

TERM = "rewards."
"""Before the name of a reward's term: its mean before its weight."""


def read(asked: Any) -> Signal:
    """The signal as the config gives it.

    Raises:
        Mistake: a combination without figures, or with a weight that is no number but 0.
    """
    if isinstance(asked, str):
        return asked
    found: Any = OmegaConf.to_container(asked, resolve=True) if OmegaConf.is_config(asked) else asked
    if not isinstance(found, dict) or not found or not all(map(_is_weight, found.values())):
        raise Mistake(
            f"hydra.sweeper.signal={found}: a combination gives every figure a weight other than 0, as "
            "'hydra.sweeper.signal={rewards.accuracy: 1, kl: -0.05}'."
        )
    return {str(name): float(weight) for name, weight in found.items()}


def _is_weight(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value != 0


def weights(signal: Signal) -> dict[str, float]:
    """Figure -> weight of a signal of training."""
    if isinstance(signal, dict):
        return signal
    return {signal.removeprefix("-"): -1.0 if signal.startswith("-") else 1.0}


def told(signal: Signal) -> str:
    """A signal for a person."""
    if isinstance(signal, str):
        return signal
    text = " ".join(
        f"{'-' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for name, weight in signal.items()
    )
    return text.removeprefix("+ ")


def check(signal: Signal, terms: Collection[str]) -> None:
    """Refuses a figure that no run logs, before any of them starts.

    Args:
        terms: the reward's terms that some run of the sweep has.

    Raises:
        Mistake: naming the figure and those that there are.
    """
    known = [*LOGGED, *(f"{TERM}{term}" for term in terms)]
    for name in weights(signal):
        if name not in known:
            raise Mistake(
                f"hydra.sweeper.signal={told(signal)}: training logs no {name}. Known: {', '.join(known)}; "
                "or take a score, as score:BENCHMARK, or outcomes:BENCHMARK@STEP."
            )


def value(lines: Sequence[dict[str, Any]], signal: Signal) -> float:
    """The signal after these steps: the mean of each figure over the last `WINDOW` of them, weighted.

    Args:
        lines: metrics.jsonl so far.

    Raises:
        Mistake: a figure was not logged.
    """
    logged_figures = [_figures(line) for line in lines[-WINDOW:]]
    total = 0.0
    for name, weight in weights(signal).items():
        if not all(name in figures for figures in logged_figures):
            known = ", ".join(logged_figures[-1])
            raise Mistake(f"hydra.sweeper.signal={told(signal)}: training logs no {name}. Known: {known}.")
        total += weight * mean(figures[name] for figures in logged_figures)
    return total


def points(lines: Sequence[dict[str, Any]], signal: Signal) -> dict[int, float]:
    """Step -> the signal after it, of everything that was logged."""
    return {
        line["step"]: value(lines[max(0, index + 1 - WINDOW) : index + 1], signal)
        for index, line in enumerate(lines)
    }


def _figures(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a logged step by name."""
    terms = {f"{TERM}{term}": value for term, value in line.get("rewards", {}).items()}
    return {key: value for key, value in (line | terms).items() if isinstance(value, int | float)}
