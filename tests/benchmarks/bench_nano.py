"""Does the built-in world have what its ablations need? Gates 1 to 4 of docs/nano.md, on held-out problems.

About two minutes on one core. OPENRS_NANO_MODEL names other weights, say a checkpoint's.
"""

from statistics import mean

import pytest

from openrs.nano.families import EASY, FAMILIES, HARD, MEDIUM
from openrs.nano.solutions import OPENINGS
from tests.benchmarks.nano_world import (
    LEVELS,
    WEIGHTS,
    base,
    drawn,
    evaluation_prompt,
    sampled,
    training_prompt,
)

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

NUMBER = 200
"""Problems of a level: the standard error of a share is at most 3.5 points."""
GROUP = 6


def share(samples):
    return mean(sample.right for sample in samples)


def short(samples, cap=51):
    """Share of the right samples that a cap leaves whole."""
    return mean(sample.tokens <= cap for sample in samples if sample.right)


@pytest.fixture(scope="module")
def parts():
    return base()


@pytest.fixture(scope="module")
def table(parts):
    """Manner -> level -> samples at training's temperature, without a cap; their first words are set."""
    found = {}
    print()
    for manner in ("hasty", "brief", "careful", "rambling"):
        for level in LEVELS:
            rows = drawn(level, NUMBER, seed=level)
            found[manner, level] = samples = sampled(*parts, rows, training_prompt, OPENINGS[manner])
            families = {name: [] for name in FAMILIES}
            for sample, row in zip(samples, rows, strict=True):
                families[row["family"]].append(sample)
            shares = {name: round(share(members), 2) for name, members in families.items()}
            tokens = [sample.tokens for sample in samples]
            print(f"{manner:8} level {level}: right {share(samples):.3f}, tokens {min(tokens)} to "
                  f"{max(tokens)}, mean {mean(tokens):.0f}; {shares}")  # fmt: skip
    return found


@pytest.fixture(scope="module")
def evaluated(parts):
    """Level -> samples as the evaluation draws them."""
    found = {}
    for level in LEVELS:
        rows = drawn(level, NUMBER, seed=10 + level)
        found[level] = sampled(*parts, rows, evaluation_prompt, temperature=0.6, top_p=0.95)
    return found


def manners(samples):
    return {name: round(mean(s.manner == name for s in samples), 3) for name in (*OPENINGS, "other")}


def test_gate_1_haste_pays_on_easy_problems(table):
    assert share(table["hasty", EASY]) >= max(0.85, share(table["careful", EASY]) - 0.02)


def test_gate_2_right_answers_to_hard_problems_are_long(table, evaluated):
    cut = short(evaluated[HARD])
    fit = mean(sample.tokens <= 90 for sample in table["careful", HARD])
    print(
        f"\nright hard answers of at most 51 tokens {cut:.3f}; careful hard answers of at most 90 {fit:.3f}"
    )
    assert cut < 0.05
    assert fit > 0.9


def test_gate_3_brief_answers_pay_on_medium_problems_and_not_on_hard_ones(table):
    assert share(table["brief", HARD]) <= share(table["careful", HARD]) / 2
    assert abs(share(table["brief", MEDIUM]) - share(table["careful", MEDIUM])) <= 0.1


def test_gate_4_the_base_has_something_to_learn(parts, evaluated):
    print()
    for level, samples in evaluated.items():
        print(f"evaluated, level {level}: right {share(samples):.3f}, {manners(samples)}")
    average = sum(WEIGHTS[level] * share(evaluated[level]) for level in LEVELS) / sum(WEIGHTS.values())
    print(f"average {average:.3f}")
    assert 0.25 <= average <= 0.55
    for level in LEVELS:
        rows = [row for row in drawn(level, NUMBER // 2, seed=20 + level) for _ in range(GROUP)]
        samples = sampled(*parts, rows, training_prompt, cap=90)
        groups = [samples[start : start + GROUP] for start in range(0, len(samples), GROUP)]
        once, ever = share(samples), mean(any(s.right for s in group) for group in groups)
        print(f"trained, level {level}, cap 90: pass@1 {once:.3f}, pass@6 {ever:.3f}, {manners(samples)}")
        if level != EASY:
            assert ever >= once + 0.1
        if level == HARD:
            assert 0.03 <= manners(samples)["careful"] <= 0.08
