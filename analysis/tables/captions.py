"""What captions say of any table: where its numbers are from, and what its marks mean."""

from collections.abc import Sequence

from openrs.analysis.lines import Line, differing_settings
from openrs.analysis.mixing import NOT_STATED
from openrs.analysis.records import Row

MARKED = (
    "Bold marks the best row of a column where noise does not explain its lead; ≈ marks rows that cannot be "
    "told from the best (paired tests where the problems match, Holm over all pairs of rows, 5 %)."
)
OVER_RUNS = (
    "A mean of training runs averages each run first, then the runs. Its interval is over runs on these "
    "problems and leaves out what other problems would add; the tests of differences include that."
)
NANO = "nano-X replaces X with procedural problems: its scores are not comparable with published ones."


def measured_how(made: Sequence[Line], columns: Sequence[str]) -> list[str]:
    """Where these numbers are from: scale, problems, answers a problem, sampling seeds, settings."""
    rows = [row for line in made for row in line.rows]
    cells = [line.cells[title] for line in made for title in columns if title in line.cells]
    imported = all(row.run.imported for row in rows)
    scales = sorted({str(row.run.config["scale"]["name"]) for row in rows})
    sizes = ", ".join(
        f"{t} {'/'.join(map(str, sorted({line.cells[t].n for line in made if t in line.cells})))}"
        for t in columns
    )
    where = "Imported, not measured here" if imported else f"Measured here at {'/'.join(scales)} scale"
    answers = "/".join(map(str, sorted({cell.k for cell in cells})))
    return [
        f"{where}. Problems: {sizes}; answers per problem: {answers}.",
        f"Sampling: seeds {', '.join(sorted({span(cell.seeds) for cell in cells}))}, {_settings(rows)}.",
    ]


def nano_note(columns: Sequence[str]) -> list[str]:
    """What must be said of nano's benchmarks, where some are among the columns."""
    return [NANO] if any(title.startswith("nano-") for title in columns) else []


def _settings(rows: list[Row]) -> str:
    differing, first = differing_settings(rows), rows[0].settings

    def said(key: str) -> str:
        return "as the row says" if key in differing else str(first.get(key, NOT_STATED))

    dtype = said("dtype")
    return (
        f"temperature {said('temperature')}, top_p {said('top_p')}, token limit {said('max_new_tokens')}, "
        f"engine {said('engine')}, "
        f"{'number format' if dtype == NOT_STATED else 'weights in'} {dtype}"
    )


def span(seeds: tuple[int, ...]) -> str:
    """Sampling seeds in words; those below 0 were not stated."""
    if any(seed < 0 for seed in seeds):
        return NOT_STATED if len(seeds) == 1 else f"{NOT_STATED} ({len(seeds)} distinct outputs)"
    if len(seeds) > 2 and seeds != tuple(range(seeds[0], seeds[0] + len(seeds))):
        return ", ".join(map(str, seeds))
    return f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
