"""The verbs of `openrs` that read records: their options, and the functions that they call."""

import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from openrs.analysis import cells, decision, decision_ledger, formats, mixing
from openrs.analysis.run_records import IMPORTED, RunRecords, load_all
from openrs.analysis.tables import costs, references, table1
from openrs.analysis.tables.selection import CheckpointSelection
from openrs.analysis.tables.table import Table
from openrs.errors import Mistake
from openrs.records.files import write_file
from openrs.terminal import plain, plain_output, replace_characters

STATUS = (
    "Exit status: 0 done; 1 refused, with the reason on standard error; 2 the words of the command are wrong."
)


def main(words: list[str] | None = None) -> int:
    """Parses the command line and prints; returns the exit status.

    Args:
        words: the verb and what follows it; None takes those of the process.
    """
    replace_characters()
    arguments = parser()[0].parse_args(words)
    with nullcontext() if arguments.command == "watch" else plain_output():  # rich writes control characters
        return _run(arguments)


def _run(arguments: Namespace) -> int:
    try:
        result: Any = arguments.run(arguments)  # tables to print, files that were written, or a status
    except Mistake as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        place = plain(str(error.filename or "a file that is written"))
        print(f"error: {place}: {error.strerror or error}. Give another path.", file=sys.stderr)
        return 1
    if isinstance(result, int):
        return result
    if "format" in arguments:
        if arguments.__dict__.get("plain"):
            result = [table.without_intervals() for table in result]
        print(formats.together(result, arguments.format), end="")
    elif arguments.json:
        print(json.dumps({"files": [str(path) for path in result]}, indent=1))
    else:
        print(*result, sep="\n")
    return 0


def _option(*names: str, **details: Any) -> ArgumentParser:
    """An option, or a group of them, that several commands have."""
    parser = ArgumentParser(add_help=False)
    parser.add_argument(*names, **details)
    return parser


def described() -> dict[str, str]:
    """Verb -> what it does."""
    return {action.dest: action.help or "" for action in parser()[1]._choices_actions}


