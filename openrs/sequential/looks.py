"""Looks: fixed parts of a benchmark's problems, by their hash, with all sampling seeds.

A problem's answers under all seeds belong to one look. So looks share no problem, and what one adds does not
depend on those before it, which the boundaries rest on.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

MOST = 5
"""Looks at most: more save next to nothing."""


def parts(ids: Sequence[str], looks: int) -> list[list[int]]:
    """For each look the places of its problems, in their order; as many as can be in each.

    Args:
        ids: of all problems of a benchmark.
        looks: at most as many as problems.
    """
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(f"look {ids[place]}".encode()).digest())
    cuts = [round(len(ids) * look / looks) for look in range(looks + 1)]
    return [sorted(order[first:last]) for first, last in pairwise(cuts)]


def information(sizes: Sequence[int], looks: int) -> tuple[float, ...]:
    """The share of the planned variance's inverse at each look, of the average over benchmarks.

    The planned variance takes the benchmarks' problems to vary alike: it is the mean of 1 / problems.
    """
    whole = sum(1 / size for size in sizes)
    shares = [whole / sum(1 / round(size * look / looks) for size in sizes) for look in range(1, looks + 1)]
    return tuple(shares)
