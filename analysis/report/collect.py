"""Everything that the page shows, as plain data: nothing here knows of HTML."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openrs.analysis import curves
from openrs.analysis.arms import Arms, Block, arms, blocks, drawn_column, limits
from openrs.analysis.factors import names, replicates, short_names, sort_keys
from openrs.analysis.report import completions, summary, unmatched, warnings
from openrs.analysis.report.overview import overview
from openrs.analysis.report.provenance import Provenance
from openrs.analysis.rows import ResultRow, evaluations_of, result_rows, titles
from openrs.analysis.run_records import RunRecords
from openrs.analysis.tables import costs, references, table1
from openrs.analysis.tables.table import Entry, Table, Value
from openrs.errors import Mistake

POINTS = 150
"""Values of a logged trace at most: a longer one is averaged over as many equal parts."""


def collect(
    runs: list[RunRecords],
    outputs: Path,
    most: int = completions.MOST,
    reference: Sequence[str] = (),
    storage: str | None = None,
) -> dict[str, Any]:
    """The report's data.

    Args:
        runs: measured and imported ones.
        outputs: where sweeps are looked for.
        most: completions in the viewer.
        reference: published tables to lay beside, by name.
        storage: where other sweeps are stored.

    Raises:
        Mistake: there is nothing to report.
    """
    from openrs.studies import reader  # Optuna

    if not any(run.scores for run in runs):
        raise Mistake(
            f"{outputs}: holds no scores, so there is nothing to report. Run openrs with "
            "stages=[train,evaluate] first, or import results."
        )
    provenance = Provenance(runs)
    parts: list[dict[str, Any]] = []
    groups: list[list[ResultRow]] = []
    studies = [reader.facts(study) for study in reader.every(outputs, storage)]
    recipes = _Recipes(runs)
    first: Arms | None = None
    for imported in (False, True):
        members = [run for run in runs if run.scores and run.imported == imported]
        for part in table1.parts(members) if members else []:
            rows = result_rows(part.evaluations)
            options = table1.Options(averaging="both" if imported else "raw")
            groups.append(rows)
            study = arms(rows)
            first = first or study
            parts.append(_part(rows, study, options, part.notes, provenance, recipes))
            for key in ("recipes", "table"):
                parts[-1][key]["title"] = parts[-1][key]["title"].replace("Table 1", f"Table {len(parts)}")
    labels = names(runs)
    return {
        "title": f"openrs report: {outputs}",
        "study": overview(first, provenance.runs, studies, datetime.now(UTC).date().isoformat())
        if first
        else None,
        "recipes": recipes.labels,
        "parts": parts,
        "warnings": warnings.of_runs(runs, provenance.runs),
        "references": [_table(references.table(name)) for name in reference],
        "traces": _traces(runs, recipes),
        "costs": sorted(
            (row for run in runs if (row := _cost(run, labels[run.id]))), key=lambda row: row["run"]
        ),
        "studies": [asdict(study) for study in studies],
        "provenance": provenance.data(),
        "completions": completions.sample(groups, most),
    }


class _Recipes:
    """The recipes of the page, each with one place, which is its colour in every plot."""

    def __init__(self, runs: Sequence[RunRecords]) -> None:
        trained = [run for run in runs if run.imported or any(score.step for score in run.scores)]
        ids, texts, keys = replicates(trained), short_names(trained, seeds=False), sort_keys(trained)
        ordered = sorted(trained, key=lambda run: (run.name, keys[run.id]))
        labels: dict[str, list[str]] = defaultdict(list)
        for run in ordered:
            labels[ids[run.id]].append(texts[run.id])
        colours = {id_: colour for colour, id_ in enumerate(labels)}
        self.labels = ["/".join(dict.fromkeys(own)) for own in labels.values()]  # as in tables
        self._places = {run.id: colours[ids[run.id]] for run in trained}

    def place(self, run: str) -> int:
        """The place of a run's recipe; that of a run that was not evaluated comes after all others."""
        return self._places.setdefault(run, len(self.labels))


def _part(
    rows: list[ResultRow],
    study: Arms,
    options: table1.Options,
    notes: Sequence[str],
    provenance: Provenance,
    recipes: _Recipes,
) -> dict[str, Any]:
    """One group of rows that may share a table: its arms, all its checkpoints, and its curves."""
    arm_rows, shown = study.rows, titles(study.rows)
    checkpoint = [f"Checkpoint of each run: {study.checkpoint}. No score selected it."] if study.means else []
    differences = blocks(study, shown)
    evaluations = evaluations_of(rows)
    return {
        "recipes": _table(
            table1.scores(arm_rows, options, notes=(*checkpoint, *notes)),
            _sources({row.label: (row,) for row in arm_rows}, provenance),
        ),
        "table": _table(
            table1.scores(rows, options, notes=notes),
            _sources({row.label: (row,) for row in rows}, provenance),
        ),
        "blocks": [_block(block, provenance) for block in differences],
        "summary": summary.sentences(
            arm_rows, shown, [block.table for block in differences if block.to_base]
        ),
        "warnings": [*warnings.of_rows(rows), *unmatched.of_rows(rows)],
        "imported": all(item.run.imported for item in evaluations),
        "panels": [
            {
                "title": panel.title,
                "bases": [[label, round(level, 3)] for label, level in panel.bases],
                "curves": [_curve(curve, recipes) for curve in panel.curves],
            }
            for panel in curves.panels(rows)
        ],
    }


