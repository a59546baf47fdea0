"""The paper's rewards, each one callable dataclass: config, semantics and TRL's reward function.

A term is switched on by being present (`reward.format=null` switches it off) and its fields bear on
a run's identity. `version` names the semantics: a change that alters a value must raise it.
Source: knoveleng/open-rs at 2889c47, src/open_r1/rewards.py.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from openrs.verify import Verdict, shared_verifier

Completions = list[list[dict[str, str]]]
"""A batch of completions in TRL's conversational form: one assistant message each."""


def texts(completions: Completions) -> list[str]:
    """The text of each completion."""
    return [completion[0]["content"] for completion in completions]


def _verdicts(completions: Completions, solution: list[str], more: dict[str, Any]) -> list[Verdict]:
    verdicts = shared_verifier().verify(list(zip(solution, texts(completions), strict=True)))
    if log := more.get("log_metric"):
        log("verifier_timeouts", float(sum(verdict.timed_out for verdict in verdicts)))
    return verdicts


@dataclass(kw_only=True)
class Format:
    """1.0 if the line `</think>` ends the reasoning exactly once, else 0.0.

    The opening tag is not asked for, as the chat template writes it; `<answer>` tags, which the
    system prompt demands, are not looked at (both as the paper's code had it).
    """

    version: ClassVar[int] = 1
    weight: float = 1.0

    def __call__(self, completions: Completions, **_: Any) -> list[float]:
        """Returns one reward per completion."""
        return [float(text.count("\n</think>\n") == 1) for text in texts(completions)]


@dataclass(kw_only=True)
class Accuracy:
    """1.0 if the boxed answer equals the gold answer by math-verify, else 0.0."""

    version: ClassVar[int] = 1
    weight: float = 2.0
    unparsable_gold: float = 1.0
    """Reward where the gold answer cannot be parsed; constant in a group, so without effect there."""

    def __call__(self, completions: Completions, solution: list[str], **more: Any) -> list[float]:
        """Returns one reward per completion; `solution` holds the gold answer of each."""
        return [
            float(verdict.correct) if verdict.gold_parsed else self.unparsable_gold
            for verdict in _verdicts(completions, solution, more)
        ]


@dataclass(kw_only=True)
class Cosine:
    """A right answer earns by its length along a half cosine, a wrong one loses by it.

    reward = end + (start - end) / 2 * (1 + cos(pi * length / max_length)), from `*_short` at length
    0 to `*_long` at max_length. conf/reward/ has it as the paper's code ran it (characters against a
    token cap, unclamped, so periodic; long wrong answers lose more) and as its text meant it
    (tokens, clamped; long wrong answers lose less).
    """

    version: ClassVar[int] = 1
    weight: float = 2.0
    length_unit: Literal["characters", "tokens"]
    clamped: bool
    max_length: int
    """Length of the half period; conf/ sets it to length.completion."""
    correct_short: float
    correct_long: float
    wrong_short: float
    wrong_long: float
    unparsable_gold: float = 1.0

    def value(self, correct: bool, length: int) -> float:
        """The reward of one answer of this length (in `length_unit`)."""
        progress = length / self.max_length
        if self.clamped:
            progress = min(progress, 1.0)
        short, long = (
            (self.correct_short, self.correct_long) if correct else (self.wrong_short, self.wrong_long)
        )
        return long + 0.5 * (short - long) * (1.0 + math.cos(math.pi * progress))

    def __call__(
        self,
        completions: Completions,
        solution: list[str],
        completion_ids: list[list[int]],
        **more: Any,
    ) -> list[float]:
        """Returns one reward per completion; token lengths come from `completion_ids`."""
        measured = texts(completions) if self.length_unit == "characters" else completion_ids
        return [
            self.value(verdict.correct, len(item)) if verdict.gold_parsed else self.unparsable_gold
            for verdict, item in zip(_verdicts(completions, solution, more), measured, strict=True)
        ]
