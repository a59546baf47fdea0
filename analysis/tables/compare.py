"""Two recipes or checkpoints beside each other: benchmark by benchmark, then problem by problem."""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from openrs.analysis import mixing, questions
from openrs.analysis.cells import Metric
from openrs.analysis.factors import differences, names, replicates, short_names
from openrs.analysis.rows import ResultRow, result_rows, titles
from openrs.analysis.run_records import Evaluation, RunRecords, evaluations
from openrs.analysis.statistics.multiple_tests import holm
from openrs.analysis.tables import captions, comparisons
from openrs.analysis.tables.table import Table, Value
from openrs.analysis.tables.values import value
from openrs.errors import Mistake

ID = re.compile(r"(^|-)[0-9a-f]{8,}$")
"""A run's id, or the end of its folder's name: both name a run, not a recipe."""


def find(runs: Sequence[RunRecords], text: str) -> list[Evaluation]:
    """The checkpoints of "exp3", "exp3@50", "179c9a63@last", a run's folder or a row's label.

    It is one of each run, where several of a name differ in their seeds alone. Without a step it is the
    last one evaluated. Of several ways of measuring, the one with most benchmarks.

    Raises:
        Mistake: no run fits, or runs of several recipes, or one has no such step.
    """
    step = text.rstrip("/").partition("@")[2]
    fits = _fits(runs, text)
    if not _is_one(fits):
        number = f"{len(fits)} runs of several recipes have" if fits else "no run has"
        own, apart = fits or runs, differences(fits or runs)
        if ID.search(text.partition("@")[0].rstrip("/")):
            choices = [f"{r.folder.name} ({apart[r.id]})" if apart[r.id] else r.folder.name for r in own]
        else:
            choices = list(dict.fromkeys(words(runs, run) for run in own))
        raise Mistake(f"{text}: {number} this name. Give one of {', '.join(choices)}.")
    return [_at(run, step, text) for run in fits]


def words(runs: Sequence[RunRecords], run: RunRecords) -> str:
    """What names a run's recipe in a shell; the run's folder where the label stands for other recipes too."""
    label = names(runs, seeds=False)[run.id]
    return shlex.quote(label if _is_one(_fits(runs, label)) else run.folder.name)


def _is_one(runs: Sequence[RunRecords]) -> bool:
    """Whether these are runs of one recipe."""
    return len(set(replicates(runs).values())) == 1


def _fits(runs: Sequence[RunRecords], text: str) -> list[RunRecords]:
    """The runs that a text names."""
    *above, name = text.rstrip("/").partition("@")[0].split("/")
    joined = {*above, name} <= {run.name for run in runs}  # the label of one recipe under several names
    wanted = {*above, name} if joined else {name}
    is_id = len(name) >= 8
    trained = [run for run in runs if run.imported or any(item.step for item in run.scores)]
    labels = names(runs, seeds=False), short_names(trained, seeds=False)
    return [
        run
        for run in runs
        if not wanted.isdisjoint((run.name, run.folder.name, *(part.get(run.id) for part in labels)))
        or (is_id and run.id.startswith(name))
    ]


def _at(run: RunRecords, step: str, text: str) -> Evaluation:
    items = evaluations(run)
    steps = sorted({item.step for item in items})
    if not steps:
        raise Mistake(f"{text}: {run.folder.name} has no scores. Evaluate it first.")
    if step not in ("", "last") and (not step.isdigit() or int(step) not in steps):
        where = f"{run.folder.name} has scores at steps {', '.join(map(str, steps))} only"
        raise Mistake(f"{text}: {where}. Give one of them.")
    at = steps[-1] if step in ("", "last") else int(step)
    return max((item for item in items if item.step == at), key=lambda item: len(item.scores))


def tables(
    first: Sequence[Evaluation],
    second: Sequence[Evaluation],
    metric: Metric,
    mixed: Collection[str] = frozenset(),
    listed: int = 10,
) -> list[Table]:
    """Both rows with their difference, how many problems changed, and the largest changes.

    Args:
        first, second: the checkpoints of the runs of a recipe each, whose means are compared.

    Raises:
        Mistake: they were measured in different ways that `mixed` does not name, or share no benchmark.
    """
    mixing.refuse([*first, *second], mixed)
    rows = [_row(items, others, metric, mixed) for items, others in ((first, second), (second, first))]
    if rows[0].label == rows[1].label:
        rows = [
            replace(row, label=f"{row.label} ({items[0].run.folder.name})")
            for row, items in zip(rows, (first, second), strict=True)
        ]
    shared = [title for title in titles(rows) if all(title in row.cells for row in rows)]
    if not shared:
        raise Mistake(
            f"{rows[0].label} and {rows[1].label} have no benchmark in common. Evaluate both on one."
        )
    origin = "/".join(dict.fromkeys(row.origin for row in rows))
    tables = [_benchmarks(rows, shared, metric, mixed), *_problems(rows, shared, metric, listed)]
    return [replace(table, origins=(origin,) * len(table.rows)) for table in tables]


