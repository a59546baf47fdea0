"""The verbs of `openrs` that read records, and their options."""

import json
import sys
from argparse import Namespace, _SubParsersAction
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from openrs.analysis import actions, cells, decision, formats, mixing
from openrs.analysis.tables import costs, references
from openrs.errors import Mistake
from openrs.terminal import plain, plain_output, replace_characters, say
from openrs.terminal.parser import Parser

STATUS = (
    "Exit status: 0 done; 1 refused, with the reason on standard error; 2 the words of the command are wrong."
)


DECIDED = (
    "Exit status: 0 B is better; 10 B is worse; 11 they are equal within the margin; 12 undecided; "
    "1 refused, with the reason on standard error; 2 the words of the command are wrong."
)


def main(words: list[str] | None = None) -> int:
    """Parses the command line and prints; returns the exit status.

    Args:
        words: the verb and what follows it; None takes those of the process.
    """
    replace_characters()
    arguments = _read(sys.argv[1:] if words is None else words)
    with nullcontext() if arguments.command == "watch" else plain_output():  # rich writes control characters
        return _run(arguments)


def _read(words: list[str]) -> Namespace:
    """The words; a verb's own parser names the verb in what it refuses."""
    whole, commands = parser()
    if words and (verb := commands.choices.get(words[0])):
        return verb.read(words[1:], Namespace(command=words[0]))
    return whole.parse_args(words)


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
        if arguments.format == "csv" and len(result) > 1:  # no reader of CSV takes two headers in one stream
            others = "; ".join(table.title for table in result[1:])
            say(
                plain(f"not in this CSV, which holds the first table alone: {others}. --format json has all.")
            )
            result = result[:1]
        print(formats.together(result, arguments.format), end="")
    elif arguments.json:
        print(json.dumps({"files": [str(path) for path in result]}, indent=1))
    else:
        print(*result, sep="\n")
    return 0


def _option(*names: str, **details: Any) -> Parser:
    """An option, or a group of them, that several commands have."""
    parser = Parser(add_help=False)
    parser.add_argument(*names, **details)
    return parser


def described() -> dict[str, str]:
    """Verb -> what it does."""
    return {action.dest: action.help or "" for action in parser()[1]._choices_actions}


