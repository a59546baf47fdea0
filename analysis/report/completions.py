"""A stated sample of completions, problem by problem, for rows side by side: disagreements first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from openrs.analysis import questions
from openrs.analysis.arms import reported_step
from openrs.analysis.rows import ResultRow
from openrs.analysis.run_records import Evaluation
from openrs.records import faults
from openrs.records.left_out import sound_record
from openrs.records.scores import Score

MOST = 2000
"""Completions in a report."""
ROWS = 16
"""Rows of the viewer at most: a base model, runs by their last checkpoint, then earlier checkpoints."""
LONGEST = 20_000
"""Characters of a completion; of a longer one the middle is left out, and the page says so."""
BUDGET = 8_000_000
"""Characters of all of them together."""


@dataclass(frozen=True)
class _Column:
    """One row on one benchmark: its first seed's outcomes by problem."""

    evaluation: Evaluation
    score: Score
    correct: dict[str, float]

    def texts(self) -> dict[str, tuple[str, list[str]]]:
        """Problem id -> the completion and the gold answers; none where the record is damaged."""
        record = sound_record(_path(self.evaluation, self.score), faults.of_text)
        if record is None:
            return {}
        gold = [item if isinstance(item, list) else [item] for item in record["gold"]]
        return dict(zip(record["ids"], zip(record["text"], gold, strict=True), strict=True))


Columns = list[_Column | None]
"""One a row; None where a row has no completions."""


def sample(groups: Sequence[Sequence[ResultRow]], most: int = MOST) -> dict[str, Any]:
    """Draws the sample.

    Args:
        groups: rows of each table; the sample is of the first table that has completions.
        most: completions in all.

    Returns:
        For the page: labels of the rows, problems with their answers, the verdict of each row on every
        problem, and what the sample is of.
    """
    for group in groups:
        rows = _checkpoints(group)
        by_title = _columns([row.evaluations[0] for row in rows])
        if by_title:
            problems, text = _draw(by_title, most)
            outcomes = {title: _outcomes(columns) for title, columns in by_title.items()}
            return {
                "rows": [row.label for row in rows], "problems": problems, "outcomes": outcomes, "said": text
            }  # fmt: skip
    return {
        "rows": [],
        "problems": [],
        "outcomes": {},
        "said": "No completions are stored with these records.",
    }


def _checkpoints(group: Sequence[ResultRow]) -> list[ResultRow]:
    """A base model, each run's last evaluated checkpoint, then in turns its reported one and the others from
    the newest back, as far as there is room; in the table's order."""
    by_run: dict[str, list[ResultRow]] = {}
    for row in group:
        if not row.mean_of_runs and _stored(row.evaluations[0]):
            by_run.setdefault(row.evaluations[0].run.id, []).append(row)  # a run's rows come by step
    for own in by_run.values():
        last, *others = own[::-1]
        own[:] = [last, *sorted(others, key=lambda row: row.evaluations[0].step != _reported(row))]
    turns = chain.from_iterable(zip_longest(*by_run.values()))
    picks = {id(row) for row in list(filter(None, turns))[:ROWS]}
    return [row for row in group if id(row) in picks]


def _reported(row: ResultRow) -> int | None:
    return reported_step(row.evaluations[0].run)


def _outcomes(columns: Columns) -> list[str]:
    """For each row a character a problem: 1 right, 0 wrong, p in part, - not measured."""
    problems = sorted(set().union(*(column.correct for column in columns if column is not None)))
    signs: dict[float | None, str] = {1: "1", 0: "0", None: "-"}
    return [
        "".join(signs.get(None if column is None else column.correct.get(key), "p") for key in problems)
        for column in columns
    ]


def _stored(item: Evaluation) -> bool:
    return any(_path(item, scores[0]).exists() for scores in item.scores.values())


def _path(item: Evaluation, score: Score) -> Path:
    return score.address.text_path(item.run.folder)


def _columns(evaluations: Sequence[Evaluation]) -> dict[str, Columns]:
    """Benchmark -> one column a row."""
    by_title: dict[str, Columns] = {}
    for place, item in enumerate(evaluations):
        for title, (first, *_) in item.scores.items():
            if first.ids and _path(item, first).exists() and not _gated(item, first):
                columns = by_title.setdefault(title, [None] * len(evaluations))
                columns[place] = _Column(item, first, dict(zip(first.ids, first.outcomes, strict=True)))
    return by_title


