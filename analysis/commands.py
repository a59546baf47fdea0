"""The commands of `python -m analysis`: what each takes, and what it prints."""

import argparse
import sys
from pathlib import Path
from typing import Any

from openrs.analysis import cells, formats, mixing
from openrs.analysis.records import IMPORTED, RunRecords, load_all
from openrs.analysis.tables import costs, references, table1, text_table
from openrs.analysis.tables.choice import Choice
from openrs.errors import Mistake
from openrs.records.files import write_file


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Tables, figures and reports from the records in an outputs folder.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_table1(commands)
    _add_cost_tables(commands)
    _add_table5(commands)
    _add_ablation(commands)
    _add_compare(commands)
    _add_import(commands)
    _add_export(commands)
    _add_figures(commands)
    _add_report(commands)
    _add_watch(commands)
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _outputs(command: argparse.ArgumentParser, option: bool = False) -> None:
    if option:
        command.add_argument("--outputs", type=Path, default=Path("outputs"), help="default: outputs")
    else:
        command.add_argument(
            "outputs", type=Path, nargs="?", default=Path("outputs"), help="default: outputs"
        )


def _shown(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=formats.FORMATS, default="md")
    command.add_argument("--metric", default="avg",
                         help=f"{cells.METRICS}, or several with commas; default avg")  # fmt: skip
    command.add_argument(
        "--mixed", default="", metavar="TRAITS",
        help=f"put rows that differ in these into one table and mark them: {', '.join(mixing.TRAITS)}",
    )  # fmt: skip


def _add_table1(commands: Any) -> None:
    command = commands.add_parser("table1", help="base and trained checkpoints on the benchmarks")
    _outputs(command)
    _shown(command)
    command.add_argument("--imported", action="store_true", help="show imported results instead of runs")
    command.add_argument("--average", choices=("raw", "rounded", "both"),
                         help="mean of the cells, or of the cells as printed (the paper's rule)")  # fmt: skip
    command.add_argument("--select", metavar="RULE", help="one checkpoint per run: last, best or step=N")
    command.add_argument("--by", metavar="BENCHMARK", help="the benchmark that decides `best`")
    command.add_argument("--report", metavar="BENCHMARKS", help="benchmarks to show: a,b,c or all")
    command.add_argument("--reference", action="append", default=[], choices=references.NAMES,
                         help="add a table of published numbers")  # fmt: skip
    command.add_argument("--published", action="store_true", help="the same as --reference paper")
    command.set_defaults(run=_table1)


def _table1(arguments: argparse.Namespace) -> int:
    if arguments.select is None and (arguments.by or arguments.report):
        raise Mistake("by, report: they belong to --select RULE. Give --select too.")
    choice = None
    if arguments.select is not None:
        report = tuple(name for name in (arguments.report or "").split(",") if name)
        choice = Choice(arguments.select, arguments.by, report)
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
    made = [table for each in options for table in table1.everything(runs, each)]
    if arguments.imported and options[0].metric == cells.AVERAGE:
        made += references.base_differences(runs, options[0])
    names = [*(["paper"] if arguments.published else []), *arguments.reference]
    made += [references.table(name) for name in dict.fromkeys(names)]
    print(formats.together(made, arguments.format), end="")
    return 0


def _metrics(arguments: argparse.Namespace) -> list[cells.Metric]:
    return [cells.metric(name) for name in arguments.metric.split(",")]


def _add_ablation(commands: Any) -> None:
    command = commands.add_parser(
        "ablation",
        help="what differs between runs against benchmarks: replicates, marginal means, differences",
    )
    _outputs(command)
    _shown(command)
    command.add_argument(
        "--rows", metavar="FACTORS", help="factors down the side, such as reward.cosine.weight,seed"
    )
    command.add_argument("--columns", metavar="FACTOR", help="a factor across; needs --benchmark")
    command.add_argument("--benchmark", metavar="NAME", help="the benchmark shown, or Avg.")
    command.add_argument("--step", default="last", help="last, reported or N; default last")
    command.add_argument("--baseline", metavar="ROW", help="the row that the others are compared with")
    command.set_defaults(run=_ablation)


def _ablation(arguments: argparse.Namespace) -> int:
    from openrs.analysis.tables import ablation

    runs, made = load_all(arguments.outputs), []
    for metric in _metrics(arguments):
        design = ablation.Design(
            rows=tuple(name for name in (arguments.rows or "").split(",") if name),
            columns=arguments.columns,
            benchmark=arguments.benchmark,
            step=arguments.step,
            baseline=arguments.baseline,
            metric=metric,
            mixed=mixing.allowed(arguments.mixed),
        )
        made += ablation.tables(runs, design)
    print(formats.together(made, arguments.format), end="")
    return 0


def _add_compare(commands: Any) -> None:
    command = commands.add_parser("compare", help="two checkpoints, problem by problem")
    command.add_argument("first", metavar="A", help="name, id or folder of a run, or any of them with @STEP")
    command.add_argument("second", metavar="B", help="the same")
    _outputs(command, option=True)
    _shown(command)
    command.add_argument(
        "--problems", type=int, default=10, metavar="N", help="list the N largest changes; default 10"
    )
    command.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from openrs.analysis.tables import compare

    runs, made = _all_runs(arguments.outputs), []
    first, second = compare.find(runs, arguments.first), compare.find(runs, arguments.second)
    for metric in _metrics(arguments):
        made += compare.tables(first, second, metric, mixing.allowed(arguments.mixed), arguments.problems)
    print(formats.together(made, arguments.format), end="")
    return 0


