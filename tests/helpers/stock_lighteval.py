"""The lighteval command, with the one thing left out that stops it without a network.

lighteval 0.13 imports all its built-in tasks, and its `tiny_benchmarks` downloads a pickle at import.
"""

import sys
import types

LEFT_OUT = "lighteval.tasks.tasks.tiny_benchmarks"

if __name__ == "__main__":
    sys.modules[LEFT_OUT] = types.ModuleType(LEFT_OUT)
    sys.modules[LEFT_OUT].TASKS_TABLE = []
    from lighteval.__main__ import app

    app()
