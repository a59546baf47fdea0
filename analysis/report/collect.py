"""Everything that the page shows, as plain data: nothing here knows of HTML."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any

from openrs.analysis import curves
from openrs.analysis.factors import names
from openrs.analysis.report import completions, summary, warnings
from openrs.analysis.report.provenance import Provenance
from openrs.analysis.rows import ResultRow, base_row, evaluations_of, result_rows
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
    for imported in (False, True):
        members = [run for run in runs if run.scores and run.imported == imported]
        for part in table1.parts(members) if members else []:
            rows = result_rows(part.evaluations)
            options = table1.Options(averaging="both" if imported else "raw")
            tables = table1.of_rows(rows, options, notes=part.notes)
            title = tables[0].title.replace("Table 1", f"Table {len(parts) + 1}")
            groups.append(rows)
            parts.append(_part(rows, [replace(tables[0], title=title), *tables[1:]], provenance))
    labels = names(runs)
    return {
        "title": f"openrs report: {outputs}",
        "parts": parts,
        "warnings": warnings.of_runs(runs, provenance.runs),
        "references": [_table(references.table(name)) for name in reference],
        "traces": _traces(runs),
        "logged": curves.LOGGED,
        "costs": [row for run in runs if (row := _cost(run, labels[run.id]))],
        "studies": [asdict(reader.facts(study)) for study in reader.every(outputs, storage)],
        "provenance": provenance.data(),
        "completions": completions.sample(groups, most),
    }


def _part(rows: list[ResultRow], tables: Sequence[Table], provenance: Provenance) -> dict[str, Any]:
    """One table with what belongs to it."""
    sources = {
        (row.label, title): [
            provenance.place(item.run, score)
            for item in row.evaluations
            for score in item.scores.get(title, [])
        ]
        for row in rows
        for title in row.cells
    }
    base = base_row(rows)
    evaluations = evaluations_of(rows)
    scores = curves.scores(evaluations).items()
    return {
        "table": _table(tables[0], sources),
        "differences": _table(tables[1], sources, base.label if base else "") if len(tables) > 1 else None,
        "summary": summary.sentences(tables, [row.trained for row in rows]),
        "warnings": warnings.of_rows(rows),
        "imported": all(item.run.imported for item in evaluations),
        "curves": {title: [_curve(curve) for curve in members] for title, members in scores},
    }


def _curve(curve: curves.ScoreCurve) -> dict[str, Any]:
    points = [[p.step, round(p.mean, 3), round(p.low, 3), round(p.high, 3)] for p in curve.points]
    return {"label": curve.label, "points": points}


def _table(
    table: Table, sources: dict[tuple[str, str], list[int]] | None = None, base: str = ""
) -> dict[str, Any]:
    """A table's values, each as the list of its fields that page/tables.js names, and then its sources."""
    benchmarks = [title for title in table.columns if not title.startswith("Avg.")]

    def cell(label: str, title: str, entry: Entry) -> list[Any] | None:
        if not isinstance(entry, Value):
            return None
        *fields, _digits = astuple(entry)
        fields[:3] = [None if number is None else round(number, 3) for number in fields[:3]]
        columns = benchmarks if title.startswith("Avg.") else [title]
        labels = [base, label] if base else [label]
        keys = [(name, column) for name in labels for column in columns]
        return [*fields, [place for key in keys for place in (sources or {}).get(key, [])]]

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


def _traces(runs: list[RunRecords]) -> dict[str, list[dict[str, Any]]]:
    return {
        key: [
            {"label": trace.label, "steps": steps, "values": values}
            for trace in members
            for steps, values in [thinned(trace.steps, trace.values)]
        ]
        for key, members in curves.traces(runs).items()
    }


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
