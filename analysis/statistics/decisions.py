"""Better, worse, equal or undecided: the verdict on a difference, and what would decide it."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openrs.analysis.statistics import power, recipes
from openrs.analysis.statistics.recipes import Part

Array = NDArray[np.float64]
Verdict = Literal["better", "worse", "equal", "undecided"]
MOST = 100
"""Seeds up to which is looked for what would decide."""


@dataclass(frozen=True)
class Decision:
    """A verdict on second minus first, with the numbers that it rests on; shares of 1."""

    verdict: Verdict
    effect: float
    low: float
    high: float
    """Of the 95 % interval."""
    p: float
    """Two-sided."""
    p_equal: float | None
    """Of the two one-sided tests; None without a margin."""


def decide(
    effect: float, parts: Sequence[Part], alpha: float = 0.05, margin: float | None = None
) -> Decision:
    """The verdict by a two-sided test, else by two one-sided tests of equivalence.

    Schuirmann 1987 (J. Pharmacokin. Biopharm. 15:657): equal within the margin where the effect is above
    -margin and below margin, each at the level alpha.

    Args:
        parts: of the effect's variance, with their degrees of freedom.
        alpha: the level of the test, and of each of the two.
        margin: the largest difference that does not matter.
    """
    half, p, p_equal = recipes.reach(parts), recipes.tail(effect, parts), None
    verdict: Verdict = "undecided"
    if margin is not None:
        p_equal = max(_below(effect - margin, parts), _below(-effect - margin, parts))
        verdict = "equal" if p_equal < alpha else verdict
    if p < alpha:
        verdict = "better" if effect > 0 else "worse"
    return Decision(verdict, effect, effect - half, effect + half, p, p_equal)


def _below(effect: float, parts: Sequence[Part]) -> float:
    """One-sided p of an effect being below 0."""
    one = recipes.tail(effect, parts) / 2
    return one if effect < 0 else 1 - one


@dataclass(frozen=True)
class Noise:
    """The variance of the difference of two recipes' averages, by where it comes from."""

    problems: float
    """Over problems: what neither more runs nor more answers lessen."""
    between: float
    """Between runs, with the noise of single answers."""
    answers: dict[str, float] | None
    """Benchmark -> what single answers add to `between`; None where one answer a problem does not tell."""
    sizes: dict[str, int]
    """Benchmark -> problems."""
    counts: tuple[int, ...]
    """Runs of each side that was trained."""
    k: dict[str, int]
    """Benchmark -> answers to a problem."""
    freedom: float
    """Degrees of freedom of `between`."""

    def chance(self, effect: float, runs: int = 0, answers: int = 0, titles: Sequence[str] = ()) -> float:
        """Power of the test of an effect after more training runs a side, or more answers to a problem.

        Args:
            effect: true difference.
            runs: more of each side.
            answers: more to each problem of `titles`.
        """
        scale = sum(1 / (count + runs) for count in self.counts) / sum(1 / count for count in self.counts)
        own = self.answers or {}
        fewer = sum(own[title] * (1 - self.k[title] / (self.k[title] + answers)) for title in titles)
        return power.between_recipes(
            effect,
            math.sqrt(self.problems),
            math.sqrt(max(0.0, self.between - fewer) * scale),
            sum(self.sizes.values()),
            max(1.0, self.freedom + runs * len(self.counts)),
        )

    def runs_needed(self, effect: float, level: float = power.POWER) -> int | None:
        """More training runs of each side for a power; None where none suffice."""
        return _fewest(partial(self.chance, effect), level)

    def answers_needed(self, effect: float, level: float = power.POWER) -> tuple[int, tuple[str, ...]] | None:
        """More answers to a problem, and the benchmarks that need them: the fewest answers in all."""
        if not self.answers:
            return None
        lessened = self.answers
        order = sorted(lessened, key=lambda title: -lessened[title] / self.sizes[title])
        options = []
        for count in range(1, len(order) + 1):
            titles = tuple(order[:count])
            more = _fewest(partial(self.chance, effect, 0, titles=titles), level)
            if more is not None:
                options.append((more * sum(self.sizes[title] for title in titles), more, titles))
        return min(options)[1:] if options else None


def _fewest(chance: Callable[[int], float], level: float) -> int | None:
    """The fewest, below `MOST`, for which a chance that grows with their number reaches a level."""
    fewest = bisect_left(range(1, MOST), level, key=chance) + 1
    return fewest if fewest < MOST else None


def noise(
    first: dict[str, list[Array]],
    second: dict[str, list[Array]],
    k: dict[str, int],
    first_trained: bool,
    parts: Sequence[Part],
) -> Noise:
    """The noise of a difference, taken apart.

    Args:
        first, second: benchmark -> a vector of shares (problems,) a run.
        k: benchmark -> answers to a problem.
        parts: of the difference's variance, the last between runs.
    """
    trained = [first, second] if first_trained else [second]
    answers: dict[str, float] | None = {}
    for title in first:
        varying = [_within(side[title], k[title]) for side in trained]
        if answers is not None:
            answers[title] = sum(part for part in varying if part is not None) / len(first) ** 2
        if None in varying:
            answers = None
    sizes = {title: len(vectors[0]) for title, vectors in first.items()}
    counts = tuple(len(next(iter(side.values()))) for side in trained)
    problems = sum(variance for variance, _ in parts[:-1])
    return Noise(problems, parts[-1][0], answers, sizes, counts, k, parts[-1][1])


def _within(runs: list[Array], k: int) -> float | None:
    """The variance that single answers make of a recipe's mean; None where nothing tells it."""
    if k > 1:
        shares = np.array(runs)
        return float((shares * (1 - shares)).mean()) / (k - 1) / shares.size
    return recipes.within(runs) if len(runs) > 1 else None


def parts_of_checkpoints(first: dict[str, list[Array]], second: dict[str, list[Array]]) -> list[Part]:
    """The variance of the difference of these very runs' averages, over problems alone."""
    parts = []
    for title in first:
        gap = np.mean(second[title], axis=0) - np.mean(first[title], axis=0)
        variance, freedom = recipes.over_gaps(gap)
        parts.append((variance / len(first) ** 2, freedom))
    return parts
