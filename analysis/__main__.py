"""Tables from records alone: `python -m analysis table1 outputs/ [--format md|csv|tex|json|html]`."""

import sys

from openrs.analysis.commands import main

if __name__ == "__main__":
    sys.exit(main())
