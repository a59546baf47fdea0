"""The commands of `python -m analysis`: what each takes, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openrs.analysis import cells, formats, mixing
from openrs.analysis.records import IMPORTED, RunRecords, load_all
from openrs.analysis.tables import costs, references, table1
from openrs.analysis.tables.choice import Choice
from openrs.analysis.tables.table import Table
from openrs.errors import Mistake


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m analysis",
        description="Tables, figures and reports from the records in an outputs folder.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (
        *(_add_table1, _add_cost_tables, _add_table5, _add_ablation, _add_compare, _add_import, _add_export),
        *(_add_figures, _add_report, _add_watch),
    ):
        add(commands)
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _outputs(command: ArgumentParser, option: bool = False) -> None:
    positional: dict[str, Any] = {} if option else {"nargs": "?"}
    command.add_argument("--outputs" if option else "outputs", type=Path, default=Path("outputs"),
                         help="default: outputs", **positional)  # fmt: skip


def _prints(command: ArgumentParser, tables: Callable[[Namespace], list[Table]]) -> None:
    """The command prints tables in a format."""
    command.add_argument("--format", choices=formats.FORMATS, default="md")

    def run(arguments: Namespace) -> int:
        print(formats.together(tables(arguments), arguments.format), end="")
        return 0

    command.set_defaults(run=run)


def _measures(command: ArgumentParser) -> None:
    command.add_argument("--metric", default="avg",
                         help=f"{cells.METRICS}, or several with commas; default avg")  # fmt: skip
    command.add_argument(
        "--mixed", default="", metavar="TRAITS",
        help=f"put rows that differ in these into one table and mark them: {', '.join(mixing.TRAITS)}",
    )  # fmt: skip


def _metrics(arguments: Namespace) -> list[cells.Metric]:
    return [cells.metric(name) for name in arguments.metric.split(",")]


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def _imported(command: ArgumentParser) -> None:
    command.add_argument("--imported", action="store_true", help="show imported results instead of runs")


def _references(command: ArgumentParser) -> None:
    command.add_argument("--reference", action="append", default=[], choices=references.NAMES,
                         help="add a table of published numbers")  # fmt: skip


def _storage(command: ArgumentParser) -> None:
    command.add_argument("--storage", metavar="URL",
                         help="hydra.sweeper.storage of sweeps that have no file under sweeps/")  # fmt: skip


def _add_table1(commands: Any) -> None:
    command = commands.add_parser("table1", help="base and trained checkpoints on the benchmarks")
    _outputs(command)
    _measures(command)
    _imported(command)
    command.add_argument("--average", choices=("raw", "rounded", "both"),
                         help="mean of the cells, or of the cells as printed (the paper's rule)")  # fmt: skip
    command.add_argument("--select", metavar="RULE", help="one checkpoint per run: last, best or step=N")
    command.add_argument("--by", metavar="BENCHMARK", help="the benchmark that decides `best`")
    command.add_argument("--report", metavar="BENCHMARKS", help="benchmarks to show: a,b,c or all")
    _references(command)
    command.add_argument("--published", action="store_true", help="the same as --reference paper")
    _prints(command, _table1)


def _table1(arguments: Namespace) -> list[Table]:
    if arguments.select is None and (arguments.by or arguments.report):
        raise Mistake("by, report: they belong to --select RULE. Give --select too.")
    choice = Choice(arguments.select, arguments.by, _names(arguments.report)) if arguments.select else None
    options = [
        table1.Options(
            metric=metric,
            averaging=arguments.average or ("both" if arguments.imported else "raw"),
            mixed=mixing.allowed(arguments.mixed),
            choice=choice,
        )
        for metric in _metrics(arguments)
    ]
    runs = load_all(arguments.outputs, arguments.imported)
    tables = [table for each in options for table in table1.everything(runs, each)]
    if arguments.imported and options[0].metric == cells.AVERAGE:
        tables += references.base_differences(runs, options[0])
    names = [*(["paper"] if arguments.published else []), *arguments.reference]
    return tables + [references.table(name) for name in dict.fromkeys(names)]


def _add_ablation(commands: Any) -> None:
    command = commands.add_parser(
        "ablation",
        help="what differs between runs against benchmarks: replicates, marginal means, differences",
    )
    _outputs(command)
    _measures(command)
    command.add_argument(
        "--rows", metavar="FACTORS", help="factors down the side, such as reward,length.completion"
    )
    command.add_argument("--columns", metavar="FACTOR", help="a factor across; needs --benchmark")
    command.add_argument("--benchmark", metavar="NAME", help="the benchmark shown")
    command.add_argument("--step", default="last", help="last, reported or N; default last")
    command.add_argument("--baseline", metavar="ROW", help="the row that the others are compared with")
    _prints(command, _ablation)


def _ablation(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables import ablation

    runs = load_all(arguments.outputs)
    designs = [
        ablation.Design(
            rows=_names(arguments.rows),
            columns=arguments.columns,
            benchmark=arguments.benchmark,
            step=arguments.step,
            baseline=arguments.baseline,
            metric=metric,
            mixed=mixing.allowed(arguments.mixed),
        )
        for metric in _metrics(arguments)
    ]
    return [table for design in designs for table in ablation.tables(runs, design)]


def _add_compare(commands: Any) -> None:
    command = commands.add_parser("compare", help="two checkpoints, problem by problem")
    command.add_argument("first", metavar="A", help="name, id or folder of a run, or any of them with @STEP")
    command.add_argument("second", metavar="B", help="the same")
    _outputs(command, option=True)
    _measures(command)
    command.add_argument("--problems", type=int, default=10, metavar="N",
                         help="list the N largest changes; default 10")  # fmt: skip
    _prints(command, _compare)


def _compare(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables import compare

    runs, mixed = _all_runs(arguments.outputs), mixing.allowed(arguments.mixed)
    pair = compare.find(runs, arguments.first), compare.find(runs, arguments.second)
    return [
        table
        for metric in _metrics(arguments)
        for table in compare.tables(*pair, metric, mixed, arguments.problems)
    ]


def _all_runs(outputs: Path) -> list[RunRecords]:
    """Runs and imported results.

    Raises:
        Mistake: the folder holds neither.
    """
    imported = load_all(outputs, True) if any(outputs.glob(f"{IMPORTED}/*/run.json")) else []
    measured = load_all(outputs) if any(outputs.glob("runs/*/run.json")) or not imported else []
    return measured + imported


def _add_cost_tables(commands: Any) -> None:
    for name, title in (
        ("table2", "data and training cost of 7B models, published and of the runs here"),
        ("table3", "data and training cost of 1.5B models"),
        ("table4", "the benchmarks and their sizes"),
    ):
        command = commands.add_parser(name, help=title)
        _outputs(command)
        _prints(command, lambda arguments: costs.TABLES[arguments.command](arguments.outputs))


def _add_table5(commands: Any) -> None:
    command = commands.add_parser("table5", help="the trainer's hyper-parameters beside the paper's")
    command.add_argument("overrides", nargs="*", help="changes to the config, such as hardware=a100x1")
    command.add_argument("--experiment", choices=("exp1", "exp2", "exp3"), default="exp3")
    _prints(command, _table5)


def _table5(arguments: Namespace) -> list[Table]:
    from openrs.analysis.tables import table5  # composes, which the other tables do not

    return [table5.for_command(arguments.experiment, arguments.overrides)]


def _add_import(commands: Any) -> None:
    command = commands.add_parser(
        "import", help="store results of lighteval, lm-evaluation-harness or Inspect as score records"
    )
    command.add_argument("path", type=Path, help="a result file, or a folder of them")
    command.add_argument("--name", help="name of the collection; default: the folder's name")
    command.add_argument("--pattern", metavar="REGEX",
                         help="finds (?P<name>...) and (?P<step>...) in a file's path")  # fmt: skip
    command.add_argument("--baseline", metavar="NAME",
                         help="the model or experiment that is untrained; default: the paper's")  # fmt: skip
    _outputs(command, option=True)
    command.set_defaults(run=_import)


def _import(arguments: Namespace) -> int:
    from openrs.analysis.importing import address, command, reading, store

    path = arguments.path.resolve()
    results = list(reading.read(path, address.pattern(arguments.pattern)))
    command.check(results, path, arguments.pattern)
    report = store.store(results, arguments.outputs, arguments.name or path.stem, arguments.baseline)
    return command.tell(report, arguments.outputs / IMPORTED, arguments.pattern)


def _add_export(commands: Any) -> None:
    command = commands.add_parser("export", help="write all scores as a tidy table and as lighteval's files")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("export"), help="folder; default export")
    command.set_defaults(run=_export)


def _export(arguments: Namespace) -> int:
    from openrs.analysis import export

    print(*export.write(_all_runs(arguments.outputs), arguments.to), sep="\n")
    return 0


def _add_figures(commands: Any) -> None:
    command = commands.add_parser("figures", help="draw curves, costs and differences as SVG and PNG")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("figures"), help="folder; default figures")
    _imported(command)
    command.add_argument("--storage", metavar="URL", help="hydra.sweeper.storage of a sweep to draw too")
    command.add_argument("--study", metavar="NAME", help="name of the sweep's study")
    command.set_defaults(run=_figures)


def _figures(arguments: Namespace) -> int:
    if (arguments.storage is None) != (arguments.study is None):
        raise Mistake("storage, study: drawing a sweep needs both. Give --storage URL --study NAME.")
    from openrs.analysis.figures import command  # matplotlib, which no table needs

    sweep = None if arguments.storage is None else (arguments.storage, arguments.study)
    print(*command.write(load_all(arguments.outputs, arguments.imported), arguments.to, sweep), sep="\n")
    return 0


def _add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="write one page with everything, which needs no network")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("report.html"), help="default: report.html")
    command.add_argument("--completions", type=int, default=2000, metavar="N",
                         help="completions in the viewer; default and most: 2000")  # fmt: skip
    _references(command)
    _storage(command)
    command.set_defaults(run=_report)


def _report(arguments: Namespace) -> int:
    from openrs.analysis.report import collect, completions, page  # what no table needs

    outputs, number = arguments.outputs, arguments.completions
    if not 0 <= number <= completions.MOST:
        raise Mistake(f"completions={number}: must be between 0 and {completions.MOST}. Give such a number.")
    data = collect.collect(_all_runs(outputs), outputs, number, arguments.reference, arguments.storage)
    text = page.page(data)
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    arguments.to.write_text(text, encoding="utf-8")
    print(f"{arguments.to}: {len(text.encode()) / 1e6:.1f} MB")
    return 0


def _add_watch(commands: Any) -> None:
    command = commands.add_parser(
        "watch", help="show table, curves and sweeps in the terminal while runs go on"
    )
    _outputs(command)
    command.add_argument("--every", type=float, default=10.0, metavar="SECONDS",
                         help="seconds between two looks; default 10")  # fmt: skip
    command.add_argument("--once", action="store_true", help="print once and end")
    _storage(command)
    command.set_defaults(run=_watch)


def _watch(arguments: Namespace) -> int:
    from openrs.analysis import watch  # rich, which no table needs

    if arguments.every <= 0:
        raise Mistake(f"every={arguments.every}: must be a number of seconds above 0. Give such a number.")
    watch.watch(arguments.outputs, arguments.every, arguments.once, arguments.storage)
    return 0
