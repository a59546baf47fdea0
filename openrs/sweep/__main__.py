"""`python -m openrs.sweep status NAME`: how a sweep stands, live with --watch."""

import argparse
import sys
import time
from pathlib import Path

from openrs.errors import Mistake


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m openrs.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="running, done, pruned, failed, best, time and money")
    status.add_argument("name", help="the sweep file's name, a folder under sweeps/, or a study's name")
    status.add_argument("--outputs", type=Path, default=Path("outputs"))
    status.add_argument("--storage", help="the storage URL that the sweep was given")
    status.add_argument("--watch", action="store_true", help="print again every 5 seconds, until Ctrl-C")
    arguments = parser.parse_args()
    from openrs.studies.reader import named
    from openrs.sweep.status import lines

    try:
        while True:
            found = named(arguments.name, arguments.outputs, arguments.storage)
            text = "\n".join(line for study in found for line in lines(study))
            clear = "\033[2J\033[H" if arguments.watch and sys.stdout.isatty() else ""
            print(f"{clear}{text}", flush=True)
            if not arguments.watch:
                return 0
            time.sleep(5)
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
