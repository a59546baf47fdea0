"""Table 1: rows of checkpoints, columns of benchmarks, each cell with its 95 % interval.

Under it stand the differences to the base model, as a table of their own: what noise could have made is
said without being asked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from openrs.analysis import baseline, mixing
from openrs.analysis.cells import AVERAGE, Measured, Metric
from openrs.analysis.lines import Line, lines, rows_of, titles
from openrs.analysis.records import Row, RunRecords, rows
from openrs.analysis.statistics import intervals
from openrs.analysis.tables import comparisons
from openrs.analysis.tables.captions import MARKED, OVER_RUNS, measured_how, nano_note, span
from openrs.analysis.tables.choice import Choice
from openrs.analysis.tables.table import Table, Value, bound
from openrs.errors import Mistake

Averaging = Literal["raw", "rounded", "both"]


@dataclass(frozen=True)
class Options:
    """How Table 1 is made."""

    metric: Metric = AVERAGE
    averaging: Averaging = "raw"
    """Average the cells, or the cells as printed (rounded to one decimal, which is the paper's rule)."""
    mixed: Collection[str] = field(default_factory=frozenset)
    """Traits in which rows may differ."""
    choice: Choice | None = None
    """Which checkpoints are shown; all where None."""


DEFAULT = Options()


def split(runs: list[RunRecords]) -> list[list[RunRecords]]:
    """Runs on nano's stand-ins and runs on real benchmarks apart, as no table may hold both."""
    nano = [run for run in runs if any(score.title.startswith("nano-") for score in run.scores)]
    real = [run for run in runs if run not in nano]
    return [group for group in (nano, real) if any(run.scores for run in group)] or [runs]


def table1(runs: list[RunRecords], options: Options = DEFAULT) -> Table:
    """Base models and trained checkpoints in one table.

    Raises:
        Mistake: the runs have no scores, measured both nano and real benchmarks, or differ in how they
            were measured.
    """
    made = _rows(runs)
    kinds = {score.title.startswith("nano-") for run in runs for score in run.scores}
    if len(kinds) > 1:
        raise Mistake(
            "these runs have scores on nano and on real benchmarks, which are never put in one table. Keep "
            "them in two outputs folders (outputs=PATH)."
        )
    mixing.refuse(made, options.mixed)
    return _table(made, options, "table1")[0]


def everything(runs: list[RunRecords], options: Options = DEFAULT) -> list[Table]:
    """Table 1 and its differences to the base model; rows that may not share a table have their own.

    Raises:
        Mistake: no scores, or a choice of checkpoints that cannot be made.
    """
    return [
        table
        for place, part in enumerate(parts(runs, options.mixed))
        for table in _part(part, options, f"table1-{place + 1}" if place else "table1")
    ]


@dataclass(frozen=True)
class Part:
    """Rows that may share a table."""

    rows: tuple[Row, ...]
    apart: str
    """Why other rows are not among them; "" where there are none."""


def parts(runs: list[RunRecords], mixed: Collection[str] = ()) -> list[Part]:
    """All rows, put together as far as they may be compared.

    Args:
        mixed: traits in which rows of a table may differ.

    Raises:
        Mistake: no scores.
    """
    made = []
    for group in split(runs):
        apart = mixing.groups(_rows(group), mixed)
        told = [_told(apart, members) if len(apart) > 1 else "" for members in apart]
        made += [Part(tuple(members), line) for members, line in zip(apart, told, strict=True)]
    return made


def _part(part: Part, options: Options, name: str) -> list[Table]:
    made = _table(list(part.rows), options, name)
    return [told(made[0], part), *made[1:]]


def told(table: Table, part: Part) -> Table:
    """The table with what its part of the rows leaves out."""
    caption = (*table.caption, part.apart) if part.apart else table.caption
    return replace(table, caption=caption)


def _told(apart: list[list[Row]], members: list[Row]) -> str:
    """Says why a table does not hold all rows."""
    other = next(group for group in apart if group is not members)
    found = next(f for mine in members for row in other if (f := mixing.conflict(mine, row)))
    what = "; ".join(mixing.TRAITS[trait] for trait in found)
    return (
        f"Rows that differ in {what} have a table of their own, because their numbers are not comparable "
        f"(--mixed {','.join(sorted(found))} puts them into one table)."
    )


def _rows(runs: list[RunRecords]) -> list[Row]:
    made = [row for run in runs for row in rows(run)]
    if not made:
        raise Mistake("no scores: nothing was evaluated yet. Run openrs with stages=[train,evaluate].")
    return sorted(made, key=lambda row: (row.trained, row.run.name, row.run.id, row.step))


def _table(members: list[Row], options: Options, name: str) -> list[Table]:
    """Table 1 of rows that may share one, and its differences."""
    chosen: tuple[str, ...] = ()
    columns = None
    if options.choice is not None:
        members, columns, chosen = options.choice.apply(members)
    made = lines(members, options.metric, tuple(options.mixed), options.choice is not None)
    return of_lines(made, options, name, columns, chosen)


def of_lines(
    made: list[Line],
    options: Options = DEFAULT,
    name: str = "table1",
    columns: Collection[str] | None = None,
    chosen: tuple[str, ...] = (),
) -> list[Table]:
    """The table of these lines and, where a base model is among them, the differences to it.

    Args:
        columns: benchmarks that are shown; all where None.
        chosen: what the caption says of how checkpoints were chosen.

    Raises:
        Mistake: no line has the metric.
    """
    shown = [title for title in titles(made) if columns is None or title in columns]
    if not shown:
        raise Mistake(
            f"metric={options.metric.name}: no score here has it. Imported scores without outcomes have "
            "avg only."
        )
    marks = {title: comparisons.marks(made, [title]) for title in shown}
    overall = comparisons.marks(made, shown)
    rules = ("rounded", "raw") if options.averaging == "both" else (options.averaging,)
    body = []
    for i, line in enumerate(made):
        cells = [value(line.cells.get(t), options.metric, marks[t].get(i, "")) for t in shown]
        totals = [
            average(line, shown, options.metric, rule == "rounded", overall.get(i, "")) for rule in rules
        ]
        body.append((line.label, (*cells, *totals)))
    names = (
        {"raw": "Avg.", "rounded": "Avg."} if len(rules) == 1 else {"rounded": "Avg.", "raw": "Avg. (raw)"}
    )
    first = Table(
        title=f"Table 1: zero-shot {options.metric.title}, with 95 % intervals",
        columns=(*shown, *(names[rule] for rule in rules)),
        rows=tuple(body),
        caption=(*_caption(made, shown, options, rules), *chosen),
        name=name,
        origins=tuple(line.origin for line in made),
    )
    base = baseline.of_lines(made)
    others = [line for line in made if line is not base]
    if base is None or not others:
        return [first]
    return [
        first,
        comparisons.table(base, others, shown, options.metric.unit, f"{name}-differences"),
    ]


def value(cell: Measured | None, metric: Metric = AVERAGE, mark: str = "") -> Value | None:
    """A measured cell as shown."""
    if cell is None:
        return None
    unit = metric.unit
    return Value(
        mean=unit * cell.value,
        low=bound(cell.interval.low, unit),
        high=bound(cell.interval.high, unit),
        kind=cell.interval.kind,
        n=cell.n,
        k=cell.k,
        seeds=span(cell.seeds),
        mark=mark,
    )


def average(
    line: Line, columns: Sequence[str], metric: Metric, rounded: bool, mark: str = ""
) -> Value | None:
    """The plain mean of all columns, or None where one is missing.

    Args:
        rounded: average the cells as printed, to one decimal, and round halves up: the paper's rule.
    """
    if any(title not in line.cells for title in columns):
        return None
    cells = [line.cells[title] for title in columns]
    values, unit = [cell.value for cell in cells], metric.unit
    if line.mean_of_runs and all(cell.runs for cell in cells):
        per_run = [[float(run.mean()) for run in cell.runs] for cell in cells]
        bounds = intervals.of_runs(
            [sum(run) / len(run) for run in zip(*per_run, strict=True)],
            cells[0].bounded,
            1 / (len(cells) * cells[0].n * cells[0].k) if cells[0].bounded else 0.0,
        )
    else:
        bounds = intervals.of_average(values, [cell.error for cell in cells], cells[0].bounded)
    middle = unit * sum(values) / len(values)
    if rounded:
        middle = sum(printed(unit * number) for number in values) / len(values)
    return Value(middle, bound(bounds.low, unit), bound(bounds.high, unit), bounds.kind, mark=mark)


def printed(number: float) -> float:
    """A number as a table prints it: one decimal, halves up."""
    exact = Decimal(repr(round(number, 9)))
    return float(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))


