"""Rewards that know nothing of what is right: control arms of an ablation.

A model may gain from any reward (arXiv 2506.10947: a coin gave one family 21 points on MATH-500), so what a
reward is worth is what it gains beyond these. They are given by name, as rewards of one's own are;
`reward=random` and `reward=wrong_label` name them.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from openrs.rewards.completions import Completions, texts, verify
from openrs.verify.boxes import last_box


def coin(
    completions: Completions, id: Sequence[str], trainer_state: Any, bias: float = 0.5, **extras: Any
) -> list[float]:
    """1.0 with probability `bias`, else 0.0; a function of step, problem, place and text, so that a run that
    goes on throws the same coins, and no text is worth more than another over the steps."""
    words = [
        f"{trainer_state.global_step} {key} {place} {text}"
        for place, (key, text) in enumerate(zip(id, texts(completions), strict=True))
    ]
    return [float(int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) < bias * 2**32) for word in words]


def wrong_label(
    completions: Completions, solution: Sequence[str], id: Sequence[str], **extras: Any
) -> list[float]:
    """1.0 for the commonest wrong answer to a problem among its completions (the first of several), else 0.0;
    a completion without a box has no answer."""
    right = [verdict.correct for verdict in verify(completions, solution, True, extras)]
    answers = [last_box(text) for text in texts(completions)]
    wrong: dict[str, Counter[str]] = {}
    for key, answer, correct in zip(id, answers, right, strict=True):
        if answer is not None and not correct:
            wrong.setdefault(key, Counter())[answer] += 1
    label = {key: counts.most_common(1)[0][0] for key, counts in wrong.items()}
    return [
        float(answer is not None and answer == label.get(key))
        for key, answer in zip(id, answers, strict=True)
    ]
