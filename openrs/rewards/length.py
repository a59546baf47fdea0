"""Kimi's length reward: shorter than the other answers to the same problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, LengthUnit, lengths
from openrs.rewards.correctness import verdicts


@dataclass(kw_only=True)
class Length:
    """Compares an answer's length with the shortest and the longest answer to the same problem.

    share = 0.5 - (length - shortest) / (longest - shortest); a right answer gets the share, a wrong
    one min(0, share); all get 0 where all are equally long. Source: Kimi k1.5 (arXiv 2501.12599),
    section 2.3.3, which adds it to the accuracy with a weight and only after a warm-up.

    The defaults are the paper's. reward=length_as_upstream is the code of huggingface/open-r1.
    """

    __name__ = "length"
    version: ClassVar[int] = 1
    weight: float = 1.0
    length_unit: LengthUnit = "tokens"
    """As upstream: characters."""
    list_size: int | None = None
    """Completions, in order, that are compared with each other; null: those of the same prompt. The
    upstream code compares whatever list it is given, which is the micro-batch of a process: one group
    where batch and group are 6, as in the paper, and several prompts elsewhere."""
    unparsable_is_right: bool = False
    """How an answer to an unparsable gold answer is seen: as right (as upstream), or not at all: it
    gets null, as in `Accuracy`."""
    gold_first: bool = True
    """As in `Accuracy`. As upstream: false."""

    def __call__(
        self,
        completions: Completions,
        solution: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        prompts: Sequence[Sequence[dict[str, str]]],
        **more: Any,
    ) -> list[float | None]:
        """Returns one reward per completion, from -0.5 to 0.5.

        All completions of a prompt must be in the batch, which `openrs.config.checks` sees to.
        """
        measured = lengths(self.length_unit, completions, completion_ids)
        judged = verdicts(completions, solution, self.gold_first, more)
        compared: dict[object, list[int]] = {}
        for index, prompt in enumerate(prompts):
            key = prompt[-1]["content"] if self.list_size is None else index // self.list_size
            compared.setdefault(key, []).append(index)
        rewards: list[float | None] = [None] * len(measured)
        for indices in compared.values():
            shortest = min(measured[index] for index in indices)
            longest = max(measured[index] for index in indices)
            for index in indices:
                if judged[index].gold_parsed or self.unparsable_is_right:
                    right = judged[index].correct or not judged[index].gold_parsed
                    rewards[index] = _share(measured[index], shortest, longest, right)
        return rewards


def _share(length: int, shortest: int, longest: int, right: bool) -> float:
    if shortest == longest:
        return 0.0
    share = 0.5 - (length - shortest) / (longest - shortest)
    return share if right else min(0.0, share)