def parser() -> tuple[ArgumentParser, "_SubParsersAction[ArgumentParser]"]:
    """The parser of all verbs, and its part that holds them."""
    whole = ArgumentParser(
        prog="openrs",
        description="Tables, figures and reports from the records in an outputs folder.",
        epilog=STATUS,
    )
    commands = whole.add_subparsers(dest="command", required=True)
    outputs = _option("outputs", type=Path, nargs="?", default=Path("outputs"), help="default: outputs")
    outputs_option = _option("--outputs", type=Path, default=Path("outputs"), help="default: outputs")
    form = _option("--format", choices=formats.FORMATS, default="md", help="default: md")
    form.add_argument("--json", dest="format", action="store_const", const="json", default="md",
                      help="the same as --format json")  # fmt: skip
    as_json = _option("--json", action="store_true", help="print JSON")
    measures = _option(
        "--metric", default="avg", help=f"{cells.METRICS}, or several with commas; default avg"
    )
    measures.add_argument(
        "--mixed", default="", metavar="TRAITS",
        help=f"put rows that differ in these into one table and mark them: {', '.join(mixing.TRAITS)}",
    )  # fmt: skip
    measures.add_argument("--plain", action="store_true", help="leave intervals out")
    own = _option("--runs", action="store_true", help="add each training run beside the mean of its recipe")
    imported = _option("--imported", action="store_true", help="show imported results instead of runs")
    reference = _option("--reference", action="append", default=[], choices=references.NAMES,
                        help="add a table of published numbers")  # fmt: skip
    storage = _option("--storage", metavar="URL",
                      help="hydra.sweeper.storage of sweeps that have no file under sweeps/")  # fmt: skip

    command = commands.add_parser(
        "table1", help="base and trained checkpoints on the benchmarks",
        parents=[outputs, form, measures, own, imported, reference],
    )  # fmt: skip
    command.add_argument("--average", choices=("raw", "rounded", "both"),
                         help="mean of the cells, or of the cells as printed (the paper's rule)")  # fmt: skip
    command.add_argument("--select", metavar="RULE", help="one checkpoint per run: last, best or step=N")
    command.add_argument("--by", metavar="BENCHMARK", help="the benchmark that decides `best`")
    command.add_argument("--report", metavar="BENCHMARKS", help="benchmarks to show: a,b,c or all")
    command.add_argument("--published", action="store_true", help="the same as --reference paper")
    command.add_argument("--columns", metavar="NAMES", help="columns to show, as AMC23,Avg.; default: all")
    command.set_defaults(run=_table1)

    for name, title in (
        ("table2", "data and training cost of 7B models, published and of the runs here"),
        ("table3", "data and training cost of 1.5B models"),
        ("table4", "the benchmarks and their sizes"),
    ):
        command = commands.add_parser(name, help=title, parents=[outputs, form])
        command.set_defaults(run=lambda arguments: costs.TABLES[arguments.command](arguments.outputs))

    command = commands.add_parser("table5", help="the trainer's hyper-parameters beside the paper's",
                                  parents=[form])  # fmt: skip
    command.add_argument("overrides", nargs="*", help="changes to the config, such as hardware=a100x1")
    command.add_argument("--experiment", choices=("exp1", "exp2", "exp3"), default="exp3")
    command.set_defaults(run=_table5)

    command = commands.add_parser(
        "ablation", help="what differs between runs, against benchmarks, with marginal means and differences",
        parents=[outputs, form, measures, own],
    )  # fmt: skip
    command.add_argument("--rows", metavar="FACTORS", help="factors down the side: reward,length.completion")
    command.add_argument("--columns", metavar="FACTOR", help="a factor across; needs --benchmark")
    command.add_argument("--benchmark", metavar="NAME", help="the benchmark shown")
    command.add_argument("--step", default="last", help="last, reported or N; default last")
    command.add_argument("--baseline", metavar="ROW", help="the row that the others are compared with")
    command.set_defaults(run=_ablation)

    command = commands.add_parser("compare", help="two recipes or checkpoints, problem by problem",
                                  parents=[outputs_option, form, measures])  # fmt: skip
    command.add_argument("first", metavar="A", help="name, id or folder of a run, or any of them with @STEP")
    command.add_argument("second", metavar="B", help="the same")
    command.add_argument("--problems", type=int, default=10, metavar="N",
                         help="list the N largest changes; default 10")  # fmt: skip
    command.set_defaults(run=_compare)

    command = commands.add_parser(
        "decide", help="is B better than A? Exit status 0: better, 10: worse, 11: equal, 12: undecided",
        parents=[outputs_option],
    )  # fmt: skip
    command.add_argument(
        "first", metavar="A", help="a run's name (all its training seeds), id or folder; @STEP"
    )
    command.add_argument("second", metavar="B", help="the same")
    command.add_argument("--margin", type=float, metavar="POINTS", help="the largest difference that is none")
    command.add_argument("--about", choices=decision.ABOUT, default="recipes",
                         help="which verdict the exit status is; default recipes")  # fmt: skip
    command.add_argument("--spread", type=float, metavar="POINTS",
                         help="standard deviation of training runs' averages, as stated")  # fmt: skip
    command.add_argument("--ledger", type=Path, metavar="FILE",
                         help="split the level of 5 %% over the decisions that FILE keeps")  # fmt: skip
    command.add_argument("--decisions", type=int, metavar="N", help="of a new ledger: decisions to come")
    command.add_argument("--mixed", default="", metavar="TRAITS", help="traits in which A and B may differ")
    command.add_argument("--json", action="store_true", help="print the answer as JSON")
    command.set_defaults(run=_decide)

    command = commands.add_parser(
        "import", help="store results of lighteval, lm-evaluation-harness or Inspect as score records",
        parents=[outputs_option, as_json], epilog=STATUS.replace("; 2", "; 3 something was left out; 2"),
    )  # fmt: skip
    command.add_argument("path", type=Path, help="a result file, or a folder of them")
    command.add_argument("--name", help="name of the collection; default: the folder's name")
    command.add_argument("--pattern", metavar="REGEX",
                         help="finds (?P<name>...) and (?P<step>...) in a file's path")  # fmt: skip
    command.add_argument("--metric", metavar="NAME",
                         help="the metric of lighteval or the harness that is the score")  # fmt: skip
    command.add_argument("--filter", metavar="NAME", help="the harness's filter; default: the first, no vote")
    command.add_argument("--scorer", metavar="NAME", help="Inspect's scorer; default: of the most verdicts")
    command.add_argument("--baseline", metavar="NAME",
                         help="the model or experiment that is untrained; default: the paper's")  # fmt: skip
    command.set_defaults(run=_import)

    command = commands.add_parser("export", help="write all scores as a tidy table and as lighteval's files",
                                  parents=[outputs, as_json])  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("export"), help="folder; default export")
    command.set_defaults(run=_export)

    command = commands.add_parser("figures", help="draw curves, costs and differences as SVG and PNG",
                                  parents=[outputs, imported, as_json])  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("figures"), help="folder; default figures")
    command.add_argument("--storage", metavar="URL", help="hydra.sweeper.storage of a sweep to draw too")
    command.add_argument("--study", metavar="NAME", help="name of the sweep's study")
    command.set_defaults(run=_figures)

    command = commands.add_parser("report", help="write one page with everything, which needs no network",
                                  parents=[outputs, reference, storage, as_json])  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("report.html"), help="default: report.html")
    command.add_argument("--completions", type=int, default=2000, metavar="N",
                         help="completions in the viewer; default and most: 2000")  # fmt: skip
    command.set_defaults(run=_report)

    command = commands.add_parser(
        "watch", help="show table, curves and sweeps in the terminal while runs go on",
        epilog=f"A view for people: table1 and status have --json. {STATUS}",
        parents=[outputs, storage],
    )  # fmt: skip
    command.add_argument("--every", type=float, default=10.0, metavar="SECONDS",
                         help="seconds between two looks; default 10")  # fmt: skip
    command.add_argument("--once", action="store_true", help="print once and end")
    command.set_defaults(run=_watch)
    for command in commands.choices.values():
        command.epilog = command.epilog or STATUS
    return whole, commands


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


