"""`openrs watch outputs/`: Table 1, training curves and sweeps in a terminal, while runs go on.

Only the newest runs are read, so that looking stays cheap beside a sweep; nothing is written.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from openrs.analysis import curves, formats
from openrs.analysis.curves import Trace
from openrs.analysis.rows import result_rows
from openrs.analysis.run_records import RunRecords, load_sound
from openrs.analysis.tables import table1
from openrs.analysis.tables.table import Entry, Table
from openrs.terminal import plain

RUNS = 8
"""Trained runs that are shown: those that wrote something last."""
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 32
"""Characters of a curve."""
NAMED = 14
"""Characters that a row's name has at least, in a narrow terminal too."""
SHARE = 0.2
"""At most this share of the time is spent looking: a slow disk makes pauses longer."""


def watch(outputs: Path, every: float, once: bool = False, storage: str | None = None) -> None:
    """Shows the outputs folder until Ctrl-C.

    Args:
        every: seconds between two looks, at least.
        once: print one frame and return.
        storage: where sweeps are stored that have no file under outputs/sweeps/.
    """
    if once:
        Console().print(frame(outputs, storage))
        return
    try:
        with Live(screen=True, auto_refresh=False) as live:
            while True:
                began = time.perf_counter()
                live.update(frame(outputs, storage), refresh=True)
                time.sleep(max(every, (time.perf_counter() - began) / SHARE))
    except KeyboardInterrupt:
        return


def frame(outputs: Path, storage: str | None = None) -> RenderableType:
    """One look at the folder; a folder without runs is no error, as a sweep may only be starting."""
    from openrs.studies import status  # Optuna

    folders = sorted((path.parent for path in outputs.glob("runs/*/run.json")), key=touched, reverse=True)
    head = Text(f"{plain(str(outputs))}  {datetime.now():%H:%M:%S}  {len(folders)} runs", style="bold")
    trained = [folder for folder in folders if not _untrained(folder)]
    visible = {*(folder for folder in folders if _untrained(folder)), *trained[:RUNS]}
    runs = [run for folder in sorted(visible) if (run := load_sound(folder)) is not None]
    parts: list[RenderableType] = [head]
    if len(trained) > RUNS:
        parts.append(Text(f"Shown: the {RUNS} of {len(trained)} trained runs that wrote last", style="dim"))
    if not folders:
        parts.append(Text("No run has started yet."))
    parts += [Text(plain(line)) for line in status.overview(outputs, storage)]
    parts += _scores(runs)
    traces = curves.traces(runs)
    parts += [_sparklines(title, traces[key]) for key, title in curves.LOGGED.items() if key in traces]
    return Group(*parts, Text("Ctrl-C ends this view; runs and sweeps go on.", style="dim"))


def touched(folder: Path) -> float:
    """When a run last wrote a record or a line of its log, in seconds since the epoch."""
    places = [folder / "run.json", folder / "train" / "metrics.jsonl", *folder.glob("eval/*")]
    return max((place.stat().st_mtime for place in places if place.exists()), default=0.0)


def _untrained(folder: Path) -> bool:
    return (folder / "eval" / "step-00000").exists()


def _scores(runs: list[RunRecords]) -> list[RenderableType]:
    """Table 1 of each group of rows that may share one."""
    scored = [run for run in runs if run.scores]
    if not scored:
        return [Text("No checkpoint is evaluated yet.")]
    return [_grid(table1.of_rows(result_rows(part.evaluations))[0]) for part in table1.parts(scored)]


def _grid(table: Table) -> Grid:
    grid = Grid(
        title=Text(plain(table.title)),
        caption="bold: best beyond noise; ≈: cannot be told from the best (of the rows shown)",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
    )
    grid.add_column("", overflow="fold", min_width=NAMED)
    for column in table.columns:
        grid.add_column(Text(plain(column.replace("nano-", "nano-\n"))))
    for label, entries in table.rows:
        grid.add_row(Text(plain(label)), *map(_cell, entries))
    return grid


def _cell(entry: Entry) -> Text:
    estimate, rest, flags, strong = formats.parts(entry)
    shown = plain(f" {rest} {flags}".rstrip())
    return Text.assemble((plain(estimate), "bold" if strong else ""), (shown, "dim"))


def _sparklines(title: str, traces: Sequence[Trace]) -> Grid:
    grid = Grid(title=title, box=None, title_justify="left", padding=(0, 2, 0, 0))
    for name in ("", "step", "first to last", "last", "lowest to highest"):
        grid.add_column(name, justify="right" if name in ("step", "last") else "left")
    for trace in traces:
        line = sparkline(trace.values)
        reach = f"{min(trace.values):.4g} to {max(trace.values):.4g}"
        grid.add_row(Text(plain(trace.label)), str(trace.steps[-1]), line, f"{trace.values[-1]:.4g}", reach)
    return grid


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve of at most `width` characters, each the mean of as many values, from lowest to highest bar."""
    parts = min(width, len(values))
    edges = [len(values) * i // parts for i in range(parts + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    if high == low:
        return BARS[0] * parts
    return "".join(BARS[round((mean - low) / (high - low) * (len(BARS) - 1))] for mean in means)
