"""Right or wrong: what accuracy, cosine and length ask of the verifier."""

from collections.abc import Sequence
from typing import Any

from openrs.rewards.completions import Completions, texts
from openrs.verify import Rule, Verdict, shared_verifier


def verdicts(
    completions: Completions, solution: Sequence[str], gold_first: bool, more: dict[str, Any]
) -> list[Verdict]:
    """Judges each completion against its gold answer; time-outs are counted in TRL's metrics.

    Args:
        gold_first: True gives math-verify its arguments in order. The paper's code had them swapped,
            which turns the verdict where an interval meets an inequality (open-r1 #566).
        more: what TRL passed besides; `log_metric` is used where it is there.
    """
    rule: Rule = "gold_first" if gold_first else "training"
    judged = shared_verifier().verify(list(zip(solution, texts(completions), strict=True)), rule)
    if log := more.get("log_metric"):
        log("verifier_timeouts", float(sum(verdict.timed_out for verdict in judged)))
    return judged
