"""What a draw's filters say of a row."""

import pytest

from openrs.config.training import Data, Draw
from openrs.data.filters import several_parts
from openrs.data.mix import mix
from openrs.data.rows import Rows


@pytest.mark.parametrize(
    ("problem", "solution", "several"),
    [
        ("(a) Find $x$. (b) Prove that $x > 1$.", "", True),
        ("a) Find $x$.\nb) What is $y$?", "", True),
        ("Let $n$ be even. (1) Determine $n$; (2) If $n > 2$, how many are there?", "", True),
        ("(i) Compute $f(1)$, (ii) compute $f(2)$.", "", True),
        ("Solve both.", "(a) $\\boxed{1}$ (b) $\\boxed{2}$", True),
        # labelled conditions, choices and functions are no parts
        ("Find $f$ such that (i) $f$ is increasing, (ii) $f(1) = 2$.", "", False),
        ("How many $n$ have: (1) $n \\le 50$. (2) $n$ is even.", "", False),
        (
            "Rules:\n1) He chooses a column, from which\n2) he takes one. How many orders are there?",
            "",
            False,
        ),
        ("Which is prime? (A) 4 (B) 5 (C) 6", "$\\boxed{B}$", False),
        ("Let $P(a) = P(b)$ on $(0, a)$. Find $a$.", "", False),
        ("Find $x$.", "First $\\boxed{\\text{Claim}}$, then $\\boxed{3}$.", False),
        ("What is $x$? And what is $y$?", "", False),  # running text: the heuristic does not see it
    ],
)
def test_several_parts(problem, solution, several):
    assert several_parts(problem, solution) is several


def test_an_answer_with_several_labels_has_several_parts():
    assert several_parts("Find both.", "", "$\\boxed{(1) 2; (2) 3}$")
    assert not several_parts("Find it.", "", "$\\boxed{(1, 2)}$")


def row(problem, worked, difficulty=1.0):
    return {"problem": problem, "solution": "$1$", "difficulty": difficulty, "worked": worked}


def test_each_row_counts_once_under_its_first_reason():
    rows = [
        row("p", "\\boxed{1}"),
        row("q", "no box"),
        row("(a) Find x. (b) Find y.", "\\boxed{1}"),
        row("(a) Find x. (b) Find z.", ""),
        row("hard", "\\boxed{1}", 9.0),
        row("P", "\\boxed{1}"),
    ]
    strict = Data(draws={"x": Draw(source="s", boxed=True, single_part=True, difficulty_max=5)})
    made = mix(strict, {"s": Rows(rows)}, {})
    assert made.drawn == {"x": 1}
    assert made.dropped == {
        "x": {"no boxed answer": 2, "several parts": 1, "other difficulty": 1, "duplicate": 1}
    }
    assert mix(Data(draws={"x": Draw(source="s")}), {"s": Rows(rows)}, {}).dropped == {"x": {"duplicate": 1}}


@pytest.mark.parametrize("name", ["boxed", "single_part"])
def test_a_filter_without_its_column_says_which(name):
    rows = [row("p", None)]
    with pytest.raises(ValueError, match=rf"data\.draws\.x\.{name}=True: .*catalog\.sources\.s\.solution="):
        mix(Data(draws={"x": Draw(source="s", **{name: True})}), {"s": Rows(rows)}, {})
