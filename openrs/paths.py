"""The folders that are not code: in the package, where links lead to a checkout's own folders."""

from pathlib import Path, PurePath

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""The checkout, or the folder of installed packages."""
CONF = (PACKAGE / "conf").resolve()
SWEEPS = (PACKAGE / "sweeps").resolve()


def model_name(id_: str) -> str:
    """The last part of a path or of an id; of a checkpoint's folder also its run, as every run has such."""
    path = PurePath(id_)
    if not path.name.startswith("checkpoint-"):
        return path.name
    run = path.parent.parent if path.parent.name == "train" else path.parent
    return f"{run.name}/{path.name}" if run.name else path.name


def is_path(id_: str) -> bool:
    """Whether an id can only be a path: the Hub's have the form org/name."""
    return id_.startswith(("/", "./", "../")) or id_.count("/") > 1
