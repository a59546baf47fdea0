"""Worked solutions of nano's problems, in five manners of mixed quality.

A base model whose samples mix good and bad habits has something for reinforcement learning to choose
from, as a distilled model has. Which manner pays depends on the difficulty and on the length cap:
*hasty* guesses are right on easy problems alone, *brief* chains stop early on hard ones, *careful* lines
are right everywhere and long where there are many operations, *rambling* checks run past the cap, and
*sloppy* answers are none. The first word tells the manner.
"""

from random import Random

from openrs.nano.families import EASY, HARD, MEDIUM, read_chain, read_product

SHARES: dict[str, dict[int, float]] = {
    "hasty": {EASY: 0.60, MEDIUM: 0.42, HARD: 0.58},
    "brief": {EASY: 0.12, MEDIUM: 0.14, HARD: 0.08},
    "careful": {EASY: 0.04, MEDIUM: 0.18, HARD: 0.08},
    "rambling": {EASY: 0.12, MEDIUM: 0.14, HARD: 0.14},
    "sloppy": {EASY: 0.12, MEDIUM: 0.12, HARD: 0.12},
}
"""Manner -> difficulty -> its share of the supervised solutions."""

HASTY_RIGHT = {EASY: 1.0, MEDIUM: 0.25, HARD: 0.04}
"""Share of hasty guesses that are right."""

BRIEF_WHOLE = {EASY: 1.0, MEDIUM: 1.0, HARD: 0.35}
"""Share of brief solutions that do all operations; the others stop one to three before the end."""

RAMBLE_CHARACTERS = (125, 130)
"""A rambling solution goes on to a length drawn from this range, which is past every cap of the scale."""


def work(family: str, problem: str, brief: bool = False, left_out: int = 0) -> tuple[str, str]:
    """The working and the answer of a problem.

    Args:
        brief: one running chain, "27+3=30+8=38", instead of one line an operation.
        left_out: operations at the end that are not done (of `products`: digits).
    """
    if family == "products":
        return _work_product(*read_product(problem), brief, left_out)
    chain = read_chain(family, problem)
    kept = len(chain.operations) - left_out
    total, lines, text = chain.start, [], str(chain.start)
    for (sign, number), after in list(zip(chain.operations, chain.totals(), strict=True))[:kept]:
        lines.append(f"{total}{sign}{number}={after}")
        text += f"{sign}{number}={after}"
        total = after
    return text if brief else "\n".join(lines), str(total)


def _work_product(digits: str, factor: int, brief: bool, left_out: int) -> tuple[str, str]:
    """Digit by digit from the right, each product with what is carried from the one before."""
    lines, carried, result, answer = [], None, 0, ""
    for digit in reversed(digits[left_out:]):
        product = int(digit) * factor
        lines.append(f"{digit}*{factor}={product}")
        result = product
        if carried is not None:
            result += carried
            if brief:
                lines[-1] += f"+{carried}={result}"
            else:
                lines.append(f"{product}+{carried}={result}")
        answer = str(result % 10) + answer
        carried = result // 10
    return "\n".join(lines), str(result) + answer[1:]


def _guess(answer: str, rng: Random) -> str:
    """A number near the right one."""
    value = int(answer)
    return str(value + rng.choice([-1, 1]) * rng.randint(1, max(3, abs(value) // 5)))


def _ended(text: str, answer: str) -> str:
    return f"{text}\n</think>\n\n\\boxed{{{answer}}}"


def solution(
    family: str, problem: str, difficulty: int, manner: str, rng: Random, whole: bool = False
) -> str:
    """The completion after the template's `<think>`: reasoning, `</think>`, the boxed answer.

    Args:
        manner: one of `SHARES`.
        rng: draws the guess, where a brief solution stops, and the length of rambling.
        whole: no brief solution stops early.
    """
    if manner == "sloppy":
        return "Done."
    if manner == "brief":
        whole = whole or rng.random() < BRIEF_WHOLE[difficulty]
        left_out = 0 if whole else rng.randint(1, 2 if family == "products" else 3)
        text, answer = work(family, problem, brief=True, left_out=left_out)
        return _ended(f"Briefly:\n{text}", answer)
    text, answer = work(family, problem)
    if manner == "careful":
        return _ended(f"Slowly:\n{text}", answer)
    if manner == "hasty":
        guess = answer if rng.random() < HASTY_RIGHT[difficulty] else _guess(answer, rng)
        return _ended(f"I guess {guess}", guess)
    length, rambling = rng.randint(*RAMBLE_CHARACTERS), f"Let me see:\n{text}"
    while len(rambling) < length:
        rambling += f"\nWait:\n{text}"
    return _ended(rambling, answer)
