"""The paper's Tables 2 to 4, costs and benchmark sizes: the published columns with measured ones beside them.

Measured columns come from the ledger of each run (`cost.jsonl`), or from its training record where there is
no ledger.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.analysis.factors import differences
from openrs.analysis.run_records import RunRecords, load_all
from openrs.analysis.tables.table import BLANK, Table
from openrs.errors import Mistake
from openrs.records import faults, ledger, paper
from openrs.records.left_out import sound_record


@dataclass(frozen=True)
class Cost:
    """A run's training cost."""

    device_hours: float
    dollars: float | None
    """None where no price is known."""
    source: str
    """The record that states the figure."""


def training(run: RunRecords) -> Cost | None:
    """The training cost of a run, or None where nothing states it (a base model, an imported result).

    The ledger counts the time the devices were held; `train.json`, which older runs have alone, counts
    training steps and is priced by the run's own config.
    """
    if spent := ledger.spent(run.folder, "train"):
        return Cost(spent.device_hours, spent.dollars, "ledger: devices held, start-up included")
    record = sound_record(run.folder / "train.json", faults.of_training)
    if record is None:
        return None
    price = run.config.get("hardware", {}).get("price_per_device_hour")
    hours = float(record["device_hours"])
    return Cost(hours, None if price is None else hours * price, "train.json: training steps alone")


def cost_table(number: int, outputs: Path) -> list[Table]:
    """Table 2 or 3, with the runs at paper scale as columns; runs at nano scale in a table of their own.

    Args:
        number: 2 (7B models) or 3 (1.5B models).
    """
    published = paper.TABLE2 if number == 2 else paper.TABLE3
    size = "7B" if number == 2 else "1.5B"
    measured: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for label, scale, values in _measured(outputs):
        measured[scale][f"{label} (measured here)"] = values
    tables = [
        _columns(
            f"Table {number}: data and training cost of {size} models",
            {f"{name} (published)": values for name, values in published.items()} | measured.pop("paper", {}),
            f"Published columns: {paper.SOURCE}, Table {number}.",
        )
    ]
    for scale, columns in measured.items():
        note = f"Runs at {scale} scale are not comparable with published numbers."
        tables.append(_columns(f"Table {number}, measured here at {scale} scale", columns, note))
    return tables


def _columns(title: str, columns: dict[str, tuple[str, ...]], note: str) -> Table:
    rows = tuple(zip(paper.ATTRIBUTES, zip(*columns.values(), strict=True), strict=True))
    notes = [note]
    if any("measured here" in name for name in columns):
        notes.append(
            "Measured columns: time is the wall time of the train stage with its start-up; cost is "
            "device-hours times hardware.price_per_device_hour, with evaluation beside it; RL data is rows x "
            "group size, with what the run has seen."
        )
    return Table(title, tuple(columns), rows, tuple(notes))


def _measured(outputs: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Label, scale and values of every trained run."""
    try:
        runs = load_all(outputs)
    except Mistake:
        return []  # the published columns stand alone
    differing = differences(runs)
    columns = []
    for run in runs:
        train = sound_record(run.folder / "train.json", faults.of_training)
        if train is not None:
            label = f"{run.name}, {differing[run.id]}" if differing[run.id] else run.name
            columns.append((label, run.config["scale"]["name"], _values(run, train)))
    return columns


def _values(run: RunRecords, train: dict[str, Any]) -> tuple[str, ...]:
    """A run's values, in the order of the paper's attributes."""
    algorithm, folder = run.recipe["algorithm"], run.folder
    prompts = train["last_step"] * algorithm["prompts_per_step"]
    rows, group = sum(train["rows"].values()), algorithm["group_size"]
    hardware = {
        f"{entry['hardware']} ({entry['devices']} device{'s' * (entry['devices'] > 1)})"
        for entry in ledger.entries(folder)
    }
    training, evaluation = ledger.spent(folder, "train"), ledger.spent(folder, "evaluate")
    time = cost = BLANK
    if training is not None:
        hours = training.wall_hours
        time = f"{hours:.3g}h" if hours >= 0.1 else f"{hours * 60:.2g} min"
        cost = f"{training}" + ("" if evaluation is None else f"; evaluation {evaluation}")
    data = f"{rows} x {group} (seen: {prompts} x {group})"
    return (
        run.config["model"]["title"],
        "0",
        "0",
        "None",
        data,
        ", ".join(sorted(hardware)) or BLANK,
        time,
        cost,
    )


def table4(outputs: Path) -> list[Table]:
    """The benchmarks and their sizes: published, and as the scores here counted them."""
    counted: dict[str, set[int]] = defaultdict(set)
    try:
        runs = load_all(outputs)
    except Mistake:
        runs = []
    for score in (score for run in runs for score in run.scores):
        counted[score.title].add(score.n)
    titles = [*paper.PROBLEMS, *sorted(title for title in counted if title not in paper.PROBLEMS)]
    rows = tuple(
        (
            title,
            (str(paper.PROBLEMS.get(title, BLANK)), "/".join(map(str, sorted(counted[title]))) or BLANK),
        )
        for title in titles
    )
    notes = [f"Published: {paper.SOURCE}, Table 4. Evaluated here: the problems of the scores in {outputs}."]
    if any(title.startswith("nano-") for title in titles):
        notes.append("nano-X replaces X with procedural problems.")
    columns = ("# Samples (published)", "# Problems (evaluated here)")
    title = "Table 4: benchmarks and their sizes"
    return [Table(title, columns, rows, tuple(notes), labels="Dataset")]


TABLES: dict[str, Callable[[Path], list[Table]]] = {
    "table2": lambda outputs: cost_table(2, outputs),
    "table3": lambda outputs: cost_table(3, outputs),
    "table4": table4,
}
