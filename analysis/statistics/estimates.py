"""Metrics of each problem: avg@k, pass@k and maj@k, from several answers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openrs.errors import Mistake

Array = NDArray[np.float64]


def average_at(outcomes: Array) -> Array:
    """Share of right answers of each problem (avg@k, the mean of pass@1 over k samples).

    Args:
        outcomes: 1 for right, shape (problems, samples).

    Returns:
        Shape (problems,).
    """
    return outcomes.mean(axis=1)


def pass_at(outcomes: Array, k: int) -> Array:
    """Chance that at least one of k answers is right, without bias (Chen et al. 2021, arXiv 2107.03374).

    1 - C(n - c, k) / C(n, k) for c right answers among n samples, as a product that cannot overflow.

    Args:
        outcomes: 1 for right, shape (problems, samples).

    Returns:
        Shape (problems,).

    Raises:
        Mistake: fewer samples than k: the estimator needs at least k.
    """
    samples = outcomes.shape[1]
    if not 1 <= k <= samples:
        raise Mistake(
            f"pass@{k}: {samples} answers per problem were sampled, and the unbiased estimator needs k of 1 "
            f"to {samples}. Evaluate more sampling seeds, or use a smaller k."
        )
    wrong = samples - outcomes.sum(axis=1)
    missed = np.ones(len(outcomes))
    for taken in range(k):
        missed *= np.maximum(wrong - taken, 0) / (samples - taken)
    return 1 - missed


def majority_at(correct: NDArray[np.int_], answers: Sequence[Sequence[str | None]]) -> Array:
    """Chance that the commonest of the k answers is right (maj@k), ties broken at random.

    Right answers are one camp, as the verifier found each equal to the gold answer. Wrong answers are
    told apart by their text. An answer that is wrong and states nothing has no vote.

    Args:
        correct: 1 for right, shape (problems, samples).
        answers: what each completion states, None where it states nothing; same shape.

    Returns:
        Shape (problems,): 1, 0, or a right camp's share of a tie.
    """
    shares = []
    for verdicts, stated in zip(correct, answers, strict=True):
        pairs = zip(verdicts, stated, strict=True)
        camps = Counter(text for right, text in pairs if not right and text is not None)
        right, largest = int(sum(verdicts)), max(camps.values(), default=0)
        if right == 0 or right < largest:
            shares.append(0.0)
        else:
            shares.append(1 / (1 + sum(votes == right for votes in camps.values())))
    return np.array(shares)
