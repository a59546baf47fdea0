"""The tables at the end of a command: written under outputs/tables/, and printed."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from openrs.analysis import formats
from openrs.analysis.run_records import RunRecords, load_sound
from openrs.analysis.tables import table1
from openrs.analysis.tables.table import Table
from openrs.terminal import say, show

Ways = Collection[tuple[str, str]]
"""Benchmarks, each with the id of the settings by which it is measured."""


def of_command(folders: Iterable[Path], ways: Ways, outputs: Path) -> None:
    """Table 1 of the runs in these folders, as a command measures them.

    Raises:
        Mistake: no run has a score.
    """
    runs = runs_in(folders)
    own = [_measured(run, ways) for run in runs]
    # of a command that evaluates nothing, what others measured is better than no table
    show_table1(own if any(run.scores for run in own) else runs, outputs)


def measured_alike(runs: list[RunRecords]) -> list[RunRecords]:
    """The runs, where there are trained ones without what was measured in other ways than theirs."""
    ways = {(score.benchmark, score.settings_id) for run in runs for score in run.scores if score.step > 0}
    return [_measured(run, ways) for run in runs] if ways else runs


def _measured(run: RunRecords, ways: Ways) -> RunRecords:
    """A run with the scores that were measured in these ways alone."""
    kept = (score for score in run.scores if (score.benchmark, score.settings_id) in ways)
    return replace(run, scores=tuple(kept))


def runs_in(folders: Iterable[Path]) -> list[RunRecords]:
    """The records of the runs in these folders, each once; a folder without a run is left out."""
    return [run for folder in dict.fromkeys(folders) if (run := load_sound(folder)) is not None]


def show_table1(runs: list[RunRecords], outputs: Path) -> None:
    """Writes and prints Table 1 of these runs."""
    if not any(run.scores or run.sequential for run in runs) and any(run.looked_at for run in runs):
        say("no table yet: looks at the reference alone say nothing until a checkpoint is compared with it")
        return
    show_tables(table1.everything(runs), outputs)


def show_tables(tables: list[Table], outputs: Path) -> None:
    """Writes tables in every format and prints them as Markdown."""
    try:
        written = f"written: {', '.join(map(str, formats.write(tables, outputs / 'tables')))}"
    except OSError as error:
        written = f"not written: {error.filename or outputs / 'tables'} ({error.strerror})"
    show(formats.together(tables, "md"))
    say(written)
