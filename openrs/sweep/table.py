"""The comparison that ends a sweep: a row per level of what was swept, its replicates grouped.

Differences are to the first level, over the problems that both answered. Their interval is a paired
bootstrap: in each resample the problems of every benchmark are drawn once for both levels, and the
replicates (training seeds) of each level are drawn too where it has several. With one training seed a
difference says nothing of other seeds, and the caption says so.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from openrs import scores
from openrs.sweep.tasks import RECORD

REPLICATE = "seed"
"""The dimension whose values are replicates of one level."""

MOST = 40
"""Rows of a table; of a larger sweep the best are shown."""

Outcomes = dict[str, NDArray[np.float64]]
"""Benchmark -> outcomes, shape (replicates, problems): shares of right answers over sampling seeds."""


@dataclass(frozen=True)
class Comparison:
    """The table, ready to be written."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """One row: what was set, and the trials that had it."""

    label: str
    trials: tuple[FrozenTrial, ...]

    def values(self, index: int) -> list[float]:
        """An objective of every replicate."""
        return [trial.values[index] for trial in self.trials]


def levels(trials: Sequence[FrozenTrial]) -> list[Level]:
    """Trials grouped by what was swept besides the seed, in the order of their slots; a run that two
    trials share counts once."""
    grouped: dict[str, dict[str, FrozenTrial]] = defaultdict(dict)
    for trial in trials:
        told = ", ".join(f"{k}={_short(v)}" for k, v in trial.params.items() if k != REPLICATE)
        grouped[told or "all"].setdefault(trial.user_attrs[RECORD]["run"], trial)
    return [Level(label, tuple(members.values())) for label, members in grouped.items()]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def outcomes(level: Level) -> Outcomes | None:
    """What the level's replicates answered at their last evaluated checkpoint, problems by id; None
    where a replicate was not evaluated, or on another machine."""
    columns: dict[str, list[dict[str, float]]] = defaultdict(list)
    for trial in level.trials:
        answers: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for path in trial.user_attrs[RECORD].get("scores", []):
            score = scores.read(Path(path))
            if score is None:
                return None
            for key, right in zip(score.ids, score.correct, strict=True):
                answers[score.title][key].append(right)
        if not answers:
            return None
        for title, found in answers.items():
            columns[title].append({key: sum(right) / len(right) for key, right in found.items()})
    ids = {title: sorted(set.intersection(*(set(c) for c in found))) for title, found in columns.items()}
    return {
        title: np.array([[column[key] for key in ids[title]] for column in found])
        for title, found in columns.items()
    }


def average(made: Outcomes) -> float:
    """The plain mean over benchmarks, in percent."""
    return 100 * sum(float(found.mean()) for found in made.values()) / len(made)


def difference(
    one: Outcomes, other: Outcomes, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Average of one minus that of the other, with a 95 % paired bootstrap interval (see the module).

    Args:
        one: outcomes of a level.
        other: those of the baseline, on the same benchmarks and problems.
    """
    generator = np.random.default_rng(seed)
    weights = [_replicates(generator, made, resamples) for made in (one, other)]
    drawn = np.zeros(resamples)
    for title in one:
        problems = one[title].shape[1]
        counts = generator.multinomial(problems, np.full(problems, 1 / problems), size=resamples) / problems
        gap = weights[0] @ one[title] - weights[1] @ other[title]
        drawn += (counts * gap).sum(axis=1) / len(one)
    low, high = np.quantile(100 * drawn, [0.025, 0.975])
    return average(one) - average(other), float(low), float(high)


def _replicates(generator: np.random.Generator, made: Outcomes, resamples: int) -> NDArray[np.float64]:
    """Shares of each replicate in each resample, shape (resamples, replicates)."""
    number = len(next(iter(made.values())))
    return generator.multinomial(number, np.full(number, 1 / number), size=resamples) / number


def compare(
    trials: Sequence[FrozenTrial], objectives: Sequence[str], directions: Sequence[str]
) -> Comparison | None:
    """The comparison of a sweep's complete trials, or None where there is none."""
    found = levels([trial for trial in trials if RECORD in trial.user_attrs])
    if not found:
        return None
    shown, baseline = found, found[0]
    if len(found) > MOST:
        sign = -1 if directions[0] == "maximize" else 1
        best = sorted(found[1:], key=lambda level: sign * float(np.mean(level.values(0))))
        shown = [baseline, *best[: MOST - 1]]
    measured = {level.label: outcomes(level) for level in shown}
    first = measured[baseline.label]
    titles = list(first) if first else []
    rows = [_row(level, measured[level.label], first, len(objectives)) for level in shown]
    columns = ("", "runs", *objectives, *titles, *(["Avg.", "Difference to the first"] if first else []))
    several = max(len(level.trials) for level in found) > 1
    return Comparison(
        title=f"Comparison of {len(found)} levels",
        columns=columns,
        rows=tuple(rows),
        caption=tuple(_caption(baseline, len(found) - len(shown), several, bool(first))),
    )


def _row(level: Level, made: Outcomes | None, first: Outcomes | None, objectives: int) -> tuple[str, ...]:
    cells = [level.label, str(len(level.trials))]
    cells += [_spread(level.values(index)) for index in range(objectives)]
    if first is None:
        return tuple(cells)
    if made is None or {k: v.shape[1] for k, v in made.items()} != {k: v.shape[1] for k, v in first.items()}:
        return (*cells, *["–"] * (len(first) + 2))
    cells += [f"{100 * found.mean():.1f}" for found in made.values()]
    cells.append(f"{average(made):.1f}")
    if made is first:
        return (*cells, "baseline")
    gap, low, high = difference(made, first)
    if low == high:  # all resamples alike, as the answers were: that is no interval
        return (*cells, f"{gap:+.1f}")
    return (*cells, f"{gap:+.1f} [{low:+.1f}, {high:+.1f}]" + ("" if low <= 0 <= high else " *"))


def _spread(values: list[float]) -> str:
    """Mean of the replicates, with their range where there are several."""
    mean = sum(values) / len(values)
    return f"{mean:.4g}" if len(values) == 1 else f"{mean:.4g} ({min(values):.4g} to {max(values):.4g})"


def _caption(baseline: Level, hidden: int, several: bool, scored: bool) -> list[str]:
    lines = []
    if scored:
        lines.append(
            f"Percent at the last evaluated checkpoint; baseline: {baseline.label}. Differences: 95 % paired "
            "bootstrap over problems" + (" and training seeds" if several else "") + "; * excludes 0."
        )
        if not several:
            lines.append("One training seed a level: the intervals do not hold the spread between seeds.")
        lines.append("Not corrected for the number of comparisons.")
    if several:
        lines.append(f"Runs that differ in {REPLICATE} alone are one row.")
    if hidden:
        lines.append(f"{hidden} more levels are in the study; the best are shown.")
    return lines


def markdown(made: Comparison) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"**{made.title}**", "", f"| {' | '.join(made.columns)} |", f"|{'---|' * len(made.columns)}"]
    lines += [f"| {' | '.join(row)} |" for row in made.rows]
    return "\n".join([*lines, "", *made.caption]) + "\n"


def write(made: Comparison, path: Path) -> list[Path]:
    """Writes Markdown and CSV beside each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(f"{path.name}.{suffix}") for suffix in ("md", "csv")]
    for file in written:
        partial = file.with_name(f".{file.name}.partial")
        with partial.open("w", encoding="utf-8", newline="") as text:
            if file.suffix == ".md":
                text.write(markdown(made))
            else:
                csv.writer(text, lineterminator="\n").writerows([made.columns, *made.rows])
        partial.replace(file)
    return written