def _gated(item: Evaluation, score: Score) -> bool:
    """Whether the Hub gives the problems only after terms are accepted: the page must not spread them."""
    benchmarks = item.run.config.get("catalog", {}).get("benchmarks", {})
    return bool(benchmarks.get(score.benchmark, {}).get("gated"))


def _draw(by_title: dict[str, Columns], most: int) -> tuple[list[dict[str, Any]], str]:
    queues = {title: _ordered(columns) for title, columns in by_title.items()}
    problems: list[dict[str, Any]] = []
    characters = shortened = left = 0
    for title, keys in _within(queues, by_title, most).items():
        for entry, size, cut in _entries(title, keys, by_title[title]):
            if characters + size > BUDGET:
                left += 1
                continue
            problems.append(entry)
            characters, shortened = characters + size, shortened + cut
    answers = sum(answer is not None for entry in problems for answer in entry["a"])
    rows = len(next(iter(by_title.values())))
    text = (
        f"{answers} completions of {len(problems)} problems (of {sum(map(len, queues.values()))}), first "
        f"sampling seed, for {rows} rows: the base model, the last evaluated checkpoint of each run, then "
        f"earlier ones, at most {ROWS} rows. Problems on which the rows disagree come first, the most evenly "
        "split ones before the others."
    )
    if shortened:
        text += f" The middle of {shortened} completions over {LONGEST:,} characters is left out."
    if left:
        text += f" {left} problems were left out for the size of the page."
    return problems, text


def _ordered(columns: Columns) -> list[str]:
    """Problems by how evenly the rows are split on them; equals by their id, which is a hash."""
    verdicts = [column.correct for column in columns if column is not None]

    def key(problem: str) -> tuple[float, str]:
        right = [correct[problem] for correct in verdicts if problem in correct]
        return -min(sum(right), len(right) - sum(right)), problem

    return sorted(set().union(*verdicts), key=key)


def _within(queues: dict[str, list[str]], by_title: dict[str, Columns], most: int) -> dict[str, list[str]]:
    """The first problems of each benchmark, in turns, until the number of completions is reached."""
    turns = zip_longest(*([(title, key) for key in queue] for title, queue in queues.items()))
    picks: dict[str, list[str]] = {title: [] for title in queues}
    for title, key in filter(None, chain.from_iterable(turns)):
        width = sum(column is not None for column in by_title[title])
        if width <= most:
            picks[title].append(key)
            most -= width
    return picks


def _entries(title: str, keys: Sequence[str], columns: Columns) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Each problem with its answers, its size in characters, and how many answers were shortened."""
    texts = [{} if column is None else column.texts() for column in columns]
    questions = _questions(columns)
    for key in keys:
        golds = [" | ".join(map(str, text[key][1])) for text in texts if key in text]
        answers = [_answer(column, key, text.get(key)) for column, text in zip(columns, texts, strict=True)]
        pairs = [(answer[-1], text[key][0]) for answer, text in zip(answers, texts, strict=True) if answer]
        entry = {
            "b": title,
            "id": key,
            "q": questions.get(key, ""),
            "g": next(filter(None, golds), ""),
            "a": answers,
        }
        yield entry, sum(len(short) for short, _ in pairs), sum(short != whole for short, whole in pairs)


def _answer(column: _Column | None, key: str, text: tuple[str, list[str]] | None) -> list[Any] | None:
    """Whether the answer is right, its tokens, whether it was cut at the limit, and its text."""
    if column is None or text is None or key not in column.correct:
        return None
    score, at = column.score, column.score.ids.index(key)
    tokens = score.tokens[at] if score.tokens else None
    return [column.correct[key], tokens, score.truncated[at] if score.truncated else 0, _shortened(text[0])]


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n\n[... {len(text) - LONGEST:,} characters left out ...]\n\n{text[-half:]}"


def _questions(columns: Columns) -> dict[str, str]:
    """Problem id -> its text, from the first row that has them."""
    for column in filter(None, columns):
        if texts := questions.texts(column.evaluation, column.score.title):
            return texts
    return {}
