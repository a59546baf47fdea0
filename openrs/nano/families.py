"""Five families of arithmetic problems: how a problem is drawn, and which operations solve it.

A problem is a start and a row of distinct digits that are taken up one by one, so a problem is harder
by having more operations and by nothing else. Digits are distinct because a small network finds the next
one by looking for the last one, and stand apart because it learns that late in a row such as 6582. A family
has one sign because a network learns late to copy signs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

EASY, MEDIUM, HARD = 1, 3, 5
"""Difficulty levels, on the 1 to 5 scale of MATH."""

OPERATIONS = {EASY: 1, MEDIUM: 4, HARD: 9}
"""Operations of a problem. (`products` has 1, 3 and 9: factors of one, two and five digits.)"""

PLACES = (
    "Boxes in a store",
    "Coins in a purse",
    "Books on a shelf",
    "Birds on a roof",
    "Apples in a crate",
    "Sheep in a field",
    "Boats in a harbour",
    "Plates in a cupboard",
    "Pencils in a drawer",
    "Chairs in a hall",
    "Tickets in a booth",
    "Bottles in a cellar",
)
"""So many that there are enough easy problems although their numbers are small."""


def _digits(number: int, rng: Random) -> list[int]:
    return rng.sample(range(1 if number < 9 else 0, 10), number)


def _start(level: int, rng: Random) -> int:
    return rng.randint(10, 90 if level == EASY else 50)


def _chain_sum(level: int, rng: Random) -> str:
    terms = [_start(level, rng), *_digits(OPERATIONS[level], rng)]
    return "Work out the sum " + "+".join(map(str, terms))


def _digit_sum(level: int, rng: Random) -> str:
    digits = ", ".join(map(str, _digits(OPERATIONS[level], rng)))
    return f"Start at the number {_start(level, rng)} and add the digits {digits}"


def _basic_arithmetic(level: int, rng: Random) -> str:
    if level == EASY:
        return f"Calculate the value of ({_start(level, rng)}+{rng.randint(1, 9)})"
    terms = [rng.randint(10, 19), *_digits(OPERATIONS[level] - 1, rng)]
    return f"Calculate the value of {rng.randint(2, 3)}*({'+'.join(map(str, terms))})"


def _products(level: int, rng: Random) -> str:
    length = {EASY: 1, MEDIUM: 2, HARD: 5}[level]
    *digits, factor = map(str, rng.sample(range(2, 10), length + 1))
    return f"Multiply the numbers {''.join(digits)}*{factor}"


def _stock(level: int, rng: Random) -> str:
    start = rng.randint(*{EASY: (10, 50), MEDIUM: (30, 70), HARD: (50, 99)}[level])
    digits = ", ".join(map(str, _digits(OPERATIONS[level], rng)))
    return f"{rng.choice(PLACES)}: {start}, taken away {digits}. How many are left?"


FAMILIES: dict[str, Callable[[int, Random], str]] = {
    "chain_sum": _chain_sum,
    "products": _products,
    "digit_sum": _digit_sum,
    "basic_arithmetic": _basic_arithmetic,
    "stock": _stock,
}
"""Family -> (difficulty, random numbers -> problem text)."""


@dataclass(frozen=True)
class Chain:
    """A start and what is done to the running total, one operation after another."""

    start: int
    operations: tuple[tuple[str, int], ...]

    def totals(self) -> list[int]:
        """The running total after each operation."""
        totals = [self.start]
        for sign, number in self.operations:
            last = totals[-1]
            totals.append({"+": last + number, "-": last - number, "*": last * number}[sign])
        return totals[1:]


def read_chain(family: str, problem: str) -> Chain:
    """The operations that solve a problem of any family but `products`."""
    numbers = [int(number) for number in re.findall(r"\d+", problem)]
    if family == "basic_arithmetic" and "*" in problem:
        factor, start, *terms = numbers
        return Chain(start, (*(("+", term) for term in terms), ("*", factor)))
    sign = "-" if family == "stock" else "+"
    return Chain(numbers[0], tuple((sign, number) for number in numbers[1:]))


def read_product(problem: str) -> tuple[str, int]:
    """The digits of the long factor, and the factor of one digit."""
    digits, factor = re.findall(r"\d+", problem)
    return digits, int(factor)
