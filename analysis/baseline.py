"""Which row the others are compared with."""

from collections.abc import Sequence

from openrs.analysis.lines import Line


def of_lines(made: Sequence[Line]) -> Line | None:
    """The base model's line, or None where no row is of an untrained model."""
    return next((line for line in made if not line.trained), None)