def _caption(made: list[Line], columns: list[str], options: Options, rules: Sequence[str]) -> list[str]:
    rows = rows_of(made)
    imported = all(row.run.imported for row in rows)
    kinds = sorted({line.cells[t].interval.kind for line in made for t in columns if t in line.cells})
    runs = any(line.mean_of_runs for line in made)
    lines_ = [
        *measured_how(made, columns),
        f"A cell is the mean over sampling seeds with its 95 % interval ({', '.join(kinds)}). "
        + _averages(options, rules, runs),
    ]
    if runs:
        lines_.append(f"{OVER_RUNS} Training seeds and sampling seeds are never pooled.")
    best = [line.label for line in made if not line.mean_of_runs]
    if len(best) > 1:
        lines_.append(MARKED)
    lines_.append(comparisons.detectable(made, columns, options.metric.unit))
    if options.choice is None and not imported:
        lines_.append(
            "`reported` is the step that the paper reports, `last` is the last evaluated step. No checkpoint "
            "was selected by its score."
        )
    lines_ += nano_note(columns)
    if mixed := {t: v for t, v in mixing.differing(rows).items() if t in options.mixed}:
        told = "; ".join(f"{mixing.TRAITS[trait]} ({' | '.join(values)})" for trait, values in mixed.items())
        lines_.append(
            f"Mixed by --mixed: rows differ in {told}. A difference between them may come from that alone."
        )
    timeouts = sum(sum(s.timed_out) for row in rows for scores in row.cells.values() for s in scores)
    if timeouts:
        lines_.append(f"{timeouts} answers could not be verified in time and count as wrong.")
    return lines_


def _averages(options: Options, rules: Sequence[str], runs: bool) -> str:
    rounded = (
        "Avg. is the mean of the columns as printed, each rounded to one decimal first (the paper's rule)."
    )
    raw = "is the mean of the unrounded columns."
    how = "Its interval is normal over problems and leaves out the spread between training seeds"
    how += (
        "; of a mean of training runs with known outcomes it is Student's t over the runs." if runs else "."
    )
    if len(rules) == 2:
        return f"{rounded} Avg. (raw) {raw} {how}"
    return f"{rounded if rules[0] == 'rounded' else f'Avg. {raw}'} {how}"
