"""Which rows of a column are the best, and which cannot be told from it."""

from collections.abc import Sequence

from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics.multiple_tests import holm
from openrs.analysis.tables.comparisons import FEW, LEVEL, Study
from openrs.analysis.tables.table import BEST, TIED


def marks(rows: Sequence[ResultRow], columns: Sequence[Sequence[str]]) -> list[dict[int, str]]:
    """For each column, which is a benchmark or the average of several: index of a row -> BEST or TIED.

    The best row is compared with every other. As it was found by looking, the family is all pairs of rows in
    all columns (Holm): with equal rows, one is called worse than the best in at most 5 % of tables. Runs
    whose mean is in the table stand aside.
    """
    study, compared = Study(rows), [i for i, row in enumerate(rows) if not row.one_of_several]
    leaders: list[tuple[int, list[int], list[float]]] = []
    family = 0.0
    for titles in columns:
        whole = [i for i in compared if all(title in rows[i].cells for title in titles)]
        cells = [rows[i].cells[title] for i in whole for title in titles]
        if len(whole) < 2 or max(cell.n for cell in cells) < FEW:
            leaders.append((-1, [], []))
            continue
        sign = 1 if cells[0].higher_is_better else -1
        best = max(whole, key=lambda i: sign * sum(rows[i].cells[title].value for title in titles))
        others = [i for i in whole if i != best]
        pairs = (study.pair(rows[i], rows[best], titles) for i in others)
        ps = [(pair.average or next(iter(pair.parts.values()))).p for pair in pairs]
        leaders.append((best, others, ps))
        family += len(titles) * len(whole) * (len(whole) - 1) / 2
    weights = [float(len(titles)) for titles, (_, _, ps) in zip(columns, leaders, strict=True) for _ in ps]
    adjusted = iter(holm([p for _, _, ps in leaders for p in ps], family, weights))
    result = []
    for best, others, _ in leaders:
        tied = {i: TIED for i in others if next(adjusted) >= LEVEL}
        result.append({best: TIED if tied else BEST} | tied if others else {})
    return result
