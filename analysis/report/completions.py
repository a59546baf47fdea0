"""A stated sample of completions, problem by problem, for rows side by side: disagreements first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openrs.analysis.lines import Line
from openrs.analysis.records import Row
from openrs.records.files import read_record
from openrs.records.scores import Score

MOST = 2000
"""Completions in a report."""
ROWS = 10
"""Rows that the viewer holds at most: a base model, and runs by their last checkpoint."""
LONGEST = 20_000
"""Characters of a completion; of a longer one the middle is left out, and the page says so."""
BUDGET = 12_000_000
"""Characters of all of them together."""


@dataclass
class Sample:
    """What the viewer shows."""

    rows: list[str]
    problems: list[dict[str, Any]] = field(default_factory=list)
    texts: int = 0
    said: str = ""

    def data(self) -> dict[str, Any]:
        """For the page."""
        return {"rows": self.rows, "problems": self.problems, "said": self.said}


@dataclass(frozen=True)
class _Column:
    """One row on one benchmark: its first seed's outcomes by problem."""

    row: Row
    score: Score
    correct: dict[str, int]


def sample(groups: Sequence[Sequence[Line]], most: int = MOST) -> Sample:
    """Draws the sample.

    Args:
        groups: lines of each table; the sample is of the first table that has completions.
        most: completions in all.
    """
    empty = Sample([], said="No completions are stored with these records.")
    for made in groups:
        chosen = _rows(made)
        by_title = _columns([line.rows[0] for line in chosen])
        if by_title:
            return _drawn(Sample([line.label for line in chosen]), chosen, by_title, most)
    return empty


def _rows(made: Sequence[Line]) -> list[Line]:
    """A base model, then each run's last evaluated checkpoint, in the table's order."""
    plain = [line for line in made if len(line.rows) == 1 and _stored(line.rows[0])]
    last: dict[str, Line] = {}
    for line in plain:
        last[line.rows[0].run.id] = line  # a run's rows come by step
    return list(last.values())[:ROWS]


def _stored(row: Row) -> bool:
    return any(_path(row, score).exists() for scores in row.cells.values() for score in scores[:1])


def _path(row: Row, score: Score) -> Path:
    return score.address.text_path(row.run.folder)


def _columns(rows: Sequence[Row]) -> dict[str, list[_Column | None]]:
    """Benchmark -> one column a row; None where a row has no completions of it."""
    found: dict[str, list[_Column | None]] = {}
    for place, row in enumerate(rows):
        for title, scores in row.cells.items():
            if scores[0].ids and _path(row, scores[0]).exists() and not _gated(row, scores[0]):
                columns = found.setdefault(title, [None] * len(rows))
                correct = dict(zip(scores[0].ids, scores[0].correct, strict=True))
                columns[place] = _Column(row, scores[0], correct)
    return found


def _gated(row: Row, score: Score) -> bool:
    """Whether the Hub gives the problems to those alone who accepted terms: a page is passed on."""
    benchmarks = row.run.config.get("catalog", {}).get("benchmarks", {})
    return bool(benchmarks.get(score.benchmark, {}).get("gated"))


def _drawn(
    made: Sample, chosen: Sequence[Line], by_title: dict[str, list[_Column | None]], most: int
) -> Sample:
    queues = {title: _ordered(columns) for title, columns in by_title.items()}
    picked: dict[str, list[str]] = {title: [] for title in queues}
    room, place = most, 0
    while room > 0 and any(place < len(queue) for queue in queues.values()):
        for title, queue in queues.items():
            width = sum(column is not None for column in by_title[title])
            if place < len(queue) and width <= room:
                picked[title].append(queue[place])
                room -= width
        place += 1
        if room < min(sum(column is not None for column in columns) for columns in by_title.values()):
            break
    total = sum(len(queue) for queue in queues.values())
    characters, shortened, left = 0, 0, 0
    for title, wanted in picked.items():
        texts = [None if column is None else _texts(column) for column in by_title[title]]
        questions = _questions(by_title[title])
        for key in wanted:
            entry, size, cut = _entry(title, key, by_title[title], texts, questions)
            if characters + size > BUDGET:
                left += 1
                continue
            made.problems.append(entry)
            characters, shortened = characters + size, shortened + cut
            made.texts += sum(answer is not None for answer in entry["a"])
    made.said = (
        f"{made.texts} completions of {len(made.problems)} problems (of {total}), first sampling seed, for "
        f"{len(chosen)} rows: the base model, then the last evaluated checkpoint of each run, at most {ROWS} "
        "rows. Problems on which the rows disagree come first, the most evenly split ones before the others."
    )
    if shortened:
        made.said += f" The middle of {shortened} completions over {LONGEST:,} characters is left out."
    if left:
        made.said += f" {left} problems were left out for the size of the page."
    return made


def _ordered(columns: Sequence[_Column | None]) -> list[str]:
    """Problems by how evenly the rows are split on them; equals by their id, which is a hash."""
    known = [column.correct for column in columns if column is not None]
    ids = set().union(*known)

    def key(problem: str) -> tuple[int, str]:
        right = sum(column.get(problem, 0) for column in known)
        wrong = sum(1 - column[problem] for column in known if problem in column)
        return -min(right, wrong), problem

    return sorted(ids, key=key)


def _texts(column: _Column) -> dict[str, tuple[str, list[str]]]:
    record = read_record(_path(column.row, column.score))
    assert record is not None
    gold = [item if isinstance(item, list) else [item] for item in record["gold"]]
    return dict(zip(record["ids"], zip(record["text"], gold, strict=True), strict=True))


def _entry(
    title: str,
    key: str,
    columns: Sequence[_Column | None],
    texts: Sequence[dict[str, tuple[str, list[str]]] | None],
    questions: dict[str, str],
) -> tuple[dict[str, Any], int, int]:
    """A problem with its answers, its size in characters, and how many answers were shortened."""
    answers: list[list[Any] | None] = []
    gold, size, cut = "", 0, 0
    for column, found in zip(columns, texts, strict=True):
        if column is None or found is None or key not in found or key not in column.correct:
            answers.append(None)
            continue
        text, golds = found[key]
        gold = gold or " | ".join(map(str, golds))
        short = _shortened(text)
        at = column.score.ids.index(key)
        tokens = column.score.tokens[at] if column.score.tokens else None
        truncated = column.score.truncated[at] if column.score.truncated else 0
        answers.append([column.correct[key], tokens, truncated, short])
        size, cut = size + len(short), cut + (len(short) != len(text))
    return {"b": title, "id": key, "q": questions.get(key, ""), "g": gold, "a": answers}, size, cut


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n\n[... {len(text) - LONGEST:,} characters left out ...]\n\n{text[-half:]}"


def _questions(columns: Sequence[_Column | None]) -> dict[str, str]:
    """Problem id -> its text, from lighteval's details beside the first row that has them."""
    for column in columns:
        if column is None:
            continue
        folder = column.row.run.folder / "eval" / f"step-{column.score.step:05d}" / "lighteval" / "details"
        files = sorted(folder.glob(f"**/details_{column.score.benchmark}|*.parquet"))
        if files:
            return _read(files[-1], str(column.row.settings.get("instruction") or ""))
    return {}


def _read(path: Path, instruction: str) -> dict[str, str]:
    from pyarrow import parquet

    found = {}
    for row in parquet.read_table(path, columns=["doc"]).to_pylist():
        doc = row["doc"]
        key = (doc.get("specific") or {}).get("problem_id")
        if key:
            found[key] = doc["query"].removeprefix(instruction).strip()
    return found
