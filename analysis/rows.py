"""Evaluations as result rows with measured cells; runs that repeat a recipe get a row of their mean."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from openrs.analysis import mixing
from openrs.analysis.cells import AVERAGE, Cell, Metric, means_over_runs, measure_all
from openrs.analysis.factors import differences, names, natural, replicates, sort_keys
from openrs.analysis.run_records import Evaluation, runs_of
from openrs.analysis.tables.table import IMPORTED, MEASURED, PUBLISHED, benchmark_order
from openrs.records.recipe import canonical


@dataclass(frozen=True)
class ResultRow:
    """A label and its cells."""

    label: str
    evaluations: tuple[Evaluation, ...]
    """The evaluation, or those of the runs that the row is a mean over; none where it was published."""
    cells: dict[str, Cell]
    one_of_several: bool = False
    """True for a run whose recipe has other runs, and a row of their mean."""

    @property
    def trained(self) -> bool:
        """False for the base model."""
        return bool(self.evaluations) and self.evaluations[0].trained

    @property
    def model(self) -> str | None:
        """The untrained weights that it is or was trained from; None where that is not stated."""
        if not self.evaluations or self.origin == IMPORTED:
            return None
        own = self.evaluations[0].run.recipe.get("model")
        if not own:
            return None
        return canonical({key: own.get(key) for key in ("id", "revision", "weights", "commit")})

    @property
    def origin(self) -> str:
        """MEASURED, IMPORTED or PUBLISHED."""
        if not self.evaluations:
            return PUBLISHED
        return IMPORTED if all(item.run.imported for item in self.evaluations) else MEASURED

    @property
    def mean_of_runs(self) -> bool:
        """True for the mean over training runs."""
        return len(self.evaluations) > 1


def result_rows(
    evaluations: Sequence[Evaluation],
    shown: Metric = AVERAGE,
    mixed: Sequence[str] = (),
    selected: bool = False,
    beside: Sequence[Evaluation] = (),
    runs: bool = True,
) -> list[ResultRow]:
    """Evaluations in a table's order, base models first; runs that repeat a recipe, then their mean.

    Args:
        mixed: traits in which the evaluations may differ, which labels then state.
        selected: a rule selected one checkpoint of each run: a mean is over runs, whatever their steps.
        beside: other evaluations in the table, from which labels tell these.
        runs: False leaves out runs whose mean has all that they have.
    """
    records = runs_of(sorted(evaluations, key=lambda item: item.run.id))
    recipes, differing, keys = replicates(records), differences(records), sort_keys(records)
    ordered = sorted(
        evaluations,
        key=lambda item: (
            *(item.trained, item.run.name, keys[item.run.id], item.step),
            natural(str(item.run.recipe.get("seed"))),
        ),
    )
    together = [*ordered, *beside]
    settings = differing_settings(together)
    marks = {trait: values for trait, values in mixing.differing(together).items() if trait in mixed}

    def how(item: Evaluation) -> list[str]:
        return _measured_how(item, settings, marks)

    rows = [
        ResultRow(
            _label(item, differing[item.run.id], how(item)),
            (item,),
            measure_all(item.scores, shown, item.run.folder),
        )
        for item in ordered
    ]
    return _with_means(rows, recipes, names(records, seeds=False), selected, how, runs)


def titles(rows: Sequence[ResultRow]) -> list[str]:
    """Benchmarks of these rows."""
    return benchmark_order({title for row in rows for title in row.cells})


def evaluations_of(rows: Sequence[ResultRow]) -> list[Evaluation]:
    """The evaluations of these rows, each once: a mean shares its evaluations with the rows of its runs."""
    return list({id(item): item for row in rows for item in row.evaluations}.values())


def beside_base(rows: Sequence[ResultRow]) -> list[tuple[ResultRow, list[ResultRow]]]:
    """Each base model, with the other rows that are of it or were trained from it.

    A row that does not state its model goes with the first. One whose base model has no row is left out.
    """
    groups: dict[str | None, tuple[ResultRow, list[ResultRow]]] = {}
    for row in rows:
        if not row.trained:
            groups.setdefault(row.model, (row, []))
    unstated = groups.get(None) or next(iter(groups.values()), None)
    for row in rows:
        own = unstated if row.model is None else groups.get(row.model, groups.get(None))
        if own is not None and row is not own[0]:
            own[1].append(row)
    return [(base, others) for base, others in groups.values() if others]


def _with_means(
    rows: list[ResultRow],
    recipes: dict[str, str],
    labels: dict[str, str],
    selected: bool,
    how: Callable[[Evaluation], list[str]],
    runs: bool,
) -> list[ResultRow]:
    """Adds a row after the runs that repeat one recipe, for each step that several of them reached, or
    one for all steps where each run's was selected. Other ways of measuring have means of their own."""
    together = defaultdict(list)
    for row in rows:
        item = row.evaluations[0]
        if item.trained:
            step = None if selected else item.step
            together[recipes[item.run.id], step, item.way, *how(item)].append(row)
    after: dict[str, list[ResultRow]] = defaultdict(list)
    several, hidden = set(), set()
    for members in together.values():
        items = tuple(row.evaluations[0] for row in members)
        if len({item.run.id for item in items}) < 2:
            continue
        if means := means_over_runs([row.cells for row in members]):
            steps = "/".join(map(str, sorted({item.step for item in items})))
            label = f"{_joined(labels, items)}, step {steps}, mean of {len(members)} training runs"
            label += _in_brackets(how(items[0]))
            after[members[-1].label].append(ResultRow(label, items, means))
            several |= {id(row) for row in members}
            if not runs and all(row.cells.keys() == means.keys() for row in members):
                hidden |= {id(row) for row in members}
    return [
        item
        for row in rows
        for item in (
            *([] if id(row) in hidden else [replace(row, one_of_several=id(row) in several)]),
            *after[row.label],
        )
    ]


