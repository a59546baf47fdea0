"""The measurement that is the score, where a file holds several of one task.

    lighteval                 metric: the mean over the most answers, then the order of metrics.SHARES
    lm-evaluation-harness     metric: the order of lm_eval.PREFERRED; filter: no vote, then the most answers,
                              then the first in the file
    Inspect                   scorer: the one that judged the most samples right or wrong, then the first

The value decides nothing. A note names those that are left out, and the user may name another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openrs.analysis.importing.result import Unreadable


@dataclass(frozen=True)
class Choice:
    """The user's names; None leaves the rule to decide."""

    metric: str | None = None
    filter: str | None = None
    scorer: str | None = None


RULES = Choice()
"""No name: the rules decide."""


def candidates(names: Sequence[str], name: str | None, kind: str) -> list[str]:
    """Those that the user named, or all.

    Raises:
        Unreadable: the user named one that is not there.
    """
    if name is None or name in names:
        return list(names) if name is None else [name]
    there = ", ".join(names) or "none"
    raise Unreadable(f"{kind}={name}: is not among its {kind}s ({there}). Name one of these, or none")


def note(taken: str, others: Mapping[str, float | None], options: str) -> str:
    """Names what was left out beside the measurement that is the score, or is empty.

    Args:
        others: the value of each, None where it is no share.
        options: the options that choose another.
    """
    if not others:
        return ""
    texts = (name if value is None else f"{name} ({value:.4f})" for name, value in others.items())
    return f"{taken} is the score; {', '.join(texts)} left out ({options} chooses another)"


def together(*notes: str) -> str:
    """Several notes as one; those that say nothing are left out."""
    return "; ".join(item for item in notes if item)
