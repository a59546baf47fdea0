"""Rows of a table as lines with measured cells; runs that repeat a recipe get a line of their mean."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openrs.analysis import cells, mixing
from openrs.analysis.cells import Measured, Metric
from openrs.analysis.records import Row, differences, replicates
from openrs.analysis.tables.table import IMPORTED, MEASURED, PUBLISHED, benchmark_order


@dataclass(frozen=True)
class Line:
    """A label and its cells."""

    label: str
    rows: tuple[Row, ...]
    """The row, or the rows of the runs that the line is a mean over; none where it was published."""
    cells: dict[str, Measured]

    @property
    def trained(self) -> bool:
        """False for the base model."""
        return bool(self.rows) and self.rows[0].trained

    @property
    def origin(self) -> str:
        """Where its numbers are from."""
        if not self.rows:
            return PUBLISHED
        return IMPORTED if all(row.run.imported for row in self.rows) else MEASURED

    @property
    def mean_of_runs(self) -> bool:
        """True for the mean over training runs."""
        return len(self.rows) > 1


def lines(
    rows: Sequence[Row], shown: Metric = cells.AVERAGE, mixed: Sequence[str] = (), chosen: bool = False
) -> list[Line]:
    """Rows in a table's order, base models first, each recipe's mean after its runs.

    Args:
        chosen: each run is there with one checkpoint that a rule chose: a mean is over runs, whatever step
            the rule took of each.
    """
    runs = list({row.run.id: row.run for row in sorted(rows, key=lambda row: row.run.id)}.values())
    recipes = replicates(runs)
    ordered = sorted(
        rows,
        key=lambda row: (
            row.trained,
            row.run.name,
            recipes[row.run.id],
            row.step,
            str(row.run.recipe.get("seed")),
        ),
    )
    told, settings = differences(runs), differing_settings(ordered)
    marks = {trait: values for trait, values in mixing.differing(ordered).items() if trait in mixed}
    made = []
    for row in ordered:
        measured = {
            title: cell
            for title, scores in row.cells.items()
            if (cell := cells.measure(scores, shown, row.run.folder)) is not None
        }
        how = _measured_how(row, settings, marks)
        made.append(Line(_label(row, told[row.run.id], how), (row,), measured))
    return _with_means(made, recipes, chosen, lambda row: _measured_how(row, settings, marks))


def rows_of(made: Sequence[Line]) -> list[Row]:
    """The rows of these lines, each once: a line of means shares its rows with the lines of its runs."""
    return list({id(row): row for line in made for row in line.rows}.values())


def titles(made: Sequence[Line]) -> list[str]:
    """Benchmarks of these lines."""
    return benchmark_order({title for line in made for title in line.cells})


def _with_means(
    made: list[Line], recipes: dict[str, str], chosen: bool, how: Callable[[Row], list[str]]
) -> list[Line]:
    """Adds a line after the runs that repeat one recipe, for each step that several of them reached, or
    one for all steps where each run's was chosen. Rows measured in other ways have means of their own."""
    together = defaultdict(list)
    for line in made:
        row = line.rows[0]
        if row.trained:
            step = None if chosen else row.step
            way = str(sorted(row.settings.items())), row.variant, *how(row)
            together[recipes[row.run.id], step, way].append(line)
    after: dict[str, list[Line]] = defaultdict(list)
    for members in together.values():
        if len({line.rows[0].run.id for line in members}) < 2:
            continue
        means = cells.means_over_runs([line.cells for line in members])
        if not means:
            continue
        steps = "/".join(map(str, sorted({line.rows[0].step for line in members})))
        names = list(dict.fromkeys(line.rows[0].run.name for line in members))
        label = f"{'/'.join(names)}, step {steps}, mean of {len(members)} training runs"
        label += _in_brackets(how(members[0].rows[0]))
        line = Line(label, tuple(line.rows[0] for line in members), means)
        after[max(members, key=made.index).label].append(line)
    return [item for line in made for item in (line, *after[line.label])]


def _role(row: Row) -> str:
    steps = row.run.config.get("report_step"), max(score.step for score in row.run.scores)
    roles = [word for word, step in zip(("reported", "last"), steps, strict=True) if row.step == step]
    if row.run.imported:
        roles = []  # what was imported is all that is known
    return f"step {row.step}" + (f", {' and '.join(roles)}" if roles else "")


def _measured_how(row: Row, settings: Sequence[str], marks: dict[str, list[str]]) -> list[str]:
    """What of a row's measuring is not the same in all rows.

    Args:
        settings: that differ.
        marks: traits that differ, as was asked, with the values that the caption lists.
    """
    more = [f"{key}={row.settings.get(key)}" for key in settings]
    more += [f"problem set {row.variant + 1}"] if row.variant else []
    if "tags" in marks and "remove_reasoning_tags" not in settings:
        more.append("tags stripped" if row.settings.get("remove_reasoning_tags") else "tags kept")
    found = mixing.traits(row).items()
    for trait in ("problems", "verifier"):  # the others are settings
        own = sorted({value for (name, _), value in found if name == trait and value in marks.get(trait, ())})
        more += [f"{trait}: {' | '.join(own)}"] if own else []
    return more


def _in_brackets(parts: Sequence[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


def _label(row: Row, told: str, how: list[str]) -> str:
    suffix = _in_brackets([told, *how] if told else how)
    if not row.trained:
        return f"{row.run.config['model']['title']}{suffix}"
    return f"{row.run.name}, {_role(row)}{suffix}" if row.stepped else f"{row.run.name}{suffix}"


def differing_settings(rows: Sequence[Row]) -> list[str]:
    """Settings that are not the same in all rows."""
    keys: dict[str, set[Any]] = defaultdict(set)
    for key in {key for row in rows for key in row.settings}:
        keys[key] = {str(row.settings.get(key)) for row in rows}
    return sorted(key for key, values in keys.items() if len(values) > 1)
