"""One need of a config that a machine does not meet."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """One thing that a config needs and a machine does not have."""

    field: str
    """The option that needs it, with its value."""
    what: str
    remedy: str
