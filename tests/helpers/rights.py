"""Files that this process may not write to, even where it is root."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
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