def parser() -> tuple[Parser, "_SubParsersAction[Parser]"]:
    """The parser of all verbs, and its part that holds them."""
    whole = Parser(
        prog="openrs",
        description="Tables, figures and reports from the records in an outputs folder.",
        epilog=STATUS,
    )
    commands = whole.add_subparsers(dest="command", required=True)
    form = _option("--format", choices=formats.FORMATS, default="md", help="default: md; csv: one table",
                   type=lambda text: {"latex": "tex", "markdown": "md"}.get(text, text))  # fmt: skip
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
        parents=[form, measures, own, imported, reference],
    )  # fmt: skip
    command.add_argument("--average", choices=("raw", "rounded", "both"),
                         help="mean of the cells, or of the cells as printed (the paper's rule)")  # fmt: skip
    command.add_argument("--select", metavar="RULE", help="one checkpoint per run: last, best or step=N")
    command.add_argument("--by", metavar="BENCHMARK", help="the benchmark that decides `best`")
    command.add_argument("--report", metavar="BENCHMARKS", help="benchmarks to show: a,b,c or all")
    command.add_argument("--published", action="store_true", help="the same as --reference paper")
    command.add_argument("--columns", metavar="NAMES", help="columns to show, as AMC23,Avg.; default: all")
    command.set_defaults(run=actions.do_table1)

    for name, title in (
        ("table2", "data and training cost of 7B models, published and of the runs here"),
        ("table3", "data and training cost of 1.5B models"),
        ("table4", "the benchmarks and their sizes"),
    ):
        command = commands.add_parser(name, help=title, parents=[form])
        command.set_defaults(run=lambda arguments: costs.TABLES[arguments.command](arguments.outputs))

    command = commands.add_parser("table5", help="the trainer's hyper-parameters beside the paper's",
                                  parents=[form])  # fmt: skip
    command.add_argument("overrides", nargs="*", help="changes to the config, such as hardware=a100x1")
    command.add_argument("--experiment", choices=("exp1", "exp2", "exp3"), default="exp3")
    command.set_defaults(run=actions.do_table5)

    command = commands.add_parser(
        "ablation", help="what differs between runs, against benchmarks, with marginal means and differences",
        parents=[form, measures, own],
    )  # fmt: skip
    command.add_argument("--rows", metavar="FACTORS", help="factors down the side: reward,length.completion")
    command.add_argument("--columns", metavar="FACTOR", help="a factor across; needs --benchmark")
    command.add_argument("--benchmark", metavar="NAME", help="the benchmark shown")
    command.add_argument("--step", default="last", help="last, reported or N; default last")
    command.add_argument("--baseline", metavar="ROW", help="the row that the others are compared with")
    command.set_defaults(run=actions.do_ablation)

    command = commands.add_parser("compare", help="two recipes or checkpoints, problem by problem",
                                  parents=[form, measures])  # fmt: skip
    command.add_argument("first", metavar="A", help="name, id or folder of a run, or any of them with @STEP")
    command.add_argument("second", metavar="B", help="the same")
    command.add_argument("--problems", type=int, default=10, metavar="N",
                         help="list the N largest changes; default 10")  # fmt: skip
    command.set_defaults(run=actions.do_compare)

    command = commands.add_parser(
        "decide", help="is B better than A? Exit status 0: better, 10: worse, 11: equal, 12: undecided",
        epilog=DECIDED,
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
    command.set_defaults(run=actions.do_decide)

    command = commands.add_parser(
        "import", help="store results of lighteval, lm-evaluation-harness or Inspect as score records",
        parents=[as_json], epilog=STATUS.replace("; 2", "; 3 something was left out; 2"),
    )  # fmt: skip
    command.add_argument("path", type=Path, help="a result file, or a folder of them")
    command.add_argument("--outputs", type=Path, default=Path("outputs"), help="where to; default: outputs")
    command.add_argument("--name", help="name of the collection; default: the folder's name")
    command.add_argument("--pattern", metavar="REGEX",
                         help="finds (?P<name>...) and (?P<step>...) in a file's path")  # fmt: skip
    command.add_argument("--metric", metavar="NAME",
                         help="the metric of lighteval or the harness that is the score")  # fmt: skip
    command.add_argument("--filter", metavar="NAME", help="the harness's filter; default: the first, no vote")
    command.add_argument("--scorer", metavar="NAME", help="Inspect's scorer; default: of the most verdicts")
    command.add_argument("--baseline", metavar="NAME",
                         help="the model or experiment that is untrained; default: the paper's")  # fmt: skip
    command.set_defaults(run=actions.do_import)

    command = commands.add_parser(
        "export", help="write all scores as a tidy table and lighteval's files, or a checkpoint's weights",
        parents=[as_json],
    )  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("export"), help="folder; default export")
    command.add_argument("--step", type=int, metavar="N",
                         help="write whole weights of step N of the run whose folder is given, an adapter "
                         "merged, as transformers and vLLM load them")  # fmt: skip
    command.set_defaults(run=actions.do_export)

    command = commands.add_parser("figures", help="draw curves, costs and differences as SVG and PNG",
                                  parents=[imported, as_json])  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("figures"), help="folder; default figures")
    command.add_argument("--storage", metavar="URL", help="hydra.sweeper.storage of a sweep to draw too")
    command.add_argument("--study", metavar="NAME", help="name of the sweep's study")
    command.set_defaults(run=actions.do_figures)

    command = commands.add_parser("report", help="write one page with everything, which needs no network",
                                  parents=[reference, storage, as_json])  # fmt: skip
    command.add_argument("-o", "--to", type=Path, default=Path("report.html"), help="default: report.html")
    command.add_argument("--completions", type=int, default=2000, metavar="N",
                         help="completions in the viewer; default and most: 2000")  # fmt: skip
    command.set_defaults(run=actions.do_report)

    command = commands.add_parser(
        "watch", help="show table, curves and sweeps in the terminal while runs go on",
        epilog=f"A view for people: table1 and status have --json. {STATUS}",
        parents=[storage],
    )  # fmt: skip
    command.add_argument("--every", type=float, default=10.0, metavar="SECONDS",
                         help="seconds between two looks; default 10")  # fmt: skip
    command.add_argument("--once", action="store_true", help="print once and end")
    command.set_defaults(run=actions.do_watch)
    for name, command in commands.choices.items():
        command.epilog = command.epilog or STATUS
        if name not in ("table5", "import"):  # which read none; of many files of a shell's *, import took one
            command.add_outputs()
    return whole, commands
