"""The raw pool of the built-in scale: problems with noise of known kinds, so that what a filter catches is a
figure.

The pool plays s1's 59,029 raw problems. Its answers stand in worked solutions alone, as there, so a solution
without a box leaves a problem without a gold answer.
"""

from functools import cache
from random import Random
from typing import Any

from openrs.nano import problems
from openrs.nano.families import EASY
from openrs.nano.solutions import work
from openrs.records.problem_ids import problem_id

ID = "openrs-nano/s1"
SIZE = 300
UNBOXED, SEVERAL, WRONG, TRIVIAL = "unboxed", "several parts", "wrong gold", "trivial"
SHARES = {UNBOXED: 0.15, SEVERAL: 0.15, WRONG: 0.15, TRIVIAL: 0.15}
"""Share of the pool that has each kind of noise; the rest is clean."""
TARGETS = {
    "boxed": (UNBOXED,),
    "single_part": (SEVERAL,),
    "pass_rate": (WRONG, TRIVIAL),
    "judge": (SEVERAL, WRONG),
    "stand_in_judge": (SEVERAL, WRONG),
}
"""Kind of filter -> the noise that it is there to catch."""


@cache
def pool() -> tuple[dict[str, Any], ...]:
    """The rows: problem, solution, difficulty, family, and noise, its kind or nothing."""
    rng = Random("noise")
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * SIZE))]
    kinds += [""] * (SIZE - len(kinds))
    rng.shuffle(kinds)
    clean = iter(problems.rows("open_deepscaler"))
    easy = (row for row in problems.rows("deepscaler") if row["difficulty"] == EASY)
    return tuple(_row(kind, next(easy if kind == TRIVIAL else clean), clean, rng) for kind in kinds)


def _row(kind: str, row: dict[str, Any], others: Any, rng: Random) -> dict[str, Any]:
    problem, family = row["problem"], row["family"]
    working, answer = work(family, problem)
    if kind == WRONG:
        answer = str(int(answer) + rng.randint(1, 9))
    said = f"so it is {answer}." if kind == UNBOXED else f"\\boxed{{{answer}}}"
    if kind == SEVERAL:  # half with labels, half in running text, of which the rule says nothing
        other = next(others)["problem"]
        labels = ("(a) ", "\n(b) ") if rng.random() < 0.5 else ("", " Then: ")
        problem = f"{labels[0]}{problem}{labels[1]}{other}"
    return {
        "problem": problem,
        "solution": f"{working}\n{said}",
        "difficulty": row["difficulty"],
        "family": family,
        "noise": kind,
    }


@cache
def kinds() -> dict[str, str]:
    """Problem id -> kind of noise."""
    return {problem_id(row["problem"]): row["noise"] for row in pool()}


def judge(problem: str, answer: str) -> tuple[bool, str]:
    """The stand-in for a judge: a rule that reads the built-in problems alone.

    It works the problem out, and takes one with the numbers of two problems for several parts.

    Returns:
        Whether the problem is sound, and the reason.
    """
    rows = {problem_id(row["problem"]): row for row in pool()}
    row = rows[problem_id(problem)]
    if " Then: " in problem or "(b)" in problem:
        return False, "it asks several things"
    right = work(row["family"], problem)[1]
    if answer != right:
        return False, f"the answer is {right}, not {answer}"
    return True, "one question with the right answer"
