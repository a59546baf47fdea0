"""The tables at the end of a command: written under outputs/tables/, and printed."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openrs.plan import Plan
from openrs.terminal import say, show

if TYPE_CHECKING:
    from openrs.analysis.run_records import RunRecords
    from openrs.analysis.tables.table import Table


def collect(plans: list[Plan]) -> None:
    """Table 1 of these runs and of their base models, as the commands measure them.

    Raises:
        Mistake: no run has a score.
    """
    folders = (run.folder for plan in plans for run in (plan.base, plan.run))
    ways = {(name, settings) for plan in plans for name, (settings, _) in plan.ids.items()}
    runs = runs_in(folders)
    own = [_measured(run, ways) for run in runs]
    # of a command that evaluates nothing, what others measured is better than no table
    show_table1(own if any(run.scores for run in own) else runs, Path(plans[0].config.outputs))


def measured_alike(runs: "list[RunRecords]") -> "list[RunRecords]":
    """The runs, where there are trained ones without what was measured in other ways than theirs."""
    ways = {(score.benchmark, score.settings_id) for run in runs for score in run.scores if score.step > 0}
    return [_measured(run, ways) for run in runs] if ways else runs


def _measured(run: "RunRecords", ways: set[tuple[str, str]]) -> "RunRecords":
    """A run with the scores that were measured in these ways (benchmark and settings) alone."""
    kept = (score for score in run.scores if (score.benchmark, score.settings_id) in ways)
    return replace(run, scores=tuple(kept))


def runs_in(folders: Iterable[Path]) -> "list[RunRecords]":
    """The records of the runs in these folders, each once; a folder without a run is left out."""
    from openrs.analysis.run_records import load_sound

    return [run for folder in dict.fromkeys(folders) if (run := load_sound(folder)) is not None]


def show_table1(runs: "list[RunRecords]", outputs: Path) -> None:
    """Writes and prints Table 1 of these runs."""
    from openrs.analysis.tables import table1

    if not any(run.scores or run.sequential for run in runs) and any(run.looked_at for run in runs):
        say("no table yet: looks at the reference alone say nothing until a checkpoint is compared with it")
        return
    show_tables(table1.everything(runs), outputs)


def show_tables(tables: "list[Table]", outputs: Path) -> None:
    """Writes tables in every format and prints them as Markdown."""
    from openrs.analysis import formats

    try:
        written = f"written: {', '.join(map(str, formats.write(tables, outputs / 'tables')))}"
    except OSError as error:
        written = f"not written: {error.filename or outputs / 'tables'} ({error.strerror})"
    show(formats.together(tables, "md"))
    say(written)
