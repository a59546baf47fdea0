"""What a column's value is read as, or why it is not: tables of kinds, and 150 rows drawn by chance."""

import datetime
import json
import random
from decimal import Decimal

import pytest

from openrs.data import catalog, columns

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("5", "5"),
        (" $5$ ", "5"),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (Decimal("5.00"), "5"),
        (Decimal("1E+3"), "1000"),
        (10**30, "1" + "0" * 30),
        (True, "True"),
        (["5"], "5"),
        ([[5.0]], "5"),
        (b"5", "5"),
        ("First 1, then 2.\n#### 18", "18"),
        ("6 - 1 = 5\n#### 5 \n", "5"),
        ("#### $1,000$", "1,000"),
        ("so #### 3 and #### 4", "4"),
        ("3\\$", "3\\$"),
        ("$3\\$$", "3\\$"),
        ("\\$5", "\\$5"),
        ("$69$,$84$", "69,84"),
        ("3\\", "3"),
        ("3 \\ ", "3"),
        ("\\(5\\)", "5"),
        ("\\[ x^2 \\]", "x^2"),
        ("\\boxed{5}", "5"),
        ("Thus $x = \\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("\\{1, 2\\}", "\\{1, 2\\}"),
        ("[3]", "[3]"),  # a text is what it says: an interval or a list
        ("None", "None"),
    ],
)
def test_an_answer_is_read_as_what_it_is(value, answer):
    assert columns.answer(value) == answer


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no gold answer"),
        (NAN, "no gold answer"),
        (Decimal("NaN"), "no gold answer"),
        ("", "no gold answer"),
        (" \n", "no gold answer"),
        ("\u200b", "no gold answer"),
        ("$$", "no gold answer"),
        ("\\boxed{}", "no gold answer"),
        ("so\n####", "no gold answer"),
        ([], "no gold answer"),
        ({}, "no gold answer"),
        ([None], "no gold answer"),
        (b"", "no gold answer"),
        ({"value": "3"}, "gold answer is an object"),
        ([{"value": "3"}], "gold answer is an object"),
        (["1", "2"], "gold answer is a list of several"),
        (b"\xff", "gold answer is bytes that are no UTF-8"),
        ("\ud800", "gold answer is no Unicode text"),
        (INF, "gold answer is infinite"),
        (datetime.date(2020, 1, 2), "gold answer is a date"),
        (1j, "gold answer is a complex"),
        ("{3", "gold answer has unbalanced braces"),
        ("3}", "gold answer has unbalanced braces"),
        ("\\boxed{1} or \\boxed{2}", "gold answer has several boxes"),
    ],
)
def test_what_is_no_answer_is_left_out_with_its_reason(value, reason):
    with pytest.raises(columns.BadValue, match=f"^{reason}$"):
        columns.answer(value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("What is 1 + 1? ", "What is 1 + 1? "),  # ids and fingerprints are of the file's own text
        (["p"], "p"),
        (b"p", "p"),
        ([{"role": "user", "content": "p"}], "p"),
        ({"role": "user", "content": "p"}, "p"),
        ([{"role": "system", "content": "s"}, {"role": "user", "content": "p"}], "p"),
        ([{"role": "user", "content": "p"}, {"role": "assistant", "content": "a"}], "p"),
        ([{"from": "human", "value": "p"}, {"from": "gpt", "value": "a"}], "p"),
        ([{"role": "user", "content": [{"type": "text", "text": "p"}, {"text": "q"}]}], "p\nq"),
    ],
)
def test_a_problem_is_its_text_or_the_users_message(value, problem):
    assert columns.problem(value) == problem


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no problem"),
        (NAN, "no problem"),
        ("", "no problem"),
        (7, "problem is a number"),
        (True, "problem is a number"),
        ({"text": "p"}, "problem is an object"),
        (["p", "q"], "problem is a list of several"),
        ([{"role": "system", "content": "s"}], "problem is a chat without a user's message"),
        ([{"role": "user", "content": text} for text in "pq"], "problem is a chat of several turns"),
        ([{"role": "user", "content": None}], "no problem"),
        ([{"role": "user", "content": 5}], "problem is a number"),
        ([{"role": "user", "content": [{"type": "image"}]}], "problem has a part that is no text"),
        ("\udcff", "problem is no Unicode text"),
    ],
)  # fmt: skip
def test_what_is_no_problem_is_left_out_with_its_reason(value, reason):
    with pytest.raises(columns.BadValue, match=f"^{reason}$"):
        columns.problem(value)


