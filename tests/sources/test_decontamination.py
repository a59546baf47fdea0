"""Rows that a benchmark holds too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrs.config.training import Data, Draw
from openrs.data.decontamination import HeldOut, words
from openrs.data.mix import mix
from openrs.data.rows import Rows
from openrs.records.problem_ids import problem_id

LONG = "Find the number of integer values of $k$ in the closed interval $[-500,500]$ for which it has a root."
SHORT = "What is $1+1$?"


def found(problem, ngram=13, **benchmarks):
    held = HeldOut(benchmarks or {"aime24": [LONG], "math_500": [SHORT]}, ngram)
    return held.benchmark(problem_id(problem), problem)


def test_words_fold_what_does_not_tell_problems_apart():
    assert words("Find  $\\frac{1}{2}x$,\n THEN y_1!") == ["find", "frac", "1", "2", "x", "then", "y", "1"]


@pytest.mark.parametrize(
    ("problem", "benchmark"),
    [
        (LONG, "aime24"),
        (f"In other words: {LONG.upper()} Say why.", "aime24"),
        (LONG.replace("closed interval $[-500,500]$", "closed interval \\([-500, 500]\\)"), "aime24"),
        (LONG.replace("closed", "open"), None),  # 9 words before it, 10 after it
        ("what is 1 + 1", "math_500"),  # fewer words than the run: the same words, and no others
        ("What is $1+1$ in binary?", None),
        ("", None),
    ],
)
def test_a_shared_run_of_words(problem, benchmark):
    assert found(problem) == benchmark


def test_without_a_length_only_equal_texts_count():
    assert found(LONG.upper(), None) == "aime24"
    assert found(LONG + " Why?", None) is None


def test_the_first_benchmark_is_named_once():
    assert found(LONG, 13, first=[LONG], second=[LONG]) == "first"


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_a_run_is_shared_exactly_when_a_window_is(one, other):
    """Against the definition, spelt out."""
    length = 4
    windows = {tuple(one[i : i + length]) for i in range(max(1, len(one) - length + 1))}
    shares = any(tuple(other[i : i + length]) in windows for i in range(max(1, len(other) - length + 1)))
    held = HeldOut({"x": [" ".join(one)]}, length)
    assert (held.benchmark("id", " ".join(other)) == "x") == shares


def test_rows_are_counted_per_draw_and_benchmark_before_the_draw():
    rows = [{"problem": text, "solution": "$1$", "difficulty": None, "worked": None}
            for text in (LONG, LONG + " Why?", SHORT, "fresh 1", "fresh 2")]  # fmt: skip
    held_out = {"aime24": [LONG], "math_500": [SHORT]}
    data = Data(draws={"x": Draw(source="s", count=2)}, decontaminate_ngram=13)
    made = mix(data, {"s": Rows(rows)}, held_out)
    assert made.dropped == {"x": {"in aime24": 2, "in math_500": 1}}
    assert {row["problem"] for row in made.rows} == {"fresh 1", "fresh 2"}
    equal = mix(Data(draws={"x": Draw(source="s")}), {"s": Rows(rows)}, held_out)
    assert equal.dropped == {"x": {"in aime24": 1, "in math_500": 1}}


@pytest.mark.slow
def test_published_mixes_stay_and_drawn_ones_are_decontaminated_on_real_problems(composed):
    for option in ("open_s1", "open_rs", "open_deepscaler", "deepscaler"):
        for catalog in ("nano", "hub"):
            assert composed(f"data={option}", f"catalog={catalog}").data.decontaminate_ngram is None
    for option in ("mixed", "easy", "hard"):
        assert composed(f"data={option}").data.decontaminate_ngram is None
        assert composed(f"data={option}", "catalog=hub").data.decontaminate_ngram == 13
    with pytest.raises(ValueError, match=r"data\.decontaminate_ngram=7: .*everyday phrases.*=8"):
        composed("data=mixed", "data.decontaminate_ngram=7")