def _block(block: Block, provenance: Provenance) -> dict[str, Any]:
    """Differences of one kind: a table, and the column that a forest shows of it."""
    table, column = block.table, drawn_column(block.table)
    drawn = [cells[column] for _, cells in table.rows]
    of_average = column == len(table.columns) - 1
    return {
        "title": block.title if of_average else f"{block.title}, {table.columns[column]}",
        "runs": block.runs,
        "column": column,
        "limits": limits([entry for entry in drawn if isinstance(entry, Value)]),
        "table": _table(table, _sources(block.pairs, provenance)),
    }


def _sources(
    rows: Mapping[str, Sequence[ResultRow]], provenance: Provenance
) -> dict[tuple[str, str], list[int]]:
    """Label and benchmark -> the places of the score records behind the cell, of each row that it is of."""
    return {
        (label, title): [
            provenance.place(item.run, score)
            for row in members
            for item in row.evaluations
            for score in item.scores.get(title, [])
        ]
        for label, members in rows.items()
        for title in members[-1].cells
    }


def _curve(curve: curves.ScoreCurve, recipes: _Recipes) -> dict[str, Any]:
    points = [
        [p.step, *(None if number is None else round(number, 3) for number in (p.mean, p.low, p.high))]
        for p in curve.points
    ]
    return {
        "label": curve.label,
        "recipe": recipes.place(curve.runs[0]),
        "single": curve.single,
        "reported": curve.reported,
        "points": points,
    }


def _table(table: Table, sources: dict[tuple[str, str], list[int]] | None = None) -> dict[str, Any]:
    """A table's values, each as the list of its fields that page/tables.js names, and then its sources."""
    benchmarks = [title for title in table.columns if not title.startswith("Avg.")]

    def cell(label: str, title: str, entry: Entry) -> list[Any] | None:
        if not isinstance(entry, Value):
            return None
        *fields, _digits = astuple(entry)
        fields[:3] = [None if number is None else round(number, 3) for number in fields[:3]]
        columns = benchmarks if title.startswith("Avg.") else [title]
        return [*fields, [place for column in columns for place in (sources or {}).get((label, column), [])]]

    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [
            {
                "label": label,
                "cells": [cell(label, t, e) for t, e in zip(table.columns, entries, strict=True)],
            }
            for label, entries in table.rows
        ],
        "caption": list(table.caption),
    }


def _traces(runs: list[RunRecords], recipes: _Recipes) -> list[dict[str, Any]]:
    """A plot each: those of different rewards are apart, as another reward has other units."""
    plots = []
    for key, members in curves.traces(runs).items():
        groups = curves.apart(members)
        for reward, own in groups.items():
            title = f"{curves.LOGGED[key]}, reward: {reward}" if len(groups) > 1 else curves.LOGGED[key]
            lines = [_trace(line, recipes.place(line.run), True) for line in own]
            for mean in curves.means(own):
                ids = [line.run for line in own if line.recipe == mean.recipe]
                if len(ids) > 1:
                    values = curves.smoothed(mean.values, curves.window_for(len(mean.steps)))
                    smooth = replace(mean, values=tuple(values))
                    lines.append(_trace(smooth, recipes.place(ids[0]), False))
                else:
                    lines[[line.run for line in own].index(ids[0])]["single"] = False
            plots.append({"title": title, "lines": lines})
    return plots


def _trace(trace: curves.Trace, place: int, single: bool) -> dict[str, Any]:
    steps, values = thinned(trace.steps, trace.values)
    return {"label": trace.label, "recipe": place, "single": single, "steps": steps, "values": values}


def thinned(steps: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]]:
    """At most POINTS values, each the mean of the steps that it stands for, at the last of them."""
    size = -(-len(steps) // POINTS)
    starts = range(0, len(steps), size)
    return (
        [steps[min(start + size, len(steps)) - 1] for start in starts],
        [float(f"{sum(part) / len(part):.5g}") for s in starts for part in [values[s : s + size]]],
    )


def _cost(run: RunRecords, label: str) -> dict[str, Any] | None:
    spent = costs.training(run)
    if spent is None:
        return None
    return {
        "run": label,
        "hours": spent.device_hours,
        "dollars": spent.dollars,
        "source": spent.source,
        "hardware": str(run.config.get("hardware", {}).get("name", "not stated")),
        "evaluation": sum(score.seconds for score in run.scores) / 3600,
    }
