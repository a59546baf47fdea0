"""An evaluation in looks against the fixed one, replayed on made and stored outcomes.

`OUTPUTS` names an outputs folder whose runs were evaluated as a whole: the stored outcomes.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from openrs.analysis import run_records
from openrs.sequential.comparison import compare, mean_gap
from openrs.sequential.design import Design
from openrs.sequential.looks import information

pytestmark = pytest.mark.benchmark
DRAWS, LOOKS, FIXED = 8000, 5, 1.959964
PAPER = {"AIME24": 30, "MATH-500": 500, "AMC23": 40, "Minerva": 272, "OlympiadBench": 675}


def parts(n):
    """Problems of each look."""
    return np.diff([round(n * look / LOOKS) for look in range(LOOKS + 1)])


def scores_of(sums, squares, sizes):
    """The standard score at each look, (draws, looks), as `mean_gap` has it.

    Args:
        sums, squares: of a problem's gap, cumulated over looks; (benchmarks, draws, looks).
        sizes: problems up to each look, (benchmarks, looks).
    """
    n = np.array(sizes)[:, None, :]
    error = np.sqrt(np.maximum(squares / n**2, 2 / (n + 2) ** 2).sum(axis=0))
    return (sums / n).sum(axis=0) / error


def made(rng, sizes, up, down, answers=1):
    """Gaps of problems that go up or down at random, summed over looks: sums, squares and sizes.

    With several answers a problem, a gap is a mean over that many draws, and problems differ.
    """
    sums, squares, cumulated = [], [], []
    for n, rise, fall in zip(sizes, up, down, strict=True):
        by_look = parts(n)
        if answers == 1:
            shares = [rise, fall, 1 - rise - fall]
            drawn = np.stack([rng.multinomial(size, shares, DRAWS) for size in by_look], axis=1)
            total, square = drawn[..., 0] - drawn[..., 1], drawn[..., 0] + drawn[..., 1]
        else:
            ability = rng.beta(0.5, 0.5, (DRAWS, n))
            second = np.clip(ability + rise - fall, 0, 1)
            gaps = (rng.binomial(answers, second) - rng.binomial(answers, ability)) / answers
            ends = np.cumsum(by_look)[:-1]
            total = np.stack([part.sum(axis=1) for part in np.split(gaps, ends, axis=1)], axis=1)
            square = np.stack([(part**2).sum(axis=1) for part in np.split(gaps, ends, axis=1)], axis=1)
        sums.append(total.cumsum(axis=1))
        squares.append(square.cumsum(axis=1))
        cumulated.append(by_look.cumsum())
    return np.array(sums, float), np.array(squares, float), cumulated


def replayed(scores, sizes, futility=None):
    """Share of draws called different by the looks and by the fixed test, and the share of answers used."""
    design = Design(information([int(own[-1]) for own in sizes], LOOKS), futility=futility)
    decided, futile = np.abs(scores) >= design.boundaries, np.abs(scores) < design.inner
    ends = decided | futile
    ends[:, -1] = True
    last = ends.argmax(axis=1)
    answers = np.sum(sizes, axis=0)
    called = decided[np.arange(len(scores)), last].mean()
    return called, (np.abs(scores[:, -1]) >= FIXED).mean(), (answers[last] / answers[-1]).mean()


def shown(label, called, fixed, used, more=""):
    print(f"{label:<44} {100 * called:>5.1f} {100 * fixed:>5.1f} {100 * used:>6.1f} {more}")


HEAD = f"\n{'':<44} looks fixed answers, percent"
NULLS = [
    ("one of 500, 5 % up and down", [500], [0.05], 1),
    ("one of 500, 11 % up and down", [500], [0.11], 1),
    ("one of 500, 22 % up and down", [500], [0.22], 1),
    ("the paper's five, 11 % up and down", [*PAPER.values()], [0.11] * 5, 1),
    ("the paper's five, 4 answers", [*PAPER.values()], [0.0] * 5, 4),
    ("nano's five of 100, 11 % up and down", [100] * 5, [0.11] * 5, 1),
]


def test_size():
    rng = np.random.default_rng(1)
    print(HEAD)
    for label, sizes, moved, answers in NULLS:
        outcomes = made(rng, sizes, moved, moved, answers)
        called, fixed, used = replayed(scores_of(*outcomes), outcomes[2])
        shown(label, called, fixed, used)
        assert abs(called - fixed) <= 2 * np.sqrt(fixed * (1 - fixed) / DRAWS)


GAPS = [
    ("one of 500, gap 4 (13, 9)", [500], [0.13], [0.09], 1, 1.0),
    ("one of 500, gap 8 (15, 7)", [500], [0.15], [0.07], 1, 0.68),
    ("one of 500, gap 26 (35, 9)", [500], [0.35], [0.09], 1, 0.39),
    ("the paper's five, gap 5 (15, 10)", [*PAPER.values()], [0.15] * 5, [0.10] * 5, 1, 1.0),
    ("the paper's five, gap 5, 4 answers", [*PAPER.values()], [0.05] * 5, [0.0] * 5, 4, 1.0),
    ("nano's five of 100, gap 26 (35, 9)", [100] * 5, [0.35] * 5, [0.09] * 5, 1, 0.39),
]


def test_power_and_answers_used():
    rng = np.random.default_rng(2)
    print(HEAD)
    for label, sizes, up, down, answers, most in GAPS:
        outcomes = made(rng, sizes, up, down, answers)
        scores = scores_of(*outcomes)
        called, fixed, used = replayed(scores, outcomes[2])
        with_futility = replayed(scores, outcomes[2], futility=0.2)
        shown(
            label,
            called,
            fixed,
            used,
            f"(futility 0.2: {100 * with_futility[0]:.1f}, {100 * with_futility[2]:.1f})",
        )
        assert called >= fixed - 0.02
        assert used <= most


def test_futility_and_its_price():
    rng = np.random.default_rng(3)
    print(
        "\nfutility: power at the planned difference, answers used there and where nothing differs, percent"
    )
    for futility in (None, 0.1, 0.2, 0.3, 0.4):
        design = Design(information([500], LOOKS), futility=futility)
        (power, planned), (size, null) = design.outcome(design.drift), design.outcome(0.0)
        outcomes = made(rng, [500], [0.11], [0.11])
        _, _, used = replayed(scores_of(*outcomes), outcomes[2], futility)
        print(
            f"{futility!s:>5} {100 * power:>5.1f} {100 * planned:>5.1f} {100 * null:>5.1f} "
            f"(replayed {100 * used:.1f})"
        )
        assert size <= 0.05 + 1e-6
        assert abs(used - null) < 0.03


def test_the_interval_covers():
    rng = np.random.default_rng(4)
    print("\ncoverage of the repeated interval where the comparison ended, percent")
    for up, down in ((0.11, 0.11), (0.15, 0.07), (0.35, 0.09)):
        sums, squares, sizes = made(rng, [500], [up], [down])
        scores = scores_of(sums, squares, sizes)
        design = Design(information([500], LOOKS))
        ends = np.abs(scores) >= design.boundaries
        ends[:, -1] = True
        place = np.arange(DRAWS), ends.argmax(axis=1)
        effect = (sums[0] / sizes[0])[place]
        half = (
            np.abs(effect / np.where(scores[place] == 0, 1, scores[place]))
            * np.array(design.boundaries)[place[1]]
        )
        covered = (np.abs(effect - (up - down)) <= half)[scores[place] != 0].mean()
        print(f"gap {100 * (up - down):>4.0f}: {100 * covered:.1f}")
        assert covered > 0.94


def test_the_replay_is_what_an_evaluation_computes():
    rng = np.random.default_rng(5)
    gaps = [rng.choice([1.0, -1.0, 0.0], n, p=[0.3, 0.1, 0.6]) for n in (30, 500)]
    sums = np.array(
        [
            [[own[: round(n * j / LOOKS)].sum() for j in range(1, 6)]]
            for own, n in zip(gaps, (30, 500), strict=True)
        ]
    )
    squares = np.array(
        [
            [[(own[: round(n * j / LOOKS)] ** 2).sum() for j in range(1, 6)]]
            for own, n in zip(gaps, (30, 500), strict=True)
        ]
    )
    sizes = [np.cumsum(parts(n)) for n in (30, 500)]
    scores = scores_of(sums, squares, sizes)[0]
    design = Design(information([30, 500], LOOKS))
    for look in range(1, LOOKS + 1):
        upto = [own[: sizes[place][look - 1]] for place, own in enumerate(gaps)]
        effect, error = mean_gap(upto)
        assert scores[look - 1] == pytest.approx(effect / error)
        ended = compare(upto, look, design).verdict in ("better", "worse")
        assert ended == (abs(scores[look - 1]) >= design.boundaries[look - 1])


def test_stored_outcomes():
    outputs = os.environ.get("OUTPUTS")
    if not outputs:
        pytest.skip("no stored outcomes (set OUTPUTS to an outputs folder that was evaluated as a whole)")
    items = [item for run in run_records.load_all(Path(outputs)) for item in run_records.evaluations(run)]
    base = next(item for item in items if not item.trained)
    rng, began = np.random.default_rng(6), time.perf_counter()
    print(HEAD)
    for item in items:
        if item is base:
            continue
        gaps = []
        for title, members in base.scores.items():
            first, second = (
                {key: np.mean([s.outcomes[s.ids.index(key)] for s in side]) for key in side[0].ids}
                for side in (members, item.scores[title])
            )
            gaps.append(np.array([second[key] - first[key] for key in first]))
        sums, squares, sizes = [], [], []
        for own in gaps:  # other problems like these, in another order
            ends = np.cumsum(parts(len(own)))
            drawn = own[rng.integers(0, len(own), (DRAWS, len(own)))]
            sums.append(drawn.cumsum(axis=1)[:, ends - 1])
            squares.append((drawn**2).cumsum(axis=1)[:, ends - 1])
            sizes.append(ends)
        effect, error = mean_gap(gaps)
        called, fixed, used = replayed(scores_of(np.array(sums), np.array(squares), sizes), sizes)
        shown(
            f"{item.run.name}, step {item.step}: {100 * effect:+.1f} ({effect / error:.1f} errors)",
            called,
            fixed,
            used,
        )
        assert called >= fixed - 0.02
    print(f"{time.perf_counter() - began:.1f} s")
