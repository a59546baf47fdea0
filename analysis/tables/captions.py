"""Captions of tables of scores: the origin of the numbers, and the meaning of the marks."""

from collections.abc import Collection, Sequence

from openrs.analysis import mixing
from openrs.analysis.cells import Metric
from openrs.analysis.mixing import NOT_STATED
from openrs.analysis.rows import ResultRow, differing_settings, evaluations_of
from openrs.analysis.run_records import Evaluation
from openrs.analysis.statistics.differences import RUNS
from openrs.analysis.tables.comparisons import FEW, TOO_FEW
from openrs.analysis.tables.detectable import detectable
from openrs.analysis.tables.values import span

MARKED = (
    "Bold marks the best row of a column where noise does not explain its lead; ≈ marks rows that cannot be "
    "told from the best (paired tests where problems match, Holm over all pairs of rows and columns, 5 %)."
)
OVER_RUNS = (
    "A mean of training runs averages each run first, then the runs. Its interval covers other problems and "
    "other training seeds; that of a single run covers other problems only."
)
NANO = "nano-X replaces X with procedural problems: its scores are not comparable with published ones."


def too_few(rows: Sequence[ResultRow], columns: Sequence[str]) -> bool:
    """Whether every benchmark has so few problems that no outcome is beyond noise."""
    return (
        max((row.cells[title].n for row in rows for title in columns if title in row.cells), default=0) < FEW
    )


def of_scores(
    rows: Sequence[ResultRow],
    columns: Sequence[str],
    metric: Metric,
    mean_over: str = "sampling seeds",
    marked: bool = False,
    mixed: Collection[str] = (),
) -> list[str]:
    """The lines below a table of scores; one line where there are too few problems to say anything.

    Args:
        columns: benchmarks.
        mean_over: the subject of a cell's mean.
        marked: whether the best of several rows are marked.
        mixed: traits in which rows may differ.
    """
    evaluations = [item for item in evaluations_of(rows) if item.scores]
    cells = [row.cells[title] for row in rows for title in columns if title in row.cells]
    kinds = sorted({cell.estimate.kind for cell in cells} - {""})
    seeds = sorted({span(cell.seeds) for cell in cells})
    marked = marked and sum(not row.one_of_several for row in rows) > 1
    lines = [_measured_where(rows, columns, evaluations), *_same_for_all(rows, columns)]
    if too_few(rows, columns):
        lines = [f"{TOO_FEW}. {lines[0]}", *lines[1:]]
    else:
        lines += [
            f"Sampling: seeds {', '.join(seeds)}, {_settings(evaluations)}.",
            f"A cell is the mean over {mean_over}, with its 95 % interval ({', '.join(kinds)}).",
            *([OVER_RUNS] if RUNS in kinds else []),
            *([MARKED] if marked else []),
            *detectable(rows, columns, metric),
            *([NANO] if any(title.startswith("nano-") for title in columns) else []),
        ]
    if traits := {trait: v for trait, v in mixing.differing(evaluations).items() if trait in mixed}:
        texts = (f"{mixing.TRAITS[trait]} ({' | '.join(values)})" for trait, values in traits.items())
        lines.append(
            f"Mixed by --mixed: rows differ in {'; '.join(texts)}. A difference between them may come from "
            "that alone."
        )
    timeouts = sum(
        sum(s.timed_out) for item in evaluations for scores in item.scores.values() for s in scores
    )
    if timeouts:
        lines.append(f"{timeouts} answers could not be verified in time and count as wrong.")
    return lines


def _measured_where(
    rows: Sequence[ResultRow], columns: Sequence[str], evaluations: Sequence[Evaluation]
) -> str:
    """Scale, problems, and answers a problem."""
    scales = sorted({str(item.run.config["scale"]["name"]) for item in evaluations})
    imported = all(item.run.imported for item in evaluations)
    where = "Imported, not measured here" if imported else f"Measured here at {'/'.join(scales)} scale"
    cells = {title: [row.cells[title] for row in rows if title in row.cells] for title in columns}
    sizes = (f"{t} {'/'.join(map(str, sorted({cell.n for cell in column})))}" for t, column in cells.items())
    answers = "/".join(map(str, sorted({cell.k for column in cells.values() for cell in column})))
    return f"{where}. Problems: {', '.join(sizes)}; answers per problem: {answers}."


def _same_for_all(rows: Sequence[ResultRow], columns: Sequence[str]) -> list[str]:
    """Names the benchmarks on which no row has a right answer, or none a wrong one."""
    texts = []
    for share, kind in ((0.0, "right"), (1.0, "wrong")):
        titles = [
            title
            for title in columns
            if (cells := [row.cells[title] for row in rows if title in row.cells])
            and all(cell.bounded and cell.higher_is_better and cell.value == share for cell in cells)
        ]
        if titles:
            texts.append(f"No row has a {kind} answer on {', '.join(titles)}, which tells nothing apart.")
    return texts


def _settings(evaluations: Sequence[Evaluation]) -> str:
    differing, first = differing_settings(evaluations), evaluations[0].settings

    def text(key: str) -> str:
        return "as the row says" if key in differing else str(first.get(key, NOT_STATED))

    dtype = text("dtype")
    devices = sorted({str(item.settings.get("device", NOT_STATED)) for item in evaluations})
    return (
        f"temperature {text('temperature')}, top_p {text('top_p')}, token limit {text('max_new_tokens')}, "
        f"engine {text('engine')}, {'number format' if dtype == NOT_STATED else 'weights in'} {dtype}, "
        f"device {' | '.join(devices)}"
    )
