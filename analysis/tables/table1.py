"""Table 1: rows of checkpoints, columns of benchmarks, each cell with its 95 % interval.

Under it stand the differences to the base model, as a table of their own: a reader sees without a
request what noise could explain.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from openrs.analysis import mixing
from openrs.analysis.cells import AVERAGE, Metric
from openrs.analysis.rows import ResultRow, beside_base, evaluations_of, result_rows, titles
from openrs.analysis.run_records import Evaluation, RunRecords, evaluations, say_looks
from openrs.analysis.tables import captions, comparisons, sequential
from openrs.analysis.tables.selection import CheckpointSelection, warnings
from openrs.analysis.tables.table import Table
from openrs.analysis.tables.values import score_body
from openrs.errors import Mistake

Averaging = Literal["raw", "rounded", "both"]


@dataclass(frozen=True)
class Options:
    """Options of Table 1."""

    metric: Metric = AVERAGE
    averaging: Averaging = "raw"
    """Average the cells, or the cells as printed (rounded to one decimal, which is the paper's rule)."""
    mixed: Collection[str] = field(default_factory=frozenset)
    """Traits in which rows may differ."""
    selection: CheckpointSelection | None = None
    """The selection of checkpoints; None shows all."""
    runs: bool = False
    """Whether runs of a recipe have rows beside their mean."""


DEFAULT = Options()


@dataclass(frozen=True)
class Part:
    """Evaluations that may share a table."""

    evaluations: tuple[Evaluation, ...]
    notes: tuple[str, ...] = ()
    """Why others are not among them."""


def everything(runs: Sequence[RunRecords], options: Options = DEFAULT) -> list[Table]:
    """Table 1 and its differences to the base model; rows that may not share a table have their own, and so
    have comparisons in looks.

    Raises:
        Mistake: no scores, or a selection of checkpoints that cannot be made.
    """
    tables: list[Table] = []
    in_looks = sequential.tables(runs) if options.metric == AVERAGE else []
    for place, part in enumerate(parts(runs, options.mixed) if _measured(runs) or not in_looks else []):
        members, columns, notes = select(part, options)
        selected = options.selection is not None
        rows = result_rows(members, options.metric, tuple(options.mixed), selected, runs=options.runs)
        tables += of_rows(rows, options, f"table1-{place + 1}" if place else "table1", columns, notes)
    return tables + in_looks


def _measured(runs: Sequence[RunRecords]) -> bool:
    """Whether there are scores of whole benchmarks."""
    return any(run.scores for run in runs)


def select(part: Part, options: Options) -> tuple[Sequence[Evaluation], list[str] | None, tuple[str, ...]]:
    """The evaluations of a part that are shown, the benchmarks shown (None: all), and the caption's notes."""
    if options.selection is None:
        return part.evaluations, None, part.notes
    members, columns, notes = options.selection.apply(part.evaluations)
    return members, columns, (*notes, *part.notes)


def split(runs: Sequence[RunRecords]) -> list[list[RunRecords]]:
    """Runs on nano's stand-ins and runs on real benchmarks apart, as no table may hold both."""
    nano = [run for run in runs if any(score.title.startswith("nano-") for score in run.scores)]
    real = [run for run in runs if run not in nano]
    return [group for group in (nano, real) if any(run.scores for run in group)]


def parts(runs: Sequence[RunRecords], mixed: Collection[str] = ()) -> list[Part]:
    """All evaluations, put together as far as they may be compared.

    Args:
        mixed: traits in which rows of a table may differ.

    Raises:
        Mistake: no scores.
    """
    whole = []
    for group in split(runs):
        members = sorted(
            (item for run in group for item in evaluations(run)),
            key=lambda item: (item.trained, item.run.name, item.run.id, item.step),
        )
        apart = mixing.groups(members, mixed)
        whole += [Part(tuple(members), _notes(apart, members)) for members in apart]
    if not whole:
        for run in runs:
            say_looks(run)
        raise Mistake("no scores: nothing was evaluated yet. Run openrs with stages=[train,evaluate].")
    return whole


def _notes(apart: list[list[Evaluation]], members: list[Evaluation]) -> tuple[str, ...]:
    """Says why a table does not hold all rows."""
    if len(apart) == 1:
        return ()
    other = next(group for group in apart if group is not members)
    traits = next(c for first in members for second in other if (c := mixing.conflict(first, second)))
    what = "; ".join(mixing.TRAITS[trait] for trait in traits)
    return (
        f"Rows that differ in {what} have a table of their own, because their numbers are not comparable "
        f"(--mixed {','.join(sorted(traits))} puts them into one table).",
    )


def of_rows(
    rows: list[ResultRow],
    options: Options = DEFAULT,
    name: str = "table1",
    columns: Collection[str] | None = None,
    notes: Sequence[str] = (),
) -> list[Table]:
    """The table of these rows and, where base models are among them, the differences of their runs to each.

    Args:
        columns: benchmarks that are shown; all where None.
        notes: what ends the caption.

    Raises:
        Mistake: no row has the metric.
    """
    pairs = beside_base(rows)
    table = scores(rows, options, name, columns, [*_without_base(rows, pairs), *notes])
    shown = [title for title in titles(rows) if title in table.columns]
    return [
        table,
        *(
            comparisons.table(
                base, others, shown, options.metric, f"{name}-differences{f'-{place}' if place > 1 else ''}"
            )
            for place, (base, others) in enumerate(pairs, 1)
        ),
    ]


def _without_base(rows: Sequence[ResultRow], pairs: Sequence[tuple[ResultRow, list[ResultRow]]]) -> list[str]:
    """Names the trained rows that have no difference, because the only base models are of other weights."""
    beside = {id(row) for _, others in pairs for row in others}
    alone = [row.label for row in rows if row.trained and id(row) not in beside]
    if not alone or all(row.trained for row in rows):
        return []
    return [
        f"No difference is shown for {'; '.join(alone)}: its base model has no row. Evaluate that with "
        "openrs experiment=base and the same model=..."
    ]


def scores(
    rows: list[ResultRow],
    options: Options = DEFAULT,
    name: str = "table1",
    columns: Collection[str] | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """The table of these rows alone; as `of_rows`."""
    shown = [title for title in titles(rows) if columns is None or title in columns]
    if not shown:
        raise Mistake(
            f"metric={options.metric.name}: no score here has it. Imported scores without outcomes have "
            "avg only."
        )
    rules = ("rounded", "raw") if options.averaging == "both" else (options.averaging,)
    return Table(
        title=f"Table 1: {_title(rows, options.metric)}, with 95 % intervals",
        columns=(*shown, "Avg.", *(["Avg. (raw)"] if len(rules) > 1 else [])),
        rows=score_body(rows, shown, options.metric, rules),
        caption=(*_caption(rows, shown, options, rules), *notes),
        name=name,
        origins=tuple(row.origin for row in rows),
    )


def _title(rows: Sequence[ResultRow], metric: Metric) -> str:
    """What the cells are: "zero-shot pass@1, percent"."""
    items = evaluations_of(rows)
    shots = sorted({item.settings.get("few_shots", 0) for item in items} or {0})
    ks = sorted({item.settings.get("pass_k", 1) for item in items} or {1})
    title = metric.title
    if metric == AVERAGE:
        title = title.replace("pass@1", " and ".join(f"pass@{k}" for k in ks))
    return f"{' and '.join(f'{n}-shot' if n else 'zero-shot' for n in shots)} {title}"


def _caption(
    rows: Sequence[ResultRow], columns: Sequence[str], options: Options, rules: Sequence[str]
) -> list[str]:
    lines = captions.of_scores(rows, columns, options.metric, marked=True, mixed=options.mixed)
    if options.selection is None and any(item.stepped for item in evaluations_of(rows)):
        lines.insert(1, _row(rows))
    if captions.too_few(rows, columns):
        return lines
    lines.append(_averages(rules, len(columns) > 1))
    if options.selection is None and options.metric == AVERAGE:
        lines += warnings(rows, columns)
    if options.selection is None and not all(item.run.imported for item in evaluations_of(rows)):
        lines.append(
            "`reported` is the step that the paper reports, `last` is the last evaluated step. No checkpoint "
            "was selected by its score."
        )
    return lines


def _row(rows: Sequence[ResultRow]) -> str:
    """What a row is, as the comparison that ends a sweep says it of its own."""
    several = any(row.mean_of_runs for row in rows)
    mean = ", the mean over its runs where it has several" if several else ""
    return f"A row is a recipe at one evaluated step{mean}."


def _averages(rules: Sequence[str], several: bool) -> str:
    raw = "is the mean of the unrounded columns."
    texts = {
        "rounded": "Avg. is the mean of the columns as printed, each rounded to one decimal first (the "
        "paper's rule).",
        "raw": f"Avg. (raw) {raw}" if len(rules) > 1 else f"Avg. {raw}",
    }
    interval = "The interval of a single run's is normal over problems and leaves out training seeds."
    interval = interval if several else "Of one column it has that column's interval."
    return " ".join([*(texts[rule] for rule in rules), interval])