@pytest.mark.parametrize(
    ("value", "gold"),
    [
        (" $5$ ", " $5$ "),  # scoring ids are of the file's own text
        ("Start:\n\\[ s = \\boxed{1.6} \\]", "Start:\n\\[ s = \\boxed{1.6} \\]"),
        ("2 + 2\n#### 4", "4"),
        (4.0, "4"),
        (["4"], "4"),
    ],
)
def test_a_benchmarks_gold_answer_stays_in_its_own_words(value, gold):
    assert columns.gold(value) == gold


@pytest.mark.parametrize(
    ("value", "read"),
    [(3, 3), (2.5, 2.5), ("3", 3.0), (Decimal("3"), 3.0), (NAN, None), (None, None), ("nan", None),
     (True, None), ("Hard", "Hard"), ([1], [1])],
)  # fmt: skip
def test_a_difficulty_is_a_number(value, read):
    assert columns.difficulty(value) == read


@pytest.mark.parametrize(
    ("value", "read"), [("s", "s"), (["s"], "s"), ("", None), (None, None), ({"a": 1}, None), (3, None)]
)
def test_a_worked_solution_is_a_text(value, read):
    assert columns.worked(value) == read


def drawn_value(rng, number):
    """A value of any type, and the answer that it is; None where it is none."""
    whole = number + 1
    kinds = [
        (whole, str(whole)),
        (float(whole), str(whole)),
        (whole + 0.25, f"{whole}.25"),
        (-whole, f"-{whole}"),
        (f"${whole}$", str(whole)),
        (f"{whole}\\$", f"{whole}\\$"),
        (f"Work.\n#### {whole}", str(whole)),
        (f"\\boxed{{{whole}}}", str(whole)),
        (f"\\frac{{{whole}}}{{7}}", f"\\frac{{{whole}}}{{7}}"),
        *[(empty, None) for empty in (None, NAN, "", "  ", [], {}, "$ $", "####")],
        *[(other, None) for other in ({"v": whole}, [whole, 2], [[1, 2]], INF, -INF, "\ud800", "{", "}")],
    ]
    value, answer = rng.choice(kinds[:9] if rng.random() < 0.7 else kinds[9:])
    return ([value], answer) if rng.random() < 0.2 else (value, answer)


def drawn_problem(rng, number):
    text = f"What is number {number}?"
    chat = [{"role": "user", "content": text}]
    if rng.random() < 0.9:
        return rng.choice([text, [text], chat, [{"role": "system", "content": "s"}, *chat]]), text
    return rng.choice([None, NAN, "", 5, {}, {"p": text}, [text, text], [*chat, *chat], "\udfff"]), None


@pytest.mark.parametrize("kind", ["source", "benchmark"])
def test_each_of_150_rows_is_read_right_or_left_out_with_a_reason(composed, tmp_path, kind):
    rng = random.Random(f"rows {kind}")
    lines, expected = [], []
    for number in range(150):
        (value, answer), (problem, text) = drawn_value(rng, number), drawn_problem(rng, number)
        if kind == "benchmark" and isinstance(answer, str):  # in the file's own words
            bare = value[0] if isinstance(value, list) else value
            own = isinstance(bare, str) and "####" not in bare
            answer = bare if own else answer
        if kind == "benchmark" and value in ("{", "}", ["{"], ["}"]):  # no box is put around it
            answer = value if isinstance(value, str) else value[0]
        row = {"problem": problem, "answer": value}
        if answer is None and rng.random() < 0.2:
            del row["answer"]
        lines.append(json.dumps(row))
        if answer is not None and text is not None:
            expected.append((text, answer))
    bindings = composed("catalog=mirror", f"catalog.root={tmp_path}").catalog
    entry = bindings.sources["deepscaler"] if kind == "source" else bindings.benchmarks["amc23"]
    path = tmp_path / entry.id / "train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines))
    if kind == "source":
        rows = catalog.source(bindings, "deepscaler")
        read = [(row["problem"], row["solution"]) for row in rows]
        expected = [(text, f"$\\boxed{{{answer}}}$") for text, answer in expected]
    else:
        rows = catalog.benchmark(bindings, "amc23")
        read = [(row["problem"], row["gold"]) for row in rows]
    assert read == expected
    assert len(rows) + sum(rows.left_out.values()) == 150
    assert 20 < sum(rows.left_out.values()) < 75
    assert all("problem" in reason or "gold answer" in reason for reason in rows.left_out)
