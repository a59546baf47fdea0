"""The comparison that ends a sweep: a row per level of what was swept, its replicates grouped.

Means over replicates, intervals, tests and captions are those of an ablation; this file decides which trials
make a row, and names the trials that have none.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openrs.analysis import mixing
from openrs.analysis.cells import AVERAGE, measure_all
from openrs.analysis.factors import spelled
from openrs.analysis.rows import ResultRow, evaluations_of, titles
from openrs.analysis.run_records import Evaluation, RunRecords, by_title, evaluations, load_sound
from openrs.analysis.tables import captions, comparisons, controls, verdicts
from openrs.analysis.tables.ablation import REPLICATES
from openrs.analysis.tables.combinations import combination
from openrs.analysis.tables.table import Table, Value
from openrs.analysis.tables.values import score_body
from openrs.records import scores
from openrs.records.files import read_record
from openrs.studies.replicates import SEED

MOST = 40
"""Rows of a table; of a larger sweep the best are shown."""
LISTED = 12
"""Levels without a complete run that the caption lists; of more it gives their number."""


@dataclass(frozen=True)
class SweepTrial:
    """The newest trial of a point of a sweep."""

    params: dict[str, Any]
    values: tuple[float, ...] = ()
    """One an objective; empty where the trial is not complete."""
    outcome: str = ""
    """The end of a trial that is not complete; "" for a complete one."""
    run: str = ""
    """The id of its run."""
    folder: Path = Path()
    step: int = 0
    """The last evaluated checkpoint."""
    scores: tuple[Path, ...] = ()
    """Score files of that checkpoint."""
    base: Path | None = None
    """The folder of the untrained model's run."""

    @property
    def level(self) -> dict[str, Any]:
        """The swept values besides the seed."""
        return {name: value for name, value in self.params.items() if name != SEED}

    def evaluation(self) -> Evaluation:
        """The checkpoint's scores; none where it was evaluated on another machine, or not at all."""
        files = [scores.read(path) for path in self.scores]
        members = [score for score in files if score is not None]
        members = members if len(members) == len(files) else []
        record = read_record(self.folder / "run.json") or {"name": "", "recipe": {}, "config": {}}
        run = RunRecords(record["name"], self.run, record["recipe"], record["config"], (), self.folder)
        kinds = sorted({run.device(score) for score in members})
        settings = members[0].settings | {"device": " and ".join(kinds)} if members else {}
        return Evaluation(run, self.step, settings, by_title(members))


Level = list[SweepTrial]
"""The trials that had the same values, besides the seed."""


def levels_of(trials: Sequence[SweepTrial]) -> dict[str, Level]:
    """Label -> trials of a level, in the order of the trials."""
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    for trial in trials:
        for name, value in trial.level.items():
            values[name][repr(value)] = value
    spelling = {n: dict(zip(own, spelled(list(own.values())), strict=True)) for n, own in values.items()}
    levels: dict[str, Level] = defaultdict(list)
    labels: dict[tuple[str, ...], str] = {}
    for trial in trials:
        texts = [f"{name}={spelling[name][repr(value)]}" for name, value in trial.level.items()]
        levels[labels.setdefault(tuple(sorted(texts)), ", ".join(texts) or "all")].append(trial)
    return levels


def _complete(level: Level) -> Level:
    """The complete trials, one a run: two trials may share one."""
    runs: dict[str, SweepTrial] = {}
    for trial in level:
        if not trial.outcome:
            runs.setdefault(trial.run, trial)
    return list(runs.values())


def _outcome(level: Level) -> str:
    """The ends of the trials that are not complete."""
    return "; ".join(dict.fromkeys(trial.outcome for trial in level if trial.outcome))


def _mean(level: Level, objective: int) -> Value:
    """An objective's mean over the replicates, with their standard deviation."""
    values = [trial.values[objective] for trial in level]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Value(float(np.mean(values)), std=spread, digits=3)


def tables(
    trials: Sequence[SweepTrial],
    objectives: Sequence[str],
    directions: Sequence[str],
    name: str,
    unscored: Collection[str] = (),
    selected_by: str = "",
    missing: int = 0,
) -> list[Table]:
    """The comparison of a sweep's complete trials, what control arms reach, and the levels' differences.

    Args:
        trials: in the order of the sweep's points.
        objectives: names of the sweep's objectives.
        directions: of the objectives.
        name: of the table's files.
        unscored: objectives that are no scores, which get a column.
        selected_by: the benchmark whose scores decided which runs went on, if one did.
        missing: points that were not tried.
    """
    levels = levels_of(trials)
    complete = {label: runs for label, level in levels.items() if (runs := _complete(level))}
    if not complete:
        return []
    shown = _best(complete, -1 if directions[0] == "maximize" else 1)
    rows = [combination([t.evaluation() for t in runs], AVERAGE).row(label) for label, runs in shown.items()]
    columns = titles(rows)
    extra = [i for i, objective in enumerate(objectives) if not columns or objective in unscored]
    scored = score_body(rows, columns, AVERAGE) if columns else [(row.label, ()) for row in rows]
    body = tuple(
        (label, (*cells, *(_mean(runs, i) for i in extra)))
        for runs, (label, cells) in zip(shown.values(), scored, strict=True)
    )
    heads = (*columns, *(["Avg."] if columns else []), *(objectives[i] for i in extra))
    caption = [*_caption(rows, columns, len(complete) - len(shown)), *_left_out(levels, complete, missing)]
    if selected_by:
        caption.append(
            f"Scores on {selected_by} decided which runs went on, so these scores flatter the runs."
        )
    first = _without_first(levels, complete) if columns else []
    compared = comparisons.of_arms(rows, columns, name=f"{name}-differences") if columns else None
    to_base, note = _against_base(rows, columns, list(shown.values()), name)
    caption += [*first, *note]
    title = f"Comparison of {len(complete)} level{'s' * (len(complete) > 1)}"
    whole = [Table(title, heads, body, tuple(caption), name), *to_base, *([compared] if compared else [])]
    return [*whole[:-1], whole[-1].with_end(verdicts.sentence(rows, columns))]


