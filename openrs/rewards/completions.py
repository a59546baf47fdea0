"""What the reward terms read of a batch of completions: texts, lengths, verdicts."""

from collections.abc import Sequence
from typing import Any, Literal

from openrs.verify import Rule, Verdict, shared_verifier

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
        extras: TRL's other arguments; `log_metric` is called if it is among them.
    """
    rule: Rule = "gold_first" if gold_first else "training"
    verdicts = shared_verifier().verify(list(zip(solution, texts(completions), strict=True)), rule)
    if log := extras.get("log_metric"):
        log("verifier_timeouts", float(sum(verdict.timed_out for verdict in verdicts)))
    return verdicts
