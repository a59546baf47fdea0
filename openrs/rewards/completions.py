"""What the reward terms read of a batch of completions: texts, lengths, verdicts."""

from collections.abc import Sequence
from typing import Any, Literal

from openrs.verify import Rule, Verdict, shared_verifier
from openrs.verify.texts import judge

Completions = Sequence[Sequence[dict[str, str]]]
"""TRL's conversational form: one assistant message each."""

LengthUnit = Literal["characters", "tokens"]


def texts(completions: Completions) -> list[str]:
    """The text of each completion."""
    return [completion[0]["content"] for completion in completions]


def lengths(unit: LengthUnit, completions: Completions, completion_ids: Sequence[Sequence[int]]) -> list[int]:
    """The length of each completion; its tokens are those of `completion_ids`."""
    return [len(item) for item in (texts(completions) if unit == "characters" else completion_ids)]


def verify(
    completions: Completions, solution: Sequence[str], gold_first: bool, extras: dict[str, Any]
) -> list[Verdict]:
    """Verifies each completion against its gold answer and counts the time-outs in TRL's metrics.

    Args:
        gold_first: True gives math-verify its arguments in order. The paper's code had them swapped,
            which turns the verdict where an interval meets an inequality (open-r1 #566).
        extras: TRL's other arguments; `log_metric` is called if it is among them, and `answer_kind` says of
            each answer how it is judged where not all are mathematics.
    """
    rule: Rule = "gold_first" if gold_first else "training"
    pairs = list(zip(solution, texts(completions), strict=True))
    kinds = extras.get("answer_kind") or ["math"] * len(pairs)
    formulas = [pair for pair, kind in zip(pairs, kinds, strict=True) if kind == "math"]
    parsed = iter(shared_verifier().verify(formulas, rule) if formulas else [])
    verdicts = [
        next(parsed) if kind == "math" else judge(kind, *pair)
        for pair, kind in zip(pairs, kinds, strict=True)
    ]
    if log := extras.get("log_metric"):
        log("verifier_timeouts", float(sum(verdict.timed_out for verdict in verdicts)))
    return verdicts
