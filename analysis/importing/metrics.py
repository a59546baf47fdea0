"""lighteval's names of metrics: which are a share of right answers, of how many answers, and k of pass@k.

extractive_match, math_pass@1:4_samples, codegen_pass@1:16     early 2025
pass@k:k=1&n=16, gpqa_pass@k:k=1&n=8, avg@n:n=16               since then
"""

import re
from collections.abc import Mapping, Sequence

SHARES = (
    r"extractive_match",
    r"(\w+_)?pass@[1k]",
    r"(\w+_)?avg@(\d|[nk])",
    r"(prefix_|quasi_|perfect_)*exact_match",
    r"p?q?em(?![^\W_])",
    r"acc",
    r"\w+ accuracy",
)
"""Beginnings of metrics that are a share of right answers, best first; the last is Inspect's, which only
`openrs export` writes."""
SAMPLED = re.compile(r"(?:^|[:&_])n=(\d+)|[:_](\d+)_samples|:(\d+)$")
PASS = re.compile(r"(?:^|_)pass@(?:k.*?k=)?(\d+)")
"""Not g-pass@k, which asks for several right answers of k."""
AVERAGED = re.compile(r"(?:\w+_)?avg@(?:k.*?k=)?(\d+)")
"""Here k is how many answers the mean is over."""


def samples(metric: str) -> int:
    """Answers a problem, as a metric's name states them; pass@k without n takes k of them."""
    if match := SAMPLED.search(metric):
        return int(match[1] or match[2] or match[3])
    averaged = AVERAGED.match(metric)
    return int(averaged[1]) if averaged else pass_k(metric)


def pass_k(metric: str) -> int:
    """k of a pass@k metric; 1 for any other."""
    match = PASS.search(metric)
    return int(match[1]) if match else 1


def shares(names: Sequence[str]) -> list[str]:
    """The metrics that are a share of right answers at first try, the one that is the score first: the mean
    over the most answers, of those alike the first of SHARES."""
    ranks = {name: rank for name in names if (rank := _rank(name)) is not None and pass_k(name) == 1}
    return sorted(ranks, key=lambda name: (-samples(name), ranks[name]))


def scores(names: Sequence[str]) -> list[str]:
    """The metric that is the score, and any pass@k with k above 1 beside it; none where no name is a share
    of right answers."""
    return [*shares(names)[:1], *(name for name in names if pass_k(name) > 1)]


def _rank(name: str) -> int | None:
    return next((rank for rank, beginning in enumerate(SHARES) if re.match(beginning, name)), None)


def never_sampled(values: Mapping[str, float]) -> list[str]:
    """Metrics over more answers than were sampled: their number of right ones is that of fewer answers.

    lighteval of May 2025 divided 8 answers by 16, 32 and 64 (its issue 771): 43.8 % became 21.9, 10.9 and
    5.5. That all further answers are wrong, to the last problem, does not happen otherwise.
    """
    names = []
    for name, value in values.items():
        fewer = [
            other
            for other in values
            if other.split(":")[0] == name.split(":")[0]
            and pass_k(other) == pass_k(name) == 1
            and samples(other) < samples(name)
        ]
        right = value * samples(name)
        if value > 0 and any(abs(values[other] * samples(other) - right) < 1e-9 for other in fewer):
            names.append(name)
    return names
