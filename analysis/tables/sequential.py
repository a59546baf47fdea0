"""Comparisons in looks: each checkpoint against the reference, with an interval that is adjusted for them.

Checkpoints ended at different looks, so at different problems: their own scores are in no table, as neither
these nor plain intervals around them could be compared.
"""

from collections import defaultdict
from collections.abc import Sequence

from openrs.analysis.run_records import RunRecords
from openrs.analysis.statistics.multiple_tests import holm
from openrs.analysis.tables.captions import NANO
from openrs.analysis.tables.comparisons import LEVEL
from openrs.analysis.tables.table import NOISE, REAL, Entry, Table, Value, benchmark_order
from openrs.records.recipe import digest
from openrs.sequential.record import SequentialRecord

KIND = "repeated interval (Jennison and Turnbull), boundaries of O'Brien and Fleming by Lan and DeMets"
ENDED = {"futile": "futile: undecided"}
"""Verdict -> the word for it, where that is another."""

Item = tuple[str, SequentialRecord]
"""A row's label, and its record."""


def tables(runs: Sequence[RunRecords]) -> list[Table]:
    """A table for each reference and way of comparing."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for run in runs:
        for item in run.sequential:
            design = [item.tested, item.information, item.alpha, item.futility, sorted(item.effects)]
            way = digest([item.reference["run"], item.reference["step"], *design, item.seeds, item.settings])
            groups[way].append((f"{run.folder.name}, step {item.step}", item))
    names = (f"sequential-{place}" if place else "sequential" for place in range(len(groups)))
    return [_table(items, name) for items, name in zip(groups.values(), names, strict=False)]


def _table(items: Sequence[Item], name: str) -> Table:
    first = items[0][1]
    titles, average = benchmark_order(set(first.effects)), first.tested == "average"
    adjusted = holm([item.p for _, item in items])
    rows: list[tuple[str, tuple[Entry, ...]]] = []
    for (label, item), p in zip(items, adjusted, strict=True):
        tested = Value(
            100 * item.effect, 100 * item.low, 100 * item.high, KIND,
            p=p, mark=REAL if p < LEVEL else NOISE, paired=True,
        )  # fmt: skip
        cells: list[Entry] = [
            tested if title == item.tested else Value(100 * item.effects[title], paired=True)
            for title in titles
        ]
        looked = f"{item.look} of {len(item.information)}"
        rows.append(
            (label, (*cells, *([tested] if average else []), looked, ENDED.get(item.verdict, item.verdict)))
        )
    return Table(
        title=f"Sequential differences to {first.reference['run']}, step {first.reference['step']}",
        columns=(*titles, *(["Avg."] if average else []), "looks", "verdict"),
        rows=tuple(rows),
        caption=tuple(_caption([item for _, item in items], titles)),
        name=name,
    )


def _caption(items: Sequence[SequentialRecord], titles: Sequence[str]) -> list[str]:
    first = items[0]
    tested = "the average" if first.tested == "average" else first.tested
    sizes = ", ".join(f"{title} {first.problems[title][1]}" for title in titles)
    seeds = "; ".join(sorted({", ".join(map(str, own)) for own in first.seeds.values()}))
    shares = ", ".join(f"{100 * share:.0f}" for share in first.information)
    devices = " | ".join(sorted({kind for item in items for kind in item.devices}))
    settings = ", ".join(f"{key} {value}" for key, value in first.settings.items() if key != "instruction")
    lines = [
        f"Points, paired by problem. Looks were planned at {shares} % of the information; a comparison ended "
        f"where {tested} was decided, at level {first.alpha:g} over all looks. Problems, all looks taken: "
        f"{sizes}; sampling seeds {seeds}.",
        f"The {100 * (1 - first.alpha):g} % interval of {tested} and p hold however often one looked "
        f"({KIND}); p is corrected over the rows (Holm). Where the average decided, single "
        "benchmarks have no interval.",
        "An ended comparison tends to overstate the difference that ended it, the more the earlier it ended.",
        f"Measured with {settings}, on {devices}.",
    ]  # fmt: skip
    for name in ("devices", "verifiers"):
        if len(values := sorted({value for item in items for value in getattr(item, name)})) > 1:
            lines.append(f"Several {name} ({' | '.join(values)}): a difference may come from that alone.")
    if first.futility is not None:
        lines.append(f"Futile ends a comparison at conditional power below {first.futility:g}, undecided.")
    return lines + ([NANO] if any(title.startswith("nano-") for title in titles) else [])
