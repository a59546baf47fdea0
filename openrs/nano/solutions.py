"""Worked solutions of nano's problems, in four manners of mixed quality.

A base model whose samples mix good and bad habits has something for reinforcement learning to
choose from, as a distilled model has: *careful* solutions are right, *hasty* ones guess, *rambling*
ones check themselves past the length cap, *sloppy* ones forget the end of thinking or the answer.
"""

import re
from collections.abc import Callable
from math import gcd
from random import Random

MANNERS = {"careful": 0.30, "hasty": 0.42, "rambling": 0.18, "sloppy": 0.10}
"""Share of each manner among the supervised solutions."""

HASTY_RIGHT = 0.25
"""Share of hasty guesses that are right."""

RAMBLE_CHARACTERS = (80, 320)
"""A rambling solution goes on to a length drawn from this range."""


def _chain_sum(problem: str) -> tuple[list[str], str]:
    parts = re.findall(r"[-+]|\d+", problem)
    total, steps = int(parts[0]), []
    for sign, term in zip(parts[1::2], parts[2::2], strict=True):
        after = total + int(term) if sign == "+" else total - int(term)
        steps.append(f"{total}{sign}{term}={after}")
        total = after
    return steps, str(total)


def _products(problem: str) -> tuple[list[str], str]:
    factors = [int(number) for number in re.findall(r"\d+", problem)]
    total, steps = factors[0], []
    for factor in factors[1:]:
        steps.append(f"{total}*{factor}={total * factor}")
        total *= factor
    return steps, str(total)


def _euclid(larger: int, smaller: int) -> list[str]:
    steps = []
    while smaller:
        steps.append(f"{larger}%{smaller}={larger % smaller}")
        larger, smaller = smaller, larger % smaller
    return steps


def _gcd(problem: str) -> tuple[list[str], str]:
    numbers = [int(number) for number in re.findall(r"\d+", problem)]
    return _euclid(max(numbers), min(numbers)), str(gcd(*numbers))


def _basic_arithmetic(problem: str) -> tuple[list[str], str]:
    """Products first, from the left; then sums, from the left."""
    terms: list[int] = []
    signs: list[str] = []
    steps: list[str] = []
    for part in re.findall(r"[-+*]|\d+", problem):
        if part in "+-":
            signs.append(part)
        elif part != "*" and len(terms) > len(signs):
            steps.append(f"{terms[-1]}*{part}={terms[-1] * int(part)}")
            terms[-1] *= int(part)
        elif part != "*":
            terms.append(int(part))
    total = terms[0]
    for sign, term in zip(signs, terms[1:], strict=True):
        after = total + term if sign == "+" else total - term
        steps.append(f"{total}{sign}{term}={after}")
        total = after
    return steps, str(total)


def _fraction_simplification(problem: str) -> tuple[list[str], str]:
    top, bottom = (int(number) for number in re.findall(r"\{(\d+)\}", problem))
    factor = gcd(top, bottom)
    steps = _euclid(max(top, bottom), min(top, bottom))
    steps += [f"{top}/{factor}={top // factor}", f"{bottom}/{factor}={bottom // factor}"]
    return steps, f"\\frac{{{top // factor}}}{{{bottom // factor}}}"


SOLVERS: dict[str, Callable[[str], tuple[list[str], str]]] = {
    "chain_sum": _chain_sum,
    "products": _products,
    "gcd": _gcd,
    "basic_arithmetic": _basic_arithmetic,
    "fraction_simplification": _fraction_simplification,
}
"""Family -> (problem text -> steps and answer)."""


def guess(answer: str, rng: Random) -> str:
    """A number near the right one (each number of a fraction is off by a little)."""

    def near(match: re.Match[str]) -> str:
        value = int(match[0])
        spread = max(3, abs(value) // 5)
        return str(value + rng.choice([-1, 1]) * rng.randint(1, spread))

    return re.sub(r"-?\d+", near, answer)


def solution(family: str, problem: str, manner: str, rng: Random) -> str:
    """The completion after the template's `<think>`: reasoning, `</think>`, the boxed answer.

    Args:
        manner: one of `MANNERS`.
        rng: draws the guess, the length of rambling and the kind of slip.
    """
    steps, answer = SOLVERS[family](problem)
    worked = "\n".join(steps)
    if manner == "careful":
        return f"{worked}\n</think>\n\n\\boxed{{{answer}}}"
    if manner == "hasty":
        guessed = answer if rng.random() < HASTY_RIGHT else guess(answer, rng)
        return f"I guess {guessed}\n</think>\n\n\\boxed{{{guessed}}}"
    if manner == "rambling":
        length, text = rng.randint(*RAMBLE_CHARACTERS), f"Let me see.\n{worked}"
        while len(text) < length:
            text += f"\nWait, let me check again.\n{worked}"
        return f"{text}\n</think>\n\n\\boxed{{{answer}}}"
    if rng.random() < 0.5:
        return f"So {worked}\n\\boxed{{{answer}}}"
    return f"So {worked}\n</think>\n\nDone."