def _joined(labels: dict[str, str], evaluations: Sequence[Evaluation]) -> str:
    """The labels of their runs, each once."""
    return "/".join(dict.fromkeys(labels[item.run.id] for item in evaluations))


def _role(item: Evaluation) -> str:
    steps = item.run.config.get("report_step"), max(score.step for score in item.run.scores)
    roles = [word for word, step in zip(("reported", "last"), steps, strict=True) if item.step == step]
    if item.run.imported:
        roles = []  # the import knows of no other steps
    return f"step {item.step}" + (f", {' and '.join(roles)}" if roles else "")


def _measured_how(item: Evaluation, settings: Sequence[str], marks: dict[str, list[str]]) -> list[str]:
    """The differences of an evaluation's measuring from that of others.

    Args:
        settings: those that differ.
        marks: traits that differ and may, with the values that the caption lists.
    """
    texts = other_settings(item, settings)
    if "tags" in marks and "remove_reasoning_tags" not in settings:
        texts.append("tags stripped" if item.settings.get("remove_reasoning_tags") else "tags kept")
    traits = mixing.traits(item).items()
    for trait in ("problems", "verifier"):  # the others are settings
        own = sorted(
            {value for (name, _), value in traits if name == trait and value in marks.get(trait, ())}
        )
        texts += [f"{trait}: {' | '.join(own)}"] if own else []
    return texts


def other_settings(item: Evaluation, settings: Sequence[str]) -> list[str]:
    """An evaluation's values of settings that differ, and its set of problems where there are several."""
    texts = [_setting(key, item.settings.get(key)) for key in settings]
    return texts + ([f"problem set {item.variant + 1}"] if item.variant else [])


def _setting(key: str, value: Any) -> str:
    if key == "max_problems" and value is None:
        return "all problems"
    return f"{key} {value}" if key == "device" else f"{key}={value}"


def _in_brackets(parts: Sequence[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


def _label(item: Evaluation, differing: str, how: list[str]) -> str:
    suffix = _in_brackets([differing, *how] if differing else how)
    if not item.trained:
        return f"{item.run.config['model']['title']}{suffix}"
    return f"{item.run.name}, {_role(item)}{suffix}" if item.stepped else f"{item.run.name}{suffix}"


def differing_settings(evaluations: Sequence[Evaluation]) -> list[str]:
    """Settings that are not the same in all evaluations."""
    values: dict[str, set[Any]] = defaultdict(set)
    for key in {key for item in evaluations for key in item.settings}:
        values[key] = {str(item.settings.get(key)) for item in evaluations}
    return sorted(key for key in values if len(values[key]) > 1)
