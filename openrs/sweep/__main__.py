"""`python -m openrs.sweep status NAME`: how a sweep stands; `python -m analysis watch` shows sweeps live."""

import argparse
import sys
from pathlib import Path

from openrs.errors import Mistake
from openrs.terminal import replace_characters, say, show


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m openrs.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="running, done, pruned, failed, best, time and money")
    status.add_argument("name", help="the sweep file's name, a folder under sweeps/, or a study's name")
    status.add_argument("--outputs", type=Path, default=Path("outputs"))
    status.add_argument("--storage", help="the storage URL that the sweep was given")
    replace_characters()
    arguments = parser.parse_args()
    from openrs.studies.reader import named
    from openrs.studies.status import lines

    try:
        for study in named(arguments.name, arguments.outputs, arguments.storage):
            show("\n".join(lines(study)))
    except Mistake as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
