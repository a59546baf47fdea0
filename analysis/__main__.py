"""Tables from records alone: `python -m analysis table1 outputs/ [--format md|csv|tex|json]`."""

import argparse
import sys
from pathlib import Path

from analysis import cost_tables, published, records, tables, text_table
from openrs.mistake import Mistake


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    table1 = commands.add_parser("table1", help="base and trained checkpoints on five benchmarks")
    table1.add_argument("outputs", type=Path, nargs="?", default=Path("outputs"))
    table1.add_argument("--format", choices=tables.FORMATS, default="md")
    table1.add_argument(
        "--published", action="store_true", help="the paper's own table below, as a marked block"
    )
    table5 = commands.add_parser("table5", help="the trainer's hyper-parameters beside the paper's")
    table5.add_argument("overrides", nargs="*", help="changes, as hardware=a100x1")
    table5.add_argument("--experiment", choices=("exp1", "exp2", "exp3"), default="exp3")
    table5.add_argument("--format", choices=text_table.FORMATS, default="md")
    for name, title in (
        ("table2", "data and training cost of 7B models: published, and the runs here"),
        ("table3", "the same for 1.5B models"),
        ("table4", "the benchmarks and their sizes"),
    ):
        command = commands.add_parser(name, help=title)
        command.add_argument("outputs", type=Path, nargs="?", default=Path("outputs"))
        command.add_argument("--format", choices=text_table.FORMATS, default="md")
    arguments = parser.parse_args()
    if arguments.command == "table5":
        return _table5(arguments)
    if arguments.command in cost_tables.TABLES:
        made_tables = cost_tables.TABLES[arguments.command](arguments.outputs)
        print("\n".join(text_table.FORMATS[arguments.format](table) for table in made_tables), end="")
        return 0
    if arguments.published and arguments.format != "md":
        parser.error("--published is a Markdown block: leave --format at md")
    try:
        groups = tables.split(records.load_all(arguments.outputs))
        made = [tables.table1(group) for group in groups]
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(tables.FORMATS[arguments.format](table) for table in made), end="")
    if arguments.published:
        print(f"\n{published.markdown()}", end="")
    return 0


def _table5(arguments: argparse.Namespace) -> int:
    from analysis import table5  # composes, which the other tables do not

    try:
        made = table5.for_command(arguments.experiment, arguments.overrides)
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(text_table.FORMATS[arguments.format](made), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