def _table1(arguments: Namespace) -> list[Table]:
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


def _table5(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables import table5  # composes, which the other tables do not

    return [table5.for_command(arguments.experiment, arguments.overrides)]


def _ablation(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables.ablation import Design, tables

    rows, mixed = _names(arguments.rows), mixing.allowed(arguments.mixed)
    shown = arguments.columns, arguments.benchmark, arguments.step, arguments.baseline
    designs = [Design(rows, *shown, metric, mixed, arguments.runs) for metric in _metrics(arguments)]
    runs = load_all(arguments.outputs)
    return [table for design in designs for table in tables(runs, design)]


def _compare(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables.compare import find, tables

    runs, mixed = _all_runs(arguments.outputs), mixing.allowed(arguments.mixed)
    pair = find(runs, arguments.first), find(runs, arguments.second)
    return [t for metric in _metrics(arguments) for t in tables(*pair, metric, mixed, arguments.problems)]


def _decide(arguments: Namespace) -> int:
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


def _import(arguments: Namespace) -> int:
    from openrs.analysis.importing import address, import_report, reading, store
    from openrs.analysis.importing.choice import Choice

    path = arguments.path.resolve()
    chosen = Choice(arguments.metric, arguments.filter, arguments.scorer)
    results = list(reading.read(path, address.pattern(arguments.pattern), chosen))
    import_report.check(results, path, arguments.pattern)
    report = store.store(results, arguments.outputs, arguments.name or path.stem, arguments.baseline)
    where = arguments.outputs / IMPORTED
    return report.show(where, arguments.pattern, arguments.json)


def _export(arguments: Namespace) -> list[Path]:
    from openrs.analysis.importing import export

    return export.write(_all_runs(arguments.outputs), arguments.to)


def _figures(arguments: Namespace) -> list[Path]:
    if (arguments.storage is None) != (arguments.study is None):
        raise Mistake("storage, study: drawing a sweep needs both. Give --storage URL --study NAME.")
    from openrs.analysis.figures import drawing  # matplotlib, which no table needs

    sweep = None if arguments.storage is None else (arguments.storage, arguments.study)
    return drawing.write(load_all(arguments.outputs, arguments.imported), arguments.to, sweep)


def _report(arguments: Namespace) -> list[Path] | int:
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


def _watch(arguments: Namespace) -> int:
    from openrs.analysis import watch  # rich, which no table needs

    if arguments.every <= 0:
        raise Mistake(f"every={arguments.every}: must be a number of seconds above 0. Give such a number.")
    watch.watch(arguments.outputs, arguments.every, arguments.once, arguments.storage)
    return 0
