"""What the verbs of `openrs` that read records do: tables to print, files that were written, or a status."""

import json
from argparse import Namespace
from pathlib import Path

from openrs.analysis import cells, decision, decision_ledger, mixing
from openrs.analysis.run_records import IMPORTED, RunRecords, load_all
from openrs.analysis.tables import references, table1
from openrs.analysis.tables.selection import CheckpointSelection
from openrs.analysis.tables.table import Table
from openrs.errors import Mistake
from openrs.records.files import write_file


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def _metrics(arguments: Namespace) -> list[cells.Metric]:
    return [cells.metric(name) for name in arguments.metric.split(",")]


def _all_runs(outputs: Path) -> list[RunRecords]:
    """Runs and imported results.

    Raises:
        Mistake: the folder holds neither.
    """
    imported = load_all(outputs, True) if any(outputs.glob(f"{IMPORTED}/*/run.json")) else []
    measured = load_all(outputs) if any(outputs.glob("runs/*/run.json")) or not imported else []
    return measured + imported


def do_table1(arguments: Namespace) -> list[Table]:
    if arguments.select is None and (arguments.by or arguments.report):
        raise Mistake("by, report: they belong to --select RULE. Give --select too.")
    selection = None
    if arguments.select is not None:
        selection = CheckpointSelection(arguments.select, arguments.by, _names(arguments.report))
    averaging: table1.Averaging = arguments.average or ("both" if arguments.imported else "raw")
    mixed = mixing.allowed(arguments.mixed)
    options = [
        table1.Options(metric, averaging, mixed, selection, arguments.runs) for metric in _metrics(arguments)
    ]
    names = [*(["paper"] if arguments.published else []), *arguments.reference]
    folder = IMPORTED if arguments.imported else "runs"
    if names and not any(arguments.outputs.glob(f"{folder}/*/run.json")):
        return [references.table(name) for name in dict.fromkeys(names)]  # published numbers need no run
    runs = load_all(arguments.outputs, arguments.imported)
    tables = [table for each in options for table in table1.everything(runs, each)]
    if arguments.imported and options[0].metric == cells.AVERAGE:
        tables += references.base_differences(runs, options[0])
    tables += [references.table(name) for name in dict.fromkeys(names)]
    return _with_columns(tables, _names(arguments.columns))


def _with_columns(tables: list[Table], names: tuple[str, ...]) -> list[Table]:
    """The tables with these columns alone; with all where none is named."""
    columns = list(dict.fromkeys(column for table in tables for column in table.columns))
    if unknown := [name for name in names if name not in columns]:
        raise Mistake(
            f"columns={','.join(names)}: no table here has a column {', '.join(unknown)}. Give some of "
            f"{', '.join(columns)}."
        )
    return [table.with_columns(names) for table in tables] if names else tables


def do_table5(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables import table5  # composes, which the other tables do not

    return [table5.for_command(arguments.experiment, arguments.overrides)]


def do_ablation(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables.ablation import AblationDesign, tables

    rows, mixed = _names(arguments.rows), mixing.allowed(arguments.mixed)
    shown = arguments.columns, arguments.benchmark, arguments.step, arguments.baseline
    designs = [AblationDesign(rows, *shown, metric, mixed, arguments.runs) for metric in _metrics(arguments)]
    runs = load_all(arguments.outputs)
    return [table for design in designs for table in tables(runs, design)]


def do_compare(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables.compare import find, tables

    runs, mixed = _all_runs(arguments.outputs), mixing.allowed(arguments.mixed)
    pair = find(runs, arguments.first), find(runs, arguments.second)
    return [t for metric in _metrics(arguments) for t in tables(*pair, metric, mixed, arguments.problems)]


def do_decide(arguments: Namespace) -> int:
    if arguments.decisions is not None and arguments.ledger is None:
        raise Mistake("decisions: belongs to --ledger FILE. Give --ledger too.")
    for name in ("margin", "spread"):
        points = getattr(arguments, name)
        if points is not None and not 0 < points < 100:
            raise Mistake(
                f"{name}={points}: must be points of a score, above 0 and below 100. Give such points."
            )
    margin, spread = (None if p is None else p / 100 for p in (arguments.margin, arguments.spread))
    runs = _all_runs(arguments.outputs)
    sides = decision.side(runs, arguments.first), decision.side(runs, arguments.second)
    ledger = (
        None if arguments.ledger is None else decision_ledger.opened(arguments.ledger, arguments.decisions)
    )
    alpha = 0.05 if ledger is None else ledger.level
    answer = decision.decide(*sides, margin, alpha, spread, tuple(mixing.allowed(arguments.mixed)))
    data = decision.as_data(answer, arguments.about)
    if ledger is not None:
        ledger.add(data)
    print(json.dumps(data, indent=1) if arguments.json else "\n".join(decision.lines(answer)))
    return answer.status(arguments.about)


def do_import(arguments: Namespace) -> int:
    from openrs.analysis.importing import address, import_report, reading, store
    from openrs.analysis.importing.choice import Choice

    path = arguments.path.resolve()
    choice = Choice(arguments.metric, arguments.filter, arguments.scorer)
    results = list(reading.read(path, address.pattern(arguments.pattern), choice))
    import_report.check(results, path, arguments.pattern)
    report = store.store(results, arguments.outputs, arguments.name or path.stem, arguments.baseline)
    where = arguments.outputs / IMPORTED
    return report.show(where, arguments.pattern, arguments.json)


def do_export(arguments: Namespace) -> list[Path]:
    if arguments.step is not None:
        from openrs.models.adapters import export as export_weights

        export_weights(arguments.outputs, arguments.step, arguments.to)
        return [arguments.to]
    from openrs.analysis.importing import export

    return export.write(_all_runs(arguments.outputs), arguments.to)


def do_figures(arguments: Namespace) -> list[Path]:
    if (arguments.storage is None) != (arguments.study is None):
        raise Mistake("storage, study: drawing a sweep needs both. Give --storage URL --study NAME.")
    from openrs.analysis.figures import drawing  # matplotlib, which no table needs

    sweep = None if arguments.storage is None else (arguments.storage, arguments.study)
    return drawing.write(load_all(arguments.outputs, arguments.imported), arguments.to, sweep)


def do_report(arguments: Namespace) -> list[Path] | int:
    from openrs.analysis.report import collect, completions, page  # what no table needs

    outputs, number = arguments.outputs, arguments.completions
    if not 0 <= number <= completions.MOST:
        raise Mistake(f"completions={number}: must be between 0 and {completions.MOST}. Give such a number.")
    data = collect.collect(_all_runs(outputs), outputs, number, arguments.reference, arguments.storage)
    text = page.page(data)
    write_file(arguments.to, text)
    if arguments.json:
        return [arguments.to]
    print(f"{arguments.to}: {len(text.encode()) / 1e6:.1f} MB")
    return 0


def do_watch(arguments: Namespace) -> int:
    from openrs.analysis import watch  # rich, which no table needs

    if arguments.every <= 0:
        raise Mistake(f"every={arguments.every}: must be a number of seconds above 0. Give such a number.")
    watch.watch(arguments.outputs, arguments.every, arguments.once, arguments.storage)
    return 0
