"""Numbers that others published, as data with their sources; always a table of their own, marked.

`paper` is the paper's Table 1, `sober` the re-evaluation of its models with several seeds, `others` what
else is public. They are never put into a table of measured rows: other harnesses, hardware and seeds.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from openrs.analysis.cells import Cell
from openrs.analysis.rows import ResultRow, result_rows, titles
from openrs.analysis.run_records import RunRecords
from openrs.analysis.statistics import intervals
from openrs.analysis.tables import comparisons
from openrs.analysis.tables.table import PUBLISHED, Table, Value
from openrs.analysis.tables.table1 import Options, parts, select
from openrs.analysis.tables.values import printed
from openrs.records import paper
from openrs.records.paper import PROBLEMS, TITLES

DATA = Path(__file__).parent / "reference_data"
NAMES = ("paper", "sober", "sober-all", "others")
MARK = "Published, not measured here"

HARNESS = 5.0
"""Points by which a re-evaluation of the base exceeds its published score where that is no reference."""

SOBER = (
    'Hochlehner et al., "A Sober Look at Progress in Language Model Reasoning", arXiv 2504.07086 (COLM '
    "2025), Table 3 and the data of its leaderboard"
)
SOBER_MODELS = (
    *("DeepSeek-R1-Distill-Qwen-1.5B", "Open-RS1", "Open-RS2", "Open-RS3"),
    *("STILL-3-1.5B-preview", "DeepScaleR-1.5B-Preview"),
)
"""The models that the paper's own table has too."""
OTHERS = {
    "gpg": "README of AMAP-ML/GPG, one sample per problem",
    "tina": "shangshang-wang/Tina, baseline_eval.png, one sample per problem",
    "issue-6": "knoveleng/open-rs, issue 6 (the author, the same code and seed on two cards)",
    "issue-11": "knoveleng/open-rs, issue 11",
    "issue-12": "knoveleng/open-rs, issue 12",
    "rllm-12": "rllm, issue 12, with its own evaluation script",
    "rllm-70": "rllm, issue 70",
    "2509.21882": "Tu et al., arXiv 2509.21882, as a public wiki quotes it; its table was not seen",
    "lora-a100": "the change log of a public reproduction, which states differences to the paper's "
    "numbers; the values were computed here from these",
}


def table(name: str) -> Table:
    """A published table by its name in NAMES."""
    tables = {"paper": _paper, "sober": _sober, "sober-all": lambda: _sober(False), "others": _others}
    published = tables[name]()
    return replace(published, origins=(PUBLISHED,) * len(published.rows))


def _paper() -> Table:
    body = tuple(
        (row.model, tuple(None if n is None else Value(n) for n in (*row.scores, row.average)))
        for row in paper.TABLE1
    )
    caption = (
        "The Open-RS rows have one sample per problem; the paper gives no intervals.",
        f"Source: {paper.SOURCE}, Table 1.",
    )
    return Table(f"{MARK}: the paper's Table 1", (*TITLES, "Avg."), body, caption, "paper")


def _sober(of_paper: bool = True) -> Table:
    body = []
    for row in _read("sober.csv"):
        if of_paper and row["model"] not in SOBER_MODELS:
            continue
        cells = [Value(float(row[title]), std=float(row[f"{title} std"])) for title in TITLES]
        average = Value(sum(cell.mean for cell in cells) / len(cells))
        body.append((row["model"], (*cells, average)))
    if of_paper:
        body.sort(key=lambda item: SOBER_MODELS.index(item[0]))
    return Table(
        f"{MARK}: an independent re-evaluation",
        (*TITLES, "Avg."),
        tuple(body),
        (
            "A cell is the mean ± standard deviation over 10 seeds (AIME24, AMC23) or 3 (the others), with "
            "lighteval 0.8.1, vLLM 0.7.2, A100, temperature 0.8, top_p 0.9 and the paper's own task file.",
            "Avg. is the mean of the five columns, computed here.",
            f"Source: {SOBER}.",
        ),
        "sober" if of_paper else "sober-all",
    )


