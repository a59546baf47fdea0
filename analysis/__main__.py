"""`python -m analysis table1 outputs/` in a checkout is `openrs table1 outputs/`."""

import sys

from openrs.analysis.commands import main

if __name__ == "__main__":
    sys.exit(main())
