"""The one error that is the user's to mend."""

import errno
from collections.abc import Iterator
from typing import NoReturn

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the file system says where a user may not read or write."""


class Mistake(ValueError):
    """Wrong input. The message names field, value, rule and remedy; no traceback is shown with it."""


class Crashed(Mistake):
    """A process that openrs started ended by itself: nothing in the config is wrong, and trying again can
    help."""


class Unfit(Mistake):
    """This machine cannot do what another one may: a package, a device or a port is missing."""


class Absent(Mistake):
    """Data that is not where the catalog says."""


class Unfetched(Unfit):
    """Data of the Hub that this machine does not have and cannot fetch."""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def denial(error: BaseException) -> str | None:
    """What a user may not read or write, or no file system can name, in a line; None where an error has
    another cause."""
    for one in causes(error):
        if isinstance(one, OSError) and one.errno == errno.ENAMETOOLONG:
            path = str(one.filename)
            return (
                f"{path[:60]}... ({len(path)} characters): is a longer name than the file system takes. "
                "Give a shorter path."
            )
        if isinstance(one, OSError) and one.errno in DENIED:
            return (
                f"{one.filename}: cannot be read or written ({one.strerror}). Mend the rights of the file or "
                "of its folder, or give another folder, as outputs=PATH. Tables of what is there need no "
                "rights to write: openrs table1 PATH."
            )
    return None


def refuse(field: str, value: object, rule: str, remedy: str) -> NoReturn:
    """Raises the mistake of a config field.

    Args:
        field: its dotted path.
        rule: what the value breaks, as it goes on from "field=value: ".
        remedy: a sentence on what to give instead, without its full stop.
    """
    raise Mistake(f"{field}={'null' if value is None else value}: {rule}. {remedy}.")
