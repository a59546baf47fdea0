"""Two checkpoints beside each other: benchmark by benchmark, then problem by problem."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from openrs.analysis import mixing
from openrs.analysis.cells import Measured, Metric
from openrs.analysis.lines import Line, lines, titles
from openrs.analysis.records import Row, RunRecords, rows
from openrs.analysis.statistics.differences import holm
from openrs.analysis.tables import comparisons
from openrs.analysis.tables.captions import measured_how, nano_note
from openrs.analysis.tables.table import Table, Value
from openrs.analysis.tables.table1 import value
from openrs.errors import Mistake


def find(runs: list[RunRecords], text: str) -> Row:
    """The checkpoint of "exp3", "exp3@50", "179c9a63@last" or a run's folder name.

    Without a step it is the last one evaluated. Of several ways of measuring, the one with most
    benchmarks.

    Raises:
        Mistake: no run or several fit, or it has no such step.
    """
    name, _, step = text.rstrip("/").partition("@")
    name = name.rsplit("/", 1)[-1]
    fitting = [run for run in runs if name in (run.name, run.folder.name) or _is_id(run, name)]
    if len(fitting) != 1:
        known = ", ".join(run.folder.name for run in fitting or runs)
        raise Mistake(
            f"{text}: {'no run has' if not fitting else f'{len(fitting)} runs have'} this name. Give one of "
            f"{known}."
        )
    made = rows(fitting[0])
    steps = sorted({row.step for row in made})
    if not steps:
        raise Mistake(f"{text}: {fitting[0].folder.name} has no scores. Evaluate it first.")
    if step not in ("", "last") and (not step.isdigit() or int(step) not in steps):
        raise Mistake(f"{text}: has scores at steps {', '.join(map(str, steps))} only. Give one of them.")
    wanted = steps[-1] if step in ("", "last") else int(step)
    return max((row for row in made if row.step == wanted), key=lambda row: len(row.cells))


def _is_id(run: RunRecords, text: str) -> bool:
    return len(text) >= 8 and run.id.startswith(text)


def tables(
    first: Row, second: Row, metric: Metric, mixed: Collection[str] = frozenset(), listed: int = 10
) -> list[Table]:
    """Both rows with their difference, how many problems changed, and the largest changes.

    Raises:
        Mistake: they were measured in different ways that `mixed` does not name, or share no benchmark.
    """
    mixing.refuse([first, second], mixed)
    made = [lines([row], metric)[0] for row in (first, second)]
    if made[0].label == made[1].label:
        made = [
            replace(line, label=f"{line.label} ({row.run.folder.name})")
            for line, row in zip(made, (first, second), strict=True)
        ]
    shared = [title for title in titles(made) if all(title in line.cells for line in made)]
    if not shared:
        raise Mistake(
            f"{made[0].label} and {made[1].label} have no benchmark in common. Evaluate both on one."
        )
    return [_benchmarks(made, shared, metric), *_problems(made, shared, metric, listed)]


def _benchmarks(made: list[Line], shared: list[str], metric: Metric) -> Table:
    first, second = made
    found = comparisons.against(first, second, shared)
    ps = holm([found[title].p for title in shared])
    body = []
    for title, p in zip(shared, ps, strict=True):
        pair = [value(line.cells[title], metric) for line in made]
        body.append((title, (*pair, comparisons.shown(found[title], p, metric.unit))))
    kinds = ", ".join(sorted({item.kind for item in found.values()}))
    notes = [f"Tests: {kinds}; p is corrected over the benchmarks (Holm)."]
    if any(not item.paired for item in found.values()):
        notes.append("† marks an unpaired difference: outcomes on the same problems are not known for both.")
    mixed = mixing.differing([*first.rows, *second.rows])
    notes += [
        f"Mixed by --mixed: they differ in {mixing.TRAITS[t]} ({' | '.join(v)})." for t, v in mixed.items()
    ]
    notes.append(comparisons.detectable(made, shared, metric.unit))
    return Table(
        f"{second.label} against {first.label}: {metric.title}",
        ("A", "B", "B - A"),
        tuple(body),
        (f"A: {first.label}. B: {second.label}.", *measured_how(made, shared), *notes, *nano_note(shared)),
        "compare",
        (_origin(made),) * len(body),
    )


def _problems(made: list[Line], shared: list[str], metric: Metric, listed: int) -> list[Table]:
    """What happened to each problem, where both rows have outcomes on it."""
    counts, changes = [], []
    for title in shared:
        first, second = (line.cells[title] for line in made)
        if first.shares is None or second.shares is None or first.ids != second.ids:
            continue
        counts.append((title, tuple(_count(number, first.n) for number in _outcomes(first, second))))
        gaps = second.shares - first.shares
        for i in np.argsort(-np.abs(gaps), kind="stable"):
            if gaps[i] != 0:
                changes.append((abs(gaps[i]), title, first.ids[i], first.shares[i], second.shares[i]))
    if not counts:
        return []
    changes.sort(key=lambda item: -item[0])
    unit, origin = metric.unit, _origin(made)
    body = tuple(
        (f"{title} {key}", (Value(unit * a), Value(unit * b), Value(unit * (b - a), paired=True)))
        for _, title, key, a, b in changes[: max(0, listed)]
    )
    return [
        Table(
            "Problems",
            ("B higher", "A higher", "equal"),
            tuple(counts),
            ("Number of problems on which B or A scored higher, or both scored the same.",),
            "compare-problems",
            (origin,) * len(counts),
        ),
        *(
            [
                Table(
                    f"Largest changes, {len(body)} of {len(changes)}",
                    ("A", "B", "B - A"),
                    body,
                    ("A problem is identified by the hash of its normalised text, as in the score records.",),
                    "compare-changes",
                    (origin,) * len(body),
                )
            ]
            if body
            else []
        ),
    ]


def _origin(made: list[Line]) -> str:
    """Where A and B are from, "measured/imported" where they are from different places."""
    return "/".join(dict.fromkeys(line.origin for line in made))


def _outcomes(first: Measured, second: Measured) -> tuple[int, int, int]:
    assert first.shares is not None
    assert second.shares is not None
    higher, lower = (int((second.shares > first.shares).sum()), int((second.shares < first.shares).sum()))
    return higher, lower, first.n - higher - lower


def _count(number: int, n: int) -> Value:
    return Value(float(number), n=n, digits=0)
