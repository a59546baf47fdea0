"""A user's reward function, by file or import path: imported, with its source.

A file is run from the text that is hashed, never from a cached compilation, so that what identity holds is
what runs. Its folder is searched for its imports.
"""

import hashlib
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from openrs.errors import refuse

FORMS = "FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION"


@dataclass(frozen=True)
class Source:
    """A file that decides what a function does."""

    path: Path
    text: bytes
    package: str
    """The package that its relative imports start from; empty for a file."""


@dataclass(frozen=True)
class UserCode:
    """What a reference names."""

    field: str
    """The config's field, for errors: reward.custom.NAME."""
    reference: str
    target: Callable[..., Any]
    """The reward function, or a function or class that makes one."""
    sources: tuple[Source, ...]
    """The named file, and the file that defines the function where that is another one."""

    @property
    def digest(self) -> str:
        """Names the text of the sources, wherever they are."""
        return hashlib.sha256(b"\0".join(source.text for source in self.sources)).hexdigest()


def load(field: str, reference: str) -> UserCode:
    """Imports what a reference names.

    Args:
        field: of the config, for errors: reward.custom.NAME.

    Raises:
        Mistake: the reference, its file or module, or the function in it is wrong.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        remedy = f"Give for example {field}.function=rewards.py:NAME"
        refuse(f"{field}.function", reference, f"is no {FORMS}", remedy)
    is_file = place.endswith(".py")
    module = _file(field, reference, Path(place)) if is_file else _module(field, reference, place)
    target = getattr(module, name, None)
    if not callable(target):
        close = get_close_matches(name, dir(module), 1)
        what = f"{place} has no function {name}" if target is None else f"{name} is no function"
        remedy = f"Give {place}:{close[0]}" if close and target is None else f"Define it in {place}"
        refuse(f"{field}.function", reference, what, remedy)
    defined = _defined_in(target)
    named = Path(module.__file__) if is_file and module.__file__ else None
    paths = dict.fromkeys(path for path in (named, defined or _path(module)) if path is not None)
    if not paths:
        rule = "has no source file, whose text would be a part of the run's id"
        refuse(f"{field}.function", reference, rule, "Call it from a function in a file")
    package = "" if is_file else str(getattr(inspect.getmodule(target), "__package__", "") or "")
    sources = tuple(Source(path, path.read_bytes(), "" if path == named else package) for path in paths)
    return UserCode(field, reference, target, sources)


def _file(field: str, reference: str, path: Path) -> ModuleType:
    try:
        text = path.read_bytes()
    except OSError as error:
        where = "" if path.is_absolute() else f", from the working directory {Path.cwd()}"
        rule = f"{path} cannot be read ({error.strerror}{where})"
        refuse(f"{field}.function", reference, rule, f"Give {FORMS}, the file by its path")
    try:
        return _executed(path.resolve(), text)
    except (Exception, SystemExit) as error:
        _refuse_import(field, reference, error, str(path.resolve()))


@cache
def _executed(path: Path, text: bytes) -> ModuleType:
    """A file as a module; another text is another module."""
    name = f"openrs_custom_{hashlib.sha256(str(path).encode() + text).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up
    folder, before = str(path.parent), set(sys.modules)
    sys.path.insert(0, folder)
    try:
        exec(compile(text, path, "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(folder)
        _search(folder)  # last, for imports within functions: it hides no package of ours
        for key in [key for key in set(sys.modules) - before if _is_beside(key, folder)]:
            del sys.modules[key]  # another study has helpers of its own under the same names
    return module


def _is_beside(name: str, folder: str) -> bool:
    """Whether a module is a helper of the user's, in the folder of the user's file."""
    top, file = name.partition(".")[0], str(getattr(sys.modules[name], "__file__", ""))
    return top != "openrs" and file.startswith((f"{folder}/{top}.py", f"{folder}/{top}/"))


def _search(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)


def _module(field: str, reference: str, name: str) -> ModuleType:
    _search(os.getcwd())
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        _refuse_import(field, reference, error, "")


def _refuse_import(field: str, reference: str, error: BaseException, path: str) -> NoReturn:
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    where = f", line {line}" if line else place_of(error, path)
    rule = f"cannot be imported ({described(error)}{where})"
    refuse(f"{field}.function", reference, rule, f"Mend the file, or give another {FORMS}")


def described(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_of(error: BaseException, *paths: str) -> str:
    """The innermost line of these files that an exception passed, as it goes on from what is said of it."""
    line, frame = "", error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename in paths:
            line = f", {Path(frame.tb_frame.f_code.co_filename).name} line {frame.tb_lineno}"
        frame = frame.tb_next
    return line


def _defined_in(target: Any) -> Path | None:
    """The file that defines a function, or the class of a callable object."""
    while isinstance(target, partial):
        target = target.func
    target = inspect.unwrap(target)
    plain = target if inspect.isfunction(target) or inspect.isclass(target) else type(target)
    try:
        file = inspect.getsourcefile(plain)
    except TypeError:
        return None
    return Path(file).resolve() if file else None


def _path(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and file.endswith(".py") else None