def _all_runs(outputs: Path) -> list[RunRecords]:
    """Runs and imported results.

    Raises:
        Mistake: the folder holds neither.
    """
    imported = load_all(outputs, True) if any(outputs.glob(f"{IMPORTED}/*/run.json")) else []
    measured = load_all(outputs) if any(outputs.glob("runs/*/run.json")) or not imported else []
    return measured + imported


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


def _import(arguments: argparse.Namespace) -> int:
    from openrs.analysis.importing import address, command, reading, store

    path = arguments.path.resolve()
    patterns = address.pattern(arguments.pattern)
    found = list(reading.read(path, patterns))
    command.check(found, path, arguments.pattern)
    collection = arguments.name or path.stem
    report = store.store(found, arguments.outputs, collection, arguments.baseline)
    return command.tell(report, arguments.outputs / IMPORTED, arguments.pattern)


def _add_export(commands: Any) -> None:
    command = commands.add_parser("export", help="write all scores as a tidy table and as lighteval's files")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("export"), help="folder; default export")
    command.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> int:
    from openrs.analysis import export

    for path in export.write(_all_runs(arguments.outputs), arguments.to):
        print(path)
    return 0


def _add_figures(commands: Any) -> None:
    command = commands.add_parser("figures", help="draw curves, costs and differences as SVG and PNG")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("figures"), help="folder; default figures")
    command.add_argument("--imported", action="store_true", help="show imported results instead of runs")
    command.add_argument("--storage", metavar="URL", help="hydra.sweeper.storage of a sweep to draw too")
    command.add_argument("--study", metavar="NAME", help="name of the sweep's study")
    command.set_defaults(run=_figures)


def _figures(arguments: argparse.Namespace) -> int:
    if (arguments.storage is None) != (arguments.study is None):
        raise Mistake("storage, study: drawing a sweep needs both. Give --storage URL --study NAME.")
    from openrs.analysis.figures import command  # matplotlib, which no table needs

    sweep = None if arguments.storage is None else (arguments.storage, arguments.study)
    for path in command.write(load_all(arguments.outputs, arguments.imported), arguments.to, sweep):
        print(path)
    return 0


def _add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="write one page with everything, which needs no network")
    _outputs(command)
    command.add_argument("-o", "--to", type=Path, default=Path("report.html"), help="default: report.html")
    command.add_argument("--completions", type=int, default=2000, metavar="N",
                         help="completions in the viewer; default and most: 2000")  # fmt: skip
    command.add_argument("--reference", action="append", default=[], choices=references.NAMES,
                         help="add a table of published numbers")  # fmt: skip
    _kept_elsewhere(command)
    command.set_defaults(run=_report)


def _kept_elsewhere(command: argparse.ArgumentParser) -> None:
    command.add_argument("--storage", metavar="URL",
                         help="hydra.sweeper.storage of sweeps that have no file under sweeps/")  # fmt: skip


def _report(arguments: argparse.Namespace) -> int:
    from openrs.analysis.report import collect, completions, page  # what no table needs

    if not 0 <= arguments.completions <= completions.MOST:
        raise Mistake(f"completions={arguments.completions}: must be between 0 and {completions.MOST}.")
    made = collect.collect(
        _all_runs(arguments.outputs),
        arguments.outputs,
        arguments.completions,
        arguments.reference,
        arguments.storage,
    )
    text = page.page(made)
    write_file(arguments.to, text)
    print(f"{arguments.to}: {len(text.encode()) / 1e6:.1f} MB")
    return 0


def _add_watch(commands: Any) -> None:
    command = commands.add_parser(
        "watch", help="show table, curves and sweeps in the terminal while runs go on"
    )
    _outputs(command)
    command.add_argument(
        "--every", type=float, default=10.0, metavar="SECONDS", help="seconds between two looks; default 10"
    )
    command.add_argument("--once", action="store_true", help="print once and end")
    _kept_elsewhere(command)
    command.set_defaults(run=_watch)


def _watch(arguments: argparse.Namespace) -> int:
    from openrs.analysis import watch  # rich, which no table needs

    if arguments.every <= 0:
        raise Mistake(f"every={arguments.every}: must be a number of seconds above 0.")
    watch.watch(arguments.outputs, arguments.every, arguments.once, arguments.storage)
    return 0


def _add_cost_tables(commands: Any) -> None:
    for name, title in (
        ("table2", "data and training cost of 7B models, published and of the runs here"),
        ("table3", "data and training cost of 1.5B models"),
        ("table4", "the benchmarks and their sizes"),
    ):
        command = commands.add_parser(name, help=title)
        _outputs(command)
        command.add_argument("--format", choices=text_table.FORMATS, default="md")
        command.set_defaults(run=_cost_tables)


def _cost_tables(arguments: argparse.Namespace) -> int:
    made = costs.TABLES[arguments.command](arguments.outputs)
    print("\n".join(text_table.FORMATS[arguments.format](table) for table in made), end="")
    return 0


def _add_table5(commands: Any) -> None:
    command = commands.add_parser("table5", help="the trainer's hyper-parameters beside the paper's")
    command.add_argument("overrides", nargs="*", help="changes to the config, such as hardware=a100x1")
    command.add_argument("--experiment", choices=("exp1", "exp2", "exp3"), default="exp3")
    command.add_argument("--format", choices=text_table.FORMATS, default="md")
    command.set_defaults(run=_table5)


def _table5(arguments: argparse.Namespace) -> int:
    from openrs.analysis.tables import table5  # composes, which the other tables do not

    made = table5.for_command(arguments.experiment, arguments.overrides)
    print(text_table.FORMATS[arguments.format](made), end="")
    return 0
