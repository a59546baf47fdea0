"""Where what is not code lies: in the package, where links lead to a checkout's own folders."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""The checkout, or the folder of installed packages."""
CONF = (PACKAGE / "conf").resolve()
SWEEPS = (PACKAGE / "sweeps").resolve()


def is_path(id_: str) -> bool:
    """Whether an id can only be a path: the Hub's have the form org/name."""
    return id_.startswith(("/", "./", "../")) or id_.count("/") > 1
