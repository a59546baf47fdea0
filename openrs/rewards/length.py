"""Kimi's length reward: shorter than the other answers to the same problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openrs.rewards.completions import Completions, LengthUnit, lengths, verify


@dataclass(kw_only=True)
class LengthReward:
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
    upstream code compares all completions of a process's micro-batch: one group where batch and group
    are 6, as in the paper, and several prompts elsewhere."""
    unparsable_is_right: bool = False
    """Whether an answer counts as right if its gold answer cannot be parsed (as upstream); otherwise the
    reward is null, as in `AccuracyReward`."""
    gold_first: bool = True
    """As in `AccuracyReward`. As upstream: false."""

    def __call__(
        self,
        completions: Completions,
        solution: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        prompts: Sequence[Sequence[dict[str, str]]],
        **extras: Any,
    ) -> list[float | None]:
        """Returns one reward per completion, from -0.5 to 0.5.

        All completions of a prompt must be in the batch; `openrs.config.checks` ensures that.
        """
        sizes = lengths(self.length_unit, completions, completion_ids)
        verdicts = verify(completions, solution, self.gold_first, extras)
        groups: dict[object, list[int]] = {}
        for index, prompt in enumerate(prompts):
            key = prompt[-1]["content"] if self.list_size is None else index // self.list_size
            groups.setdefault(key, []).append(index)
        rewards: list[float | None] = [None] * len(sizes)
        for indices in groups.values():
            shortest = min(sizes[index] for index in indices)
            longest = max(sizes[index] for index in indices)
            for index in indices:
                if verdicts[index].gold_parsed or self.unparsable_is_right:
                    right = verdicts[index].correct or not verdicts[index].gold_parsed
                    rewards[index] = _share(sizes[index], shortest, longest, right)
        return rewards


def _share(length: int, shortest: int, longest: int, right: bool) -> float:
    if shortest == longest:
        return 0.0
    share = 0.5 - (length - shortest) / (longest - shortest)
    return share if right else min(0.0, share)
