"""Files that this process may not write to, even where it is root.

`python -m tests.helpers.rights FOLDER ARGUMENTS` is the command openrs without the right to write into the
folder and all below it.
"""

import ctypes
import runpy
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

VERSION = 0x20080522
"""Of Linux's capability interface, with two words a set."""
OVERRIDES = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root writes and reads everything."""


@contextmanager
def denied(path: Path) -> Iterator[None]:
    """Takes the right to write to a file or folder."""
    mode = path.stat().st_mode
    path.chmod(0o555)
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(VERSION, 0)
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    assert libc.capget(header, words) == 0
    effective = words[0]
    words[0] = effective & ~OVERRIDES
    assert libc.capset(header, words) == 0
    try:
        yield
    finally:
        words[0] = effective
        assert libc.capset(header, words) == 0
        path.chmod(mode)


if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    with ExitStack() as stack:
        for path in (*folder.rglob("*"), folder):
            stack.enter_context(denied(path))
        runpy.run_module("openrs", run_name="__main__", alter_sys=True)
