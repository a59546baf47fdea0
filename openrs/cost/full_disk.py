"""A disk that fills up while a run is written: which errors mean it, and the message for them."""

import errno
import re
import shutil
from pathlib import Path

from openrs.config.schema import Config
from openrs.cost.sizes import disk
from openrs.errors import causes

SPACE = re.compile(
    r"No space left|Disk quota exceeded|disk is full|PytorchStreamWriter failed writing|inline_container"
)
"""How safetensors, torch and SQLite, which raise no OSError, say that a write failed."""


def is_cause(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is a full disk."""
    for one in causes(error):
        if isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if SPACE.search(str(one)):
            return True
    return False


def explain(config: Config, error: BaseException) -> str:
    """What is full, what the run takes, what mends it, and the log of the process that met it."""
    size, free = disk(config), shutil.disk_usage(_existing(Path(config.outputs).absolute())).free
    needed = "" if size is None else f", and the checkpoints of this run take {_megabytes(size.peak)} in all"
    files = [str(one.filename) for one in causes(error) if isinstance(one, OSError)]
    logs = [f" The log is {file}." for file in files if file.endswith(".log")]
    return (
        f"outputs={config.outputs}: the disk is full, {_megabytes(free)} are left{needed}. Make room, or "
        "give outputs=PATH on a larger disk, steps=released or a larger steps.save_every; the same command "
        f"goes on from the last whole checkpoint.{''.join(logs[:1])}"
    )


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _megabytes(number: int) -> str:
    return f"{number / 10**6:,.1f} MB"
