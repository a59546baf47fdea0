"""The one error that is the user's to mend."""

from typing import NoReturn


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


def refuse(field: str, value: object, rule: str, remedy: str) -> NoReturn:
    """Raises the mistake of a config field.

    Args:
        field: its dotted path.
        rule: what the value breaks, as it goes on from "field=value: ".
        remedy: a sentence on what to give instead, without its full stop.
    """
    raise Mistake(f"{field}={value}: {rule}. {remedy}.")
