"""Table 1: rows of checkpoints, columns of benchmarks, each cell with its 95 % interval."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis import statistics
from analysis.records import Row, RunRecords, differences, rows
from openrs.mistake import Mistake
from openrs.scores import Score

BLANK = "–"
ORDER = ("AIME24", "MATH-500", "AMC23", "Minerva", "OlympiadBench")
"""The paper's order of columns; nano's stand-ins keep it."""


@dataclass(frozen=True)
class Value:
    """A cell in percent: estimate and 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} [{self.low:.1f}, {self.high:.1f}]"


@dataclass(frozen=True)
class Table:
    """A table ready to be written."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Value | None, ...]], ...]
    """Label and cells; None is a missing measurement."""
    caption: tuple[str, ...]


def value(scores: list[Score]) -> Value:
    """The cell of a benchmark: mean over sampling seeds, interval over problems."""
    outcomes = _outcomes(scores)
    if outcomes.shape[1] == 1 or not outcomes.mean(axis=1).std():
        low, high = statistics.wilson(float(outcomes.mean()) * len(outcomes), len(outcomes))
    else:
        low, high = statistics.clustered(outcomes)
    return Value(100 * float(outcomes.mean()), 100 * low, 100 * high)


def _outcomes(scores: list[Score]) -> np.ndarray:
    """Outcomes of one cell, shape (problems, seeds), problems matched by id."""
    columns = [dict(zip(score.ids, score.correct, strict=True)) for score in scores]
    return np.array([[column[key] for column in columns] for key in scores[0].ids], float)


def average(row: Row, titles: list[str]) -> Value | None:
    """The plain mean of all columns, or None where one is missing."""
    if any(title not in row.cells for title in titles):
        return None
    outcomes = [_outcomes(row.cells[title]) for title in titles]
    values = [float(item.mean()) for item in outcomes]
    errors = [statistics.error(item) for item in outcomes]
    low, high = statistics.mean_interval(values, errors)
    return Value(100 * sum(values) / len(values), 100 * low, 100 * high)


def _titles(made: list[Row]) -> list[str]:
    found = {title for row in made for title in row.cells}
    place = {name: index for index, name in enumerate(ORDER)}
    return sorted(found, key=lambda t: (place.get(t.removeprefix("nano-"), len(ORDER)), t))


def _role(row: Row) -> str:
    steps = row.run.config["report_step"], max(score.step for score in row.run.scores)
    roles = [word for word, step in zip(("reported", "last"), steps, strict=True) if row.step == step]
    return f"step {row.step}" + (f", {' and '.join(roles)}" if roles else "")


def _label(row: Row, told: dict[str, str], settings: dict[str, Any]) -> str:
    more = [told[row.run.id]] if told[row.run.id] else []
    more += [f"{key}={row.settings.get(key)}" for key in settings]
    more += [f"problem set {row.variant + 1}"] if row.variant else []
    suffix = f" ({', '.join(more)})" if more else ""
    if not row.trained:
        return f"{row.run.config['model']['title']}{suffix}"
    return f"{row.run.name}, {_role(row)}{suffix}"


def _differing_settings(made: list[Row]) -> dict[str, None]:
    keys = {key for row in made for key in row.settings}
    return {key: None for key in sorted(keys) if len({str(row.settings.get(key)) for row in made}) > 1}


def split(runs: list[RunRecords]) -> list[list[RunRecords]]:
    """Runs on nano's stand-ins and runs on real benchmarks apart, as no table may hold both."""
    nano = [run for run in runs if any(score.title.startswith("nano-") for score in run.scores)]
    real = [run for run in runs if run not in nano]
    return [group for group in (nano, real) if any(run.scores for run in group)] or [runs]


def table1(runs: list[RunRecords]) -> Table:
    """Base models and trained checkpoints in one table.

    Raises:
        Mistake: the runs have no scores, or measured both nano and real benchmarks.
    """
    made = [row for run in runs for row in rows(run)]
    if not made:
        raise Mistake("no scores: nothing was evaluated yet. Run with stages=[train,evaluate].")
    made.sort(key=lambda row: (row.trained, row.run.name, row.run.id, row.step))
    titles = _titles(made)
    if len({title.startswith("nano-") for title in titles}) > 1:
        raise Mistake(
            "nano and real benchmarks are in these runs and are never put in one table. Keep them in "
            "two outputs folders (outputs=PATH)."
        )
    told, settings = differences(runs), _differing_settings(made)
    body = []
    for row in made:
        cells = [value(row.cells[t]) if t in row.cells else None for t in titles]
        body.append((_label(row, told, settings), (*cells, average(row, titles))))
    return Table(
        title="Table 1: zero-shot pass@1, percent, with 95 % intervals",
        columns=(*titles, "Avg."),
        rows=tuple(body),
        caption=tuple(_caption(made, titles)),
    )


