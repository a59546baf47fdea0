"""The command openrs, which kills itself with -9 at one write.

`python -m tests.helpers.aimed_kill ARGUMENTS` takes the arguments of `openrs`. A write has three moments:
half of the content is there (`torn`), all of it is there but not in its place (`unmoved`), all is done
(`written`). What libraries write by themselves into a file has the first and the last; a statement of a
study has `unmoved` (before its commit) and `written`; a removal has `torn` (before it) and `written`.
Nothing in openrs knows of this.

AIM holds a JSON object: `file` and `moment` of the kill; `number`, which of such writes of the process it
is; and `struck`, the file that the one process that dies of several makes. Without `file` nothing dies, and
`struck` gets a line `MOMENT FILE` for each write.
"""

import builtins
import fnmatch
import io
import json
import os
import re
import runpy
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

AIM = "OPENRS_AIM"
"""Environment variable: where the command dies."""
PARTIAL = re.compile(rf"\.(.+)\.{os.getpid()}")
"""What openrs writes before it moves it to its place."""


class Aim:
    """The write at which this process dies.

    Args:
        struck: file of what was struck.
        file: pattern of the path, or of the statement, that is written.
        moment: of the write.
        number: counts such writes from 1.
    """

    def __init__(self, struck: str, file: str = "", moment: str = "", number: int = 1) -> None:
        self.struck, self.file, self.moment, self.left = struck, file, moment, number

    def matches(self, moment: str, file: Any) -> bool:
        """Whether a write is the one at which the process dies; counts it."""
        file = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        if not file:  # a pipe
            return False
        if not self.file:
            descriptor = os.open(self.struck, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, f"{moment} {file}\n".encode())
            os.close(descriptor)
            return False
        if moment != self.moment or not fnmatch.fnmatchcase(file, self.file):
            return False
        self.left -= 1
        return self.left == 0

    def reach(self, moment: str, file: Any) -> None:
        """Dies where this write is the one."""
        if self.matches(moment, file):
            self.die(file)

    def die(self, file: Any) -> None:
        """Says what was struck and dies, unless another process has done so."""
        try:
            descriptor = os.open(self.struck, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        os.write(descriptor, f"{self.moment} {os.fspath(file)}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def files(aim: Aim) -> None:
    """Watches what Python writes: files as they are opened, moved and removed."""
    opened, replaced = io.open, os.replace

    def watched_open(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        stream = opened(file, mode, *arguments, **more)
        if not set(mode) & set("wax"):
            return stream
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        folder, name = os.path.split(path)
        if partial_name := PARTIAL.fullmatch(name):
            path = os.path.join(folder, partial_name[1])
        if aim.matches("torn", path):
            stream.write = partial(torn, stream.write, stream.flush, path)
        elif path and not partial_name:
            stream.close = partial(after, stream.close, path)
        return stream

    def torn(write: Callable[[Any], int], flush: Callable[[], None], path: str, content: Any) -> int:
        half = len(content) // 2
        write(content[:half])
        flush()
        aim.die(path)
        return half + write(content[half:])

    def after(close: Callable[[], None], path: str) -> None:
        close()
        aim.reach("written", path)

    def watched_replace(source: Any, target: Any) -> None:
        aim.reach("unmoved", target)
        replaced(source, target)
        aim.reach("written", target)

    def watched_removal(remove: Callable[..., None], path: Any, **more: Any) -> None:
        aim.reach("torn", f"remove {path}")
        remove(path, **more)
        aim.reach("written", f"remove {path}")

    io.open = builtins.open = watched_open  # type: ignore[assignment]
    os.replace = watched_replace  # type: ignore[assignment]
    for name in ("remove", "unlink", "rmdir"):
        setattr(os, name, partial(watched_removal, getattr(os, name)))


def tensors(aim: Aim) -> None:
    """Watches what torch and safetensors write, which is no file of Python's."""
    import torch
    import transformers.modeling_utils

    def watched(save: Callable[..., Any], value: Any, file: Any, *arguments: Any, **more: Any) -> Any:
        saved = save(value, file, *arguments, **more)
        if aim.matches("torn", file):
            os.truncate(file, os.stat(file).st_size // 2)
            aim.die(file)
        aim.reach("written", file)
        return saved

    torch.save = partial(watched, torch.save)  # type: ignore[assignment]
    modeling = transformers.modeling_utils
    modeling.safe_save_file = partial(watched, modeling.safe_save_file)  # type: ignore[attr-defined]


def studies(aim: Aim) -> None:
    """Watches what is written into a database: statements, then their commit."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    waiting: list[str] = []

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statement = " ".join(statement.split())
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            waiting.append(statement)
            aim.reach("unmoved", statement)

    # a connection goes back to the pool once its transaction is committed
    @event.listens_for(Engine, "checkin")
    def committed(*_: Any) -> None:
        done = waiting.copy()
        waiting.clear()
        for statement in done:
            aim.reach("written", statement)


if __name__ == "__main__":
    aim = Aim(**json.loads(os.environ[AIM]))
    for watch in (files, tensors, studies):
        watch(aim)
    runpy.run_module("openrs", run_name="__main__", alter_sys=True)