def _row(
    items: Sequence[Evaluation], others: Sequence[Evaluation], metric: Metric, mixed: Collection[str]
) -> ResultRow:
    """One run, or the mean of several on the benchmarks that all of them have."""
    row = result_rows(items, metric, tuple(mixed), selected=True, beside=others)[-1]
    if len(items) > 1 and not row.mean_of_runs:
        names = ", ".join(item.run.folder.name for item in items)
        raise Mistake(f"{names}: have no benchmark in common. Evaluate them on one, or give one of them.")
    return row


def _benchmarks(rows: list[ResultRow], shared: list[str], metric: Metric, mixed: Collection[str]) -> Table:
    first, second = rows
    differences = comparisons.Study(rows).pair(first, second, shared).parts
    body = []
    for (title, item), p in zip(differences.items(), holm([d.p for d in differences.values()]), strict=True):
        pair = [value(row.cells[title], metric) for row in rows]
        body.append((title, (*pair, comparisons.shown(item, p, metric))))
    kinds = ", ".join(sorted({item.kind for item in differences.values()}))
    notes = [f"Tests: {kinds}; p is corrected over the benchmarks (Holm)."]
    if any(row.trained and not row.mean_of_runs for row in rows):
        notes.append(comparisons.CHECKPOINTS)
    if not all(item.paired for item in differences.values()):
        notes.append("† marks an unpaired difference: outcomes on the same problems are not known for both.")
    return Table(
        f"{second.label} against {first.label}: {metric.title}",
        ("A", "B", "B - A"),
        tuple(body),
        (
            f"A: {first.label}. B: {second.label}.",
            *captions.of_scores(rows, shared, metric, mixed=mixed),
            *notes,
        ),
        "compare",
    )


def _problems(rows: list[ResultRow], shared: list[str], metric: Metric, listed: int) -> list[Table]:
    """Changes of each problem, where both rows have outcomes on it."""
    counts, changes = [], []
    for title in shared:
        first, second = (row.cells[title] for row in rows)
        if first.shares is None or second.shares is None or first.ids != second.ids:
            continue
        gaps = second.shares - first.shares
        higher, lower = int((gaps > 0).sum()), int((gaps < 0).sum())
        numbers = (higher, lower, first.n - higher - lower)
        counts.append((title, tuple(Value(float(number), n=first.n, digits=0) for number in numbers)))
        for i in np.argsort(-np.abs(gaps), kind="stable"):
            if gaps[i] != 0:
                changes.append((abs(gaps[i]), title, first.ids[i], first.shares[i], second.shares[i]))
    if not counts:
        return []
    changes.sort(key=lambda item: -item[0])
    unit = metric.unit
    biggest = changes[: max(0, listed)]
    texts = {title: _texts(rows, title) for title in {change[1] for change in biggest}}
    body = tuple(
        (
            f"{title} {id_}{texts[title].get(id_, '')}",
            (Value(unit * a), Value(unit * b), Value(unit * (b - a), paired=True)),
        )
        for _, title, id_, a, b in biggest
    )
    numbers_of = Table(
        "Problems",
        ("B higher", "A higher", "equal"),
        tuple(counts),
        ("Number of problems on which B or A scored higher, or both scored the same.",),
        "compare-problems",
    )
    largest = Table(
        f"Largest changes, {len(body)} of {len(changes)}",
        ("A", "B", "B - A"),
        body,
        (
            "A problem is identified by the hash of its normalised text, as in the score records, and shown "
            "by the beginning of its text where lighteval's details are kept beside the scores.",
        ),
        "compare-changes",
    )
    return [numbers_of, *([largest] if body else [])]


def _texts(rows: Sequence[ResultRow], title: str) -> dict[str, str]:
    """Problem id -> how its text begins, from the first checkpoint that has the texts."""
    read = (questions.texts(item, title) for row in rows for item in row.evaluations if title in item.scores)
    first = next(filter(None, read), {})
    return {id_: f": {questions.short(text)}" for id_, text in first.items()}