def _caption(made: list[Row], titles: list[str]) -> list[str]:
    first = made[0]
    cells = {title: [row.cells[title] for row in made if title in row.cells] for title in titles}
    sizes = ", ".join(f"{t} {'/'.join(map(str, sorted({c[0].n for c in cells[t]})))}" for t in titles)
    seeds = sorted({tuple(s.seed for s in scores) for items in cells.values() for scores in items})
    several = any(len(group) > 1 for group in seeds)
    scales = sorted({row.run.config["scale"]["name"] for row in made})
    how = "Wilson (one seed) or bootstrap over problems (several)" if several else "Wilson"
    lines = [
        f"Measured here; scale {'/'.join(scales)}; problems: {sizes}.",
        f"Sampling seeds: {', '.join(_span(group) for group in seeds)}; temperature "
        f"{first.settings['temperature']}, top_p {first.settings['top_p']}, at most "
        f"{first.settings['max_new_tokens']} new tokens, {first.settings['engine']} in "
        f"{first.settings['dtype']}.",
        f"Cells: mean over seeds, {how} interval; Avg.: plain mean of the columns, normal interval "
        "over problems (training seeds are not in it).",
        "Checkpoints: `reported` is the step that the paper reports, `last` the last one evaluated; "
        "none was chosen by its score.",
    ]
    if any(title.startswith("nano-") for title in titles):
        lines.append(
            "nano-X stands in the place of X: procedural problems, not comparable with any published number."
        )
    timeouts = sum(sum(s.timed_out) for items in cells.values() for scores in items for s in scores)
    if timeouts:
        lines.append(f"{timeouts} answers could not be verified in time and count as wrong.")
    return lines


def _span(seeds: tuple[int, ...]) -> str:
    return f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"**{table.title}**", ""]
    lines.append(f"| | {' | '.join(table.columns)} |")
    lines.append(f"|---|{'---|' * len(table.columns)}")
    for label, cells in table.rows:
        lines.append(f"| {label} | {' | '.join(BLANK if c is None else str(c) for c in cells)} |")
    return "\n".join([*lines, "", *table.caption]) + "\n"


def latex(table: Table) -> str:
    """A booktabs table."""

    special = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}

    def escape(text: str) -> str:
        marked = (f"\\{c}" if c in "&%$#_{}" else special.get(c, c) for c in text)
        return "".join(marked).replace(BLANK, "--")

    body = [
        f"{escape(label)} & "
        + " & ".join(
            "--" if c is None else f"{c.mean:.1f} {{\\scriptsize [{c.low:.1f}, {c.high:.1f}]}}" for c in cells
        )
        + r" \\"
        for label, cells in table.rows
    ]
    caption = escape(" ".join((f"{table.title.split(': ', 1)[-1]}.", *table.caption)))
    lines = [
        r"\begin{table}",
        f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        f" & {' & '.join(escape(column) for column in table.columns)} \\\\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        f"\\caption{{{caption}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def comma_separated(table: Table) -> str:
    """CSV: three columns a benchmark (mean, low, high), blank where nothing was measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", *(f"{c}{part}" for c in table.columns for part in ("", " low", " high"))])
    for label, cells in table.rows:
        numbers: list[str] = []
        for cell in cells:
            numbers += (
                ["", "", ""]
                if cell is None
                else [f"{number:.4f}" for number in (cell.mean, cell.low, cell.high)]
            )
        writer.writerow([label, *numbers])
    return text.getvalue()


def as_json(table: Table) -> str:
    """JSON with the caption."""
    body = [
        {
            "row": label,
            **{
                column: None if cell is None else vars(cell)
                for column, cell in zip(table.columns, cells, strict=True)
            },
        }
        for label, cells in table.rows
    ]
    return json.dumps({"title": table.title, "rows": body, "caption": table.caption}, indent=1) + "\n"


FORMATS: dict[str, Callable[[Table], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "tex": latex,
    "json": as_json,
}


def write(table: Table, path: Path) -> list[Path]:
    """Writes Markdown, CSV and LaTeX beside each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for suffix in ("md", "csv", "tex"):
        file = path.with_suffix(f".{suffix}")
        partial = file.with_suffix(f".{suffix}.partial")
        partial.write_text(FORMATS[suffix](table), encoding="utf-8")
        partial.replace(file)
        written.append(file)
    return written