def _bases(row: ResultRow, levels: Sequence[Level]) -> list[ResultRow]:
    """The base models of these levels, as far as they were measured like a row of the table."""
    settings = row.evaluations[0].settings
    folders = {trial.base for level in levels for trial in level}
    runs = [run for folder in folders if folder and (run := load_sound(folder))]
    return [
        ResultRow(str(run.config["model"]["title"]), (item,), measure_all(item.scores, AVERAGE, run.folder))
        for run in runs
        for item in evaluations(run)
        if not item.trained and settings.items() <= item.settings.items()
    ]


def _against_base(
    rows: list[ResultRow], columns: Sequence[str], levels: Sequence[Level], name: str
) -> tuple[list[Table], list[str]]:
    """What the control arms reach of a gain, and where a sweep asked for step 0 the differences to it; a note
    where there are control arms and the base model was not measured as they were."""
    with_controls = bool(controls.control_rows(rows))
    with_base = any("0" in _checkpoints(item) for row in rows for item in row.evaluations)
    if not columns or not (with_controls or with_base):
        return [], []
    bases = _bases(rows[0], levels)
    if len(bases) == 1:
        gains = comparisons.table(bases[0], rows, columns, name=f"{name}-base") if with_base else None
        if gains:
            gains = gains.with_end("On a benchmark whose kind was not trained, a loss is what was forgotten.")
        shares = controls.table([*bases, *rows], columns, name=f"{name}-controls")
        return list(filter(None, [gains, shares])), []
    return [], [
        "The share of the gain that the control arms reach is not known: no one base model was measured as "
        "the trials were. Give evaluation.checkpoints=[0,last]."
    ] * with_controls


def _checkpoints(item: Evaluation) -> list[str]:
    """The checkpoints that the config of a run asked for."""
    return list(item.run.config.get("evaluation", {}).get("checkpoints", []))


def _best(complete: dict[str, Level], sign: int) -> dict[str, Level]:
    """The first level, which is the baseline, and the best of the others if they are too many."""
    first, *others = complete
    if len(complete) > MOST:
        others = sorted(others, key=lambda label: sign * _mean(complete[label], 0).mean)[: MOST - 1]
    return {label: complete[label] for label in (first, *others)}


def _without_first(levels: dict[str, Level], complete: dict[str, Level]) -> list[str]:
    """The note where the first level, the baseline, has no complete run."""
    first, baseline = next(iter(levels)), next(iter(complete))
    if first == baseline:
        return []
    return [f"The first level, {first}, has no complete run: {_outcome(levels[first])}."]


def _left_out(levels: dict[str, Level], complete: dict[str, Level], missing: int) -> list[str]:
    """Notes on gaps: levels without a complete run, trials that are missing in a mean, and points that were
    not tried."""
    notes = []
    outcomes = {label: text for label, level in levels.items() if (text := _outcome(level))}
    if lost := [f"{label}: {text}" for label, text in outcomes.items() if label not in complete]:
        more = f"; and {len(lost) - LISTED} more" if len(lost) > LISTED else ""
        notes.append(f"Levels without a complete run: {'; '.join(lost[:LISTED])}{more}.")
    if partly := [label for label in outcomes if label in complete]:
        count = {label: sum(bool(trial.outcome) for trial in levels[label]) for label in partly}
        texts = [f"{label} ({count[label]}: {outcomes[label]})" for label in partly[:LISTED]]
        more = f"; and {len(partly) - LISTED} more levels" if len(partly) > LISTED else ""
        notes.append(f"Trials left out of their level's mean: {'; '.join(texts)}{more}.")
    if missing:
        notes.append(f"{missing} trial{'s were' if missing > 1 else ' was'} not run.")
    return notes


def _caption(rows: Sequence[ResultRow], columns: Sequence[str], hidden: int) -> list[str]:
    notes = []
    several = any(row.mean_of_runs for row in rows)
    if columns:
        mean = f", the mean over its runs, which differ in {SEED} alone" if several else ""
        notes.append(f"A row is a level at its last evaluated step{mean}.")
        notes += captions.of_scores(rows, columns, AVERAGE, REPLICATES, len(rows) > 1)
        if kinds := mixing.differing(evaluations_of(rows)).get("device"):
            notes.append(
                f"Trials were measured on several kinds of device ({' | '.join(kinds)}). A difference "
                "between rows may come from that alone."
            )
    elif several:
        notes.append(f"Runs that differ in {SEED} alone share a row.")
    if hidden:
        notes.append(f"The best levels are shown; the study has {hidden} more.")
    return notes