def _others() -> Table:
    body = []
    for row in _read("reevaluations.csv"):
        cells = [Value(float(row[title])) if row[title] else None for title in TITLES]
        body.append((f"{row['model']} ({row['reference']}: {row['note']})", tuple(cells)))
    sources = tuple(f"{name}: {source}." for name, source in OTHERS.items())
    return Table(f"{MARK}: other re-evaluations", TITLES, tuple(body), sources, "others")


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def base_differences(runs: Sequence[RunRecords], options: Options) -> list[Table]:
    """Differences of imported models to the paper's base row, where they share a benchmark.

    Rows share a table, and checkpoints and columns are selected, as Table 1 has them: a benchmark that
    selected the checkpoints is not reported here either.
    """
    tables: list[Table] = []
    for part in parts(runs, options.mixed):
        members, columns, notes = select(part, options)
        trained = [item for item in members if item.trained]
        rows = result_rows(trained, mixed=tuple(options.mixed), selected=options.selection is not None)
        rows, left_out = _of_published_size([row for row in rows if not row.mean_of_runs])
        shown = [t for t in titles(rows) if t in TITLES and (columns is None or t in columns)]
        if shown:
            name = f"base-differences-{len(tables) + 1}" if tables else "base-differences"
            tables.append(_against_base(rows, shown, (*left_out, *notes), name))
    return tables


def _of_published_size(rows: list[ResultRow]) -> tuple[list[ResultRow], list[str]]:
    """The rows' scores on as many problems as the published row has, and what the caption says of others."""
    other = defaultdict(list)
    comparable = []
    for row in rows:
        same = {title: cell for title, cell in row.cells.items() if cell.n == PROBLEMS.get(title)}
        for title in row.cells.keys() & PROBLEMS.keys() - same.keys():
            other[title, row.cells[title].n].append(row.label)
        if same:
            comparable.append(replace(row, cells=same))
    return comparable, [
        f"Not compared: {title} of {'; '.join(labels)}, measured on {n} problems; the published row has "
        f"{PROBLEMS[title]}."
        for (title, n), labels in sorted(other.items())
    ]


def _against_base(rows: list[ResultRow], shown: list[str], notes: tuple[str, ...], name: str) -> Table:
    base = _base()
    numbers = ", ".join(f"{title} {printed(100 * base.cells[title].value)}" for title in shown)
    other = _re_evaluated()
    doubtful = [title for title in shown if other[title] - 100 * base.cells[title].value > HARNESS]
    table = comparisons.table(base, rows, shown, name=name, unjudged=doubtful)
    re_evaluated = " and ".join(f"{other[title]:.1f} on {title}" for title in doubtful)
    caption = (
        *table.caption,
        "The paper copied the base row from other authors, who used another harness and a number of "
        "samples that the paper does not state; here it counts as one answer per problem. No interval "
        "covers the effect of the harness.",
        *(
            [
                f"An independent re-evaluation of the base with the paper's task file found {re_evaluated} "
                "(--reference sober), so a difference there, or on average, is no verdict on training."
            ]
            if doubtful
            else []
        ),
        f"Source: {paper.SOURCE}, Table 1.",
        *notes,
    )
    return replace(
        table, title=f"Differences to the published base row ({paper.BASE}: {numbers})", caption=caption
    )


def _re_evaluated() -> dict[str, float]:
    """Benchmark -> the score of the base model in the independent re-evaluation."""
    row = next(row for row in _read("sober.csv") if row["model"] == paper.BASE)
    return {title: float(row[title]) for title in TITLES}


def _base() -> ResultRow:
    """The paper's row of the base model."""
    scores = next(row.scores for row in paper.TABLE1 if row.model == paper.BASE)
    cells = {
        title: Cell(intervals.of_aggregate(score / 100, PROBLEMS[title]), PROBLEMS[title], 1, ())
        for title, score in zip(TITLES, scores, strict=True)
        if score is not None
    }
    return ResultRow(f"{paper.BASE} (published)", (), cells)
