"""Tables from records alone: `python -m analysis table1 outputs/ [--format md|csv|tex|json]`."""

import argparse
import sys
from pathlib import Path

from analysis import published, records, tables
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
    arguments = parser.parse_args()
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


if __name__ == "__main__":
    sys.exit(main())
