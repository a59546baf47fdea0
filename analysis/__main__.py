"""Tables from records alone: `python -m analysis table1 outputs/ [--format md|csv|tex|json|html]`."""

import argparse
import sys

from analysis import commands
from openrs.mistake import Mistake


def main() -> int:
    """Parses the command line and prints; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    made = parser.add_subparsers(dest="command", required=True)
    commands.add(made)
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
