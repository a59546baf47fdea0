"""The verdicts of each kind of filter. Pure: the answers of models come in as they are stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openrs.analysis.statistics.intervals import wilson
from openrs.config.curation import Filter
from openrs.data.filters import several_parts
from openrs.data.mix import answer
from openrs.data.rows import Row
from openrs.engines import Completion
from openrs.rewards.completions import verify
from openrs.verify.boxes import boxes

VERDICT = re.compile(
    r"\W*(?:(?:final )?(?:verdict|answer|decision)\W+)?(?:\\boxed\W*)?(?:\\text\W*)?(KEEP|DROP)\W*",
    re.IGNORECASE,
)
"""A last line that holds the judge's word alone; a sentence that has the word in it is none."""


@dataclass(frozen=True)
class FilterVerdict:
    """What a filter says of a problem."""

    kept: bool
    reason: str
    """In a few words; the counts are by it where the problem is left out."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the verdict rests on: rate and interval, or the judge's own reason."""


def boxed(row: Row) -> FilterVerdict:
    """Whether the worked solution boxes an answer."""
    if row["worked"] is None:
        return FilterVerdict(False, "no worked solution")
    has_box = bool(boxes(row["worked"]))
    return FilterVerdict(has_box, "boxed answer" if has_box else "no boxed answer")


def single_part(row: Row) -> FilterVerdict:
    """Whether one thing is asked, by the rule of `several_parts`."""
    several = several_parts(row["problem"], row["worked"] or "", row["solution"])
    return FilterVerdict(not several, "several parts" if several else "one part")


def stand_in_judge(row: Row) -> FilterVerdict:
    """The verdict of the built-in problems' rule, which stands in a judge's place."""
    from openrs.nano import noise

    kept, why = noise.judge(row["problem"], answer(row))
    return FilterVerdict(kept, "sound, by a stand-in" if kept else "not sound, by a stand-in", {"judge": why})


def pass_rate(
    item: Filter, rows: Sequence[Row], answers: Mapping[str, Sequence[Completion]]
) -> list[FilterVerdict]:
    """Whether the share of right answers lies in the filter's band.

    Args:
        answers: of each row's id; an answer is right where the reward of training says so.
    """
    pairs = [(row, completion) for row in rows for completion in answers[row["id"]]]
    judged = verify(
        [[{"content": completion.text or ""}] for _, completion in pairs],
        [row["solution"] for row, _ in pairs],
        gold_first=True,
        extras={"answer_kind": [row.get("answer_kind", "math") for row, _ in pairs]},
    )
    of_row: dict[str, list[Any]] = {row["id"]: [] for row in rows}
    for (row, _), verdict in zip(pairs, judged, strict=True):
        of_row[row["id"]].append(verdict)
    return [_rated(item, of_row[row["id"]], answers[row["id"]]) for row in rows]


def _rated(item: Filter, judged: Sequence[Any], answers: Sequence[Completion]) -> FilterVerdict:
    solved = sum(verdict.correct for verdict in judged)
    rate, (low, high) = solved / len(judged), wilson(solved, len(judged))
    details = {
        "solved": solved,
        "samples": len(judged),
        "rate": rate,
        "low": round(low, 4),
        "high": round(high, 4),
        "truncated": sum(completion.truncated for completion in answers),
        "timed_out": sum(verdict.timed_out for verdict in judged),
    }
    if item.rate_above is not None and rate <= item.rate_above:
        return FilterVerdict(False, f"pass rate not above {item.rate_above:g}", details)
    if item.rate_at_most is not None and rate > item.rate_at_most:
        return FilterVerdict(False, f"pass rate above {item.rate_at_most:g}", details)
    return FilterVerdict(True, "pass rate in the band", details)


def question(item: Filter, instruction: str, row: Row) -> str:
    """What a model is asked about a row.

    Args:
        instruction: of the evaluation, which a problem alone is asked with.
    """
    if item.prompt is None:
        return f"{instruction}\n\n{row['problem']}"
    shown = {"problem": row["problem"], "answer": answer(row), "solution": row["worked"] or ""}
    # in one pass, as a problem may hold {answer} itself
    return re.sub(r"\{(problem|answer|solution)\}", lambda name: shown[name[1]], item.prompt)


def judged(completion: Completion) -> FilterVerdict:
    """The verdict in a judge's answer: KEEP or DROP on the last line, and the reason before it."""
    said = (completion.text or "").rpartition("</think>")[2].strip()
    why, _, last = said.rpartition("\n")
    word = VERDICT.fullmatch(last)
    details = {"judge": " ".join((why if word else said).split())}
    if word is None:
        return FilterVerdict(False, "no verdict in the judge's answer", details)
    kept = word[1].upper() == "KEEP"
    return FilterVerdict(kept, "kept by the judge" if kept else "dropped by the judge", details)
