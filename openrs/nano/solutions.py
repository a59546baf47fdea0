"""Worked solutions of nano's problems, in five manners of mixed quality.

A base model whose samples mix good and bad habits has something for reinforcement learning to choose
from, as a distilled model has. Which manner pays depends on the difficulty and on the length cap:
*hasty* answers come after one operation and are right where there is one, *brief* chains mostly stop early
where there are many, *careful* lines seldom do and are long there, *rambling* checks run past the cap, and
*sloppy* answers are none. The first word tells the manner.
"""

from random import Random

from openrs.nano.families import EASY, HARD, MEDIUM, read_chain, read_product

SHARES: dict[str, dict[int, float]] = {
    "hasty": {EASY: 0.66, MEDIUM: 0.32, HARD: 0.53},
    "brief": {EASY: 0.10, MEDIUM: 0.20, HARD: 0.09},
    "careful": {EASY: 0.04, MEDIUM: 0.24, HARD: 0.08},
    "rambling": {EASY: 0.10, MEDIUM: 0.14, HARD: 0.20},
    "sloppy": {EASY: 0.10, MEDIUM: 0.10, HARD: 0.10},
}
"""Manner -> difficulty -> its share of the supervised solutions."""

OPENINGS = {
    "hasty": "I guess",
    "brief": "Briefly",
    "careful": "Slowly",
    "rambling": "Let me see",
    "sloppy": "Done.",
}
"""Manner -> the words that a solution begins with."""

WHOLE: dict[str, dict[int, float]] = {
    "brief": {EASY: 1.0, MEDIUM: 0.75, HARD: 0.25},
    "careful": {EASY: 1.0, MEDIUM: 0.80, HARD: 0.70},
}
"""Manner -> difficulty -> share of the solutions that do all operations. The others stop before the end, so
that no place is solved whole once the manner is right."""

LEFT_OUT = {"brief": 3, "careful": 1}
"""Operations that a solution leaves out at most where it stops early. (A product's operation is a digit.)"""

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


def guess(family: str, problem: str) -> str:
    """The result of the first operation, which a hasty answer takes for the answer."""
    if family == "products":
        digits, factor = read_product(problem)
        return str(int(digits[-1]) * factor)
    return str(read_chain(family, problem).totals()[0])


def _ended(text: str, answer: str) -> str:
    return f"{text}\n</think>\n\n\\boxed{{{answer}}}"


def solution(family: str, problem: str, difficulty: int, manner: str, rng: Random) -> str:
    """The completion after the template's `<think>`: reasoning, `</think>`, the boxed answer.

    Args:
        manner: one of `SHARES`.
        rng: draws where a solution stops, and the length of rambling.
    """
    opening = OPENINGS[manner]
    if manner == "sloppy":
        return opening
    if manner == "hasty":
        return _ended(f"{opening} {guess(family, problem)}", guess(family, problem))
    if manner == "rambling":
        text, answer = work(family, problem)
        length, rambling = rng.randint(*RAMBLE_CHARACTERS), f"{opening}:\n{text}"
        while len(rambling) < length:
            rambling += f"\nWait:\n{text}"
        return _ended(rambling, answer)
    left_out = 0 if rng.random() < WHOLE[manner][difficulty] else rng.randint(1, LEFT_OUT[manner])
    if family == "products":
        left_out = min(left_out, len(read_product(problem)[0]) - 1)
    text, answer = work(family, problem, manner == "brief", left_out)
    return _ended(f"{opening}:\n{text}", answer)
