"""Which row the others are compared with."""

from collections.abc import Sequence

from analysis.lines import Line
from analysis.records import Row

BASE = "DeepSeek-R1-Distill-Qwen-1.5B"
"""The model that the paper trains."""


def is_base(row: Row) -> bool:
    """Whether a row is the paper's base model, by the last part of its name."""
    stated = (row.run.name, str(row.run.recipe.get("imported", {}).get("model", "")))
    return any(name.rsplit("/", 1)[-1].lower() == BASE.lower() for name in stated)


def of_lines(made: Sequence[Line]) -> Line | None:
    """The base model's line, or None where no row can be told to be it.

    Imported results without a step are whole models, released ones among them: of several only one that
    has the base model's name is the baseline.
    """
    untrained = [line for line in made if not line.trained]
    if len(untrained) < 2 or not all(row.run.imported for line in untrained for row in line.rows):
        return untrained[0] if untrained else None
    return next((line for line in untrained if any(map(is_base, line.rows))), None)
