"""The share of the true reward's gain over the base model that each control arm reaches.

A control arm is known by its config: its rewards read no gold answer, or its gold answers are shuffled.
"""

from collections.abc import Sequence
from typing import Any

from openrs.analysis.cells import AVERAGE, Metric
from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics import recipes
from openrs.analysis.statistics.shares import ShareQuestion, share_of_gain
from openrs.analysis.tables.comparisons import CHECKPOINTS, FEW, Study
from openrs.analysis.tables.table import Table, Value

JUDGING = ("accuracy", "cosine", "length")
"""Built-in rewards that read the gold answer."""
CONTROLS = "openrs.rewards."
"""What openrs has for reward.custom reads no gold answer; of a user's own function nothing is known."""
NOT_KNOWN = "not known"


def is_control(config: dict[str, Any]) -> bool:
    """Whether a training with this config cannot teach what is right."""
    reward = config.get("reward")
    if reward is None:  # imported, so nothing is known of it
        return False
    own = [term["function"] for term in (reward.get("custom") or {}).values()]
    teaching = any(reward.get(name) for name in JUDGING)
    teaching |= any(not function.startswith(CONTROLS) for function in own)
    return not teaching or bool(config["data"].get("shuffled_golds"))


def control_rows(rows: Sequence[ResultRow]) -> list[ResultRow]:
    """The control arms among the rows of a table."""
    return [row for row in _arms(rows) if is_control(row.evaluations[0].run.config)]


def _arms(rows: Sequence[ResultRow]) -> list[ResultRow]:
    return [row for row in rows if row.trained and not row.one_of_several]


def table(
    rows: Sequence[ResultRow], titles: Sequence[str], metric: Metric = AVERAGE, name: str = "controls"
) -> Table | None:
    """The shares, or None where the rows hold no control arm, no other arm, or not exactly one base model.

    Args:
        rows: base model and arms.
        titles: benchmarks.
    """
    bases, controls = [row for row in rows if not row.trained], control_rows(rows)
    true = [row for row in _arms(rows) if row not in controls]
    if len(bases) != 1 or not controls or not true or metric.name != "avg":
        return None
    study, columns = Study(rows), [*titles, *(["Avg."] if len(titles) > 1 else [])]
    groups = [[title] for title in titles] + ([list(titles)] if len(titles) > 1 else [])
    body = tuple(
        (
            control.label if len(true) == 1 else f"{control.label} of {arm.label}",
            tuple(_cell(study, bases[0], arm, control, names) for names in groups),
        )
        for arm in true
        for control in controls
    )
    whole = true[0].label if len(true) == 1 else "each other arm"
    notes = [
        f"Percent of the gain of {whole} over {bases[0].label}, with Fieller's 95 % interval over problems "
        "and training runs. A control arm's rewards read no gold answer, or its gold answers are shuffled: "
        "what it gains is not the true reward's doing. Where an interval holds 100, nothing here shows that "
        "the true reward taught more; below 0 the control arm ends below the base model.",
    ]
    if any(NOT_KNOWN in cells for _, cells in body):
        why = "the gain itself is within noise there or hardly beyond it, or outcomes are not known"
        notes.append(f"{NOT_KNOWN}: {why}.")
    if study.spread(titles) is None:
        notes.append(CHECKPOINTS)
    return Table("Share of the gain that control arms reach", tuple(columns), body, tuple(notes), name)


def _cell(
    study: Study, base: ResultRow, true: ResultRow, control: ResultRow, titles: Sequence[str]
) -> Value | str:
    members = (base, true, control)
    for title in titles:
        ids = {row.cells[title].ids if title in row.cells else () for row in members}
        if len(ids) > 1 or len(ids.pop()) < FEW:
            return NOT_KNOWN
    own, whole, part = ([row.cells[title].vectors for title in titles] for row in members)
    lent = study.spread(titles)
    once = any(len(columns[0]) == 1 for columns in (whole, part))
    spread = None if once and lent is None else recipes.spread_of([whole, part], lent)[0]
    share = share_of_gain(ShareQuestion(own, whole, part, spread))
    if share is None:
        return NOT_KNOWN
    return Value(100 * share.value, 100 * share.low, 100 * share.high, "Fieller")
