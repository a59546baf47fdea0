"""Everything that the page shows, as plain data: nothing here knows of HTML."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from openrs.analysis import baseline, costs, curves
from openrs.analysis.lines import Line, lines, rows_of
from openrs.analysis.records import RunRecords
from openrs.analysis.report import completions, summary, warnings
from openrs.analysis.report.provenance import Provenance
from openrs.analysis.tables import references, table1
from openrs.analysis.tables.table import Cell, Table, Value
from openrs.errors import Mistake

POINTS = 150
"""Values kept of a logged trace: a longer one is averaged over as many equal parts."""


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
        storage: where sweeps are kept besides.

    Raises:
        Mistake: there is nothing to report.
    """
    from openrs.studies import reader  # Optuna

    if not any(run.scores for run in runs):
        raise Mistake(
            f"{outputs}: holds no scores, so there is nothing to report. Run openrs with "
            "stages=[train,evaluate] first, or import results."
        )
    sources = Provenance(runs)
    parts: list[dict[str, Any]] = []
    groups: list[list[Line]] = []
    scored = [run for imported in (False, True) for run in runs if run.scores and run.imported == imported]
    for imported in (False, True):
        members = [run for run in scored if run.imported == imported]
        for part in table1.parts(members) if members else []:
            made = lines(part.rows)
            options = table1.Options(averaging="both" if imported else "raw")
            found = table1.of_lines(made, options, f"table1-{len(parts) + 1}")
            title = found[0].title.replace("Table 1", f"Table {len(parts) + 1}")
            found[0] = replace(table1.told(found[0], part), title=title)
            groups.append(made)
            parts.append(_part(made, found, sources))
    labels = curves.names(runs)
    return {
        "title": f"openrs report: {outputs}",
        "parts": parts,
        "warnings": warnings.of_runs(runs, sources.runs),
        "references": [_table(references.table(name)) for name in reference],
        "traces": _traces(runs),
        "logged": curves.LOGGED,
        "costs": [row for run in runs if (row := _cost(run, labels[run.id]))],
        "studies": [asdict(reader.facts(study)) for study in reader.every(outputs, storage)],
        "provenance": sources.data(),
        "completions": completions.sample(groups, most).data(),
    }


def _part(made: list[Line], found: Sequence[Table], sources: Provenance) -> dict[str, Any]:
    """One table with what belongs to it."""
    at = {
        (line.label, title): [
            sources.place(row.run, score) for row in line.rows for score in row.cells.get(title, [])
        ]
        for line in made
        for title in line.cells
    }
    base = baseline.of_lines(made)
    first = _table(found[0], at)
    rows = rows_of(made)
    return {
        "table": first,
        "differences": _table(found[1], at, base.label if base else "") if len(found) > 1 else None,
        "summary": summary.sentences(found, [line.trained for line in made]),
        "warnings": warnings.of_lines(made),
        "imported": all(row.run.imported for row in rows),
        "curves": {
            title: [
                {
                    "label": curve.label,
                    "points": [[p.step, _short(p.mean), _short(p.low), _short(p.high)] for p in curve.points],
                }
                for curve in found_
            ]
            for title, found_ in curves.scores(rows).items()
        },
    }


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def _table(
    table: Table, at: dict[tuple[str, str], list[int]] | None = None, base: str = ""
) -> dict[str, Any]:
    """A table's cells as [mean, low, high, how, n, k, seeds, p, mark, paired, std, sources]."""
    benchmarks = [title for title in table.columns if not title.startswith("Avg.")]

    def cell(label: str, title: str, value: Cell) -> list[Any] | None:
        if not isinstance(value, Value):
            return None
        named = benchmarks if title.startswith("Avg.") else [title]
        rows = [base, label] if base else [label]
        places = [place for row in rows for name in named for place in (at or {}).get((row, name), [])]
        return [
            *(_short(value.mean), _short(value.low), _short(value.high), value.kind, value.n, value.k),
            *(value.seeds, value.p, value.mark, value.paired, value.std, places),
        ]

    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [
            {"label": label, "cells": [cell(label, t, v) for t, v in zip(table.columns, cells, strict=True)]}
            for label, cells in table.rows
        ],
        "caption": list(table.caption),
    }


def _traces(runs: list[RunRecords]) -> dict[str, list[dict[str, Any]]]:
    return {
        key: [
            {"label": trace.label, "steps": steps, "values": values}
            for trace in found
            for steps, values in [thinned(trace.steps, trace.values)]
        ]
        for key, found in curves.traces(runs).items()
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
