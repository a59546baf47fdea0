"""The paper's Tables 2 to 4, costs and benchmark sizes: published columns, and what was measured beside.

Published values are data from the paper (arXiv 2503.16219 v2, Tables 2, 3 and 4). Measured columns come
from the ledger of each run (`cost.jsonl`) and its records.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from openrs import cost
from openrs.analysis.records import RunRecords, differences, load_all
from openrs.analysis.tables.text_table import TextTable
from openrs.errors import Mistake
from openrs.records.run import read_record

BLANK = "–"
SOURCE = 'Dang and Ngo, "Reinforcement Learning for Reasoning in Small LLMs", arXiv 2503.16219 v2'

ATTRIBUTES = ("Base Model", "SFT Data", "RM Data", "RM", "RL Data", "Hardware", "Time", "Cost Est.")
R1_DISTILL = "DeepSeek-R1-Distill-Qwen-1.5B"
OPEN_RS = (R1_DISTILL, "0", "0", "None", "7k x 6", "1x 4 A40 48GB", "24h", "$42")
TABLE2 = {
    "rStar-Math-7B": (
        *("Qwen2.5-Math-7B", "7.3M", "7k", "None", "3.647M x 16"),
        *("10x 8 H100 80GB, 15x 4 A100 40GB", BLANK, BLANK),
    ),
    "Eurus-2-7B-PRIME": (
        *("Qwen2.5-Math-7B", "230k", "0", "Eurus-2-7B-SFT", "150k x 4"),
        *("1x 8 A100 80GB", "72h", "$1088"),
    ),
    "Qwen2.5-7B-SimpleRL": (
        *("Qwen2.5-Math-7B", "0", "0", "None", "8k x 8"),
        *("4x 6 A100 80GB", "36h", "$1633"),
    ),
    "Open-RS": OPEN_RS,
}
"""Column -> its values in the order of ATTRIBUTES: 7B models."""
TABLE3 = {
    "DeepScaleR-1.5B-Preview": (
        *(R1_DISTILL, "0", "0", "None", "40k x 16"),
        *("8x A100 80GB", "240h", "$3629"),
    ),
    "Still-3-1.5B-Preview": (
        *(R1_DISTILL, "0", "0", "None", "30k x 8"),
        *("1x 8 A100 80GB", "150h", "$2268"),
    ),
    "Open-RS": OPEN_RS,
}
"""The same for 1.5B models."""
TABLE4 = {"AIME24": 30, "MATH-500": 500, "AMC23": 40, "Minerva": 272, "OlympiadBench": 675}
"""Benchmark -> problems."""


def cost_table(number: int, outputs: Path) -> list[TextTable]:
    """Table 2 or 3, with the runs at paper scale as columns; runs at nano scale in a table of their own.

    Args:
        number: 2 (7B models) or 3 (1.5B models).
    """
    published = TABLE2 if number == 2 else TABLE3
    size = "7B" if number == 2 else "1.5B"
    measured: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for label, scale, values in _measured(outputs):
        measured["paper" if scale == "paper" else scale][f"{label} (measured here)"] = values
    tables = [
        _columns(
            f"Table {number}: data and training cost of {size} models",
            {f"{name} (published)": values for name, values in published.items()} | measured.pop("paper", {}),
            f"Published columns: {SOURCE}, Table {number}.",
        )
    ]
    for scale, columns in measured.items():
        note = f"Scale {scale}: not comparable with any published number."
        tables.append(_columns(f"Table {number}, measured here at {scale} scale", columns, note))
    return tables


def _columns(title: str, columns: dict[str, tuple[str, ...]], note: str) -> TextTable:
    rows = tuple(
        (attribute, *(values[index] for values in columns.values()))
        for index, attribute in enumerate(ATTRIBUTES)
    )
    notes = [note]
    if any("measured here" in name for name in columns):
        notes.append(
            "Measured: time is wall time of the train stage, start-up included; cost is device-hours x "
            "hardware.price_per_device_hour, evaluation apart; RL data is rows x group size, with what the "
            "run has seen."
        )
    return TextTable(title, ("", *columns), rows, tuple(notes))


def _measured(outputs: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Label, scale and values of every trained run."""
    try:
        runs = load_all(outputs)
    except Mistake:
        return []  # the published columns stand alone
    told = differences(runs)
    made = []
    for run in runs:
        folder = outputs / "runs" / f"{run.name}-{run.id[:8]}"
        train = read_record(folder / "train.json")
        if train is None:
            continue
        label = f"{run.name}, {told[run.id]}" if told[run.id] else run.name
        made.append((label, run.config["scale"]["name"], _values(run, folder, train)))
    return made


def _values(run: RunRecords, folder: Path, train: dict) -> tuple[str, ...]:  # type: ignore[type-arg]
    algorithm = run.recipe["algorithm"]
    prompts = train["last_step"] * algorithm["prompts_per_step"]
    rows, group = sum(train["rows"].values()), algorithm["group_size"]
    hardware = sorted({_hardware(line) for line in cost.ledger(folder)} or {BLANK})
    training, evaluation = cost.spent(folder, "train"), cost.spent(folder, "evaluate")
    return (
        run.config["model"]["title"],
        "0",
        "0",
        "None",
        f"{rows} x {group} (seen: {prompts} x {group})",
        ", ".join(hardware),
        BLANK if training is None else _hours(training.wall_hours),
        BLANK
        if training is None
        else f"{training}" + ("" if evaluation is None else f"; evaluation {evaluation}"),
    )


def _hardware(line: dict) -> str:  # type: ignore[type-arg]
    return f"{line['hardware']} ({line['devices']} device{'s' * (line['devices'] > 1)})"


def _hours(hours: float) -> str:
    return f"{hours:.3g}h" if hours >= 0.1 else f"{hours * 60:.2g} min"


def table4(outputs: Path) -> list[TextTable]:
    """The benchmarks and their sizes: published, and as the scores here counted them."""
    counted: dict[str, set[int]] = defaultdict(set)
    try:
        runs = load_all(outputs)
    except Mistake:
        runs = []
    for score in (score for run in runs for score in run.scores):
        counted[score.title].add(score.n)
    titles = [*TABLE4, *sorted(title for title in counted if title not in TABLE4)]
    rows = tuple(
        (
            title,
            str(TABLE4.get(title, BLANK)),
            "/".join(str(n) for n in sorted(counted[title])) if counted[title] else BLANK,
        )
        for title in titles
    )
    notes = [f"Published: {SOURCE}, Table 4. Evaluated here: problems of the scores in {outputs}."]
    if any(title.startswith("nano-") for title in titles):
        notes.append("nano-X stands in the place of X: procedural problems of its own.")
    header = ("Dataset", "# Samples (published)", "# Problems (evaluated here)")
    return [TextTable("Table 4: benchmarks and their sizes", header, rows, tuple(notes))]


TABLES: dict[str, Callable[[Path], list[TextTable]]] = {
    "table2": lambda outputs: cost_table(2, outputs),
    "table3": lambda outputs: cost_table(3, outputs),
    "table4": table4,
}
