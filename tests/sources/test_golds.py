"""What math-verify makes of gold answers, as the plan counts it, against math-verify itself."""

import random

import pytest

from openrs.data import catalog, golds
from openrs.data.golds import Unparsed, kinds, known_to_err, plain, unparsed
from openrs.data.mix import answer
from openrs.records.files import read_lines
from openrs.verify import Verifier


@pytest.fixture(scope="module")
def verifier():
    made = Verifier(workers=2)
    yield made
    made.close()


ERRS = [
    ("angle", "galen", "texts"),
    ("never", "nerve", "texts"),
    ("n=3, 4, 5", "n=2, 3, 4", "lists after ="),
    ("D = (0, 2)", "D = (0, 2.5)", "lists after ="),
    ("101_2", "101_3", "other bases"),
    ("\\frac{1}{2^{80}}", "\\frac{1}{2^{79}}", "tiny numbers"),
    ("2^{-80}", "2^{-79}", "tiny numbers"),
    ("0.0000001", "0.0000002", "tiny numbers"),
]


@pytest.mark.parametrize(("gold", "wrong", "kind"), ERRS)
def test_the_kinds_are_those_on_which_math_verify_errs(verifier, gold, wrong, kind):
    """Under training's rule in order, or evaluation's, the wrong answer is taken for the right one."""
    assert kinds(gold) == [kind]
    pair = (f"$\\boxed{{{gold}}}$", f"The answer is $\\boxed{{{wrong}}}$.")
    said = [verifier.verify([pair], rule)[0].correct for rule in ("gold_first", "evaluation")]
    assert any(said)


@pytest.mark.parametrize(
    ("gold", "right", "kind"),
    [
        ("35\\%", "35 \\text{ percent}", "percents"),
        ("2x+4y-3=0", "y = -\\frac{1}{2}x + \\frac{3}{4}", "equations"),
        ("\\langle 1,2,3\\rangle", "(1,2,3)", "vectors"),
    ],
)
def test_the_kinds_are_those_of_which_it_refuses_a_right_answer(verifier, gold, right, kind):
    assert kinds(gold) == [kind]
    pair = (f"$\\boxed{{{gold}}}$", f"The answer is $\\boxed{{{right}}}$.")
    said = [verifier.verify([pair], rule)[0].correct for rule in ("gold_first", "evaluation")]
    assert not all(said)


@pytest.mark.parametrize(
    ("gold", "found"),
    [
        ("\\text{Friday}", ["texts"]),
        ("(\\text{C})", ["texts"]),
        ("No", ["texts"]),
        ("\\text{AB}_{16}", ["texts", "other bases"]),
        ("4343_{6}", ["other bases"]),
        ("3 \\times 10^{-8}", ["tiny numbers"]),
        ("1/2^80", ["tiny numbers"]),
        *[(right, []) for right in (
            "5", "0", "0.0", "-3.5", "12345", "\\frac{1}{3}", "5 \\text{ cm}", "\\sin x", "y = 2x + 1",
            "x=1,000", "x = 1{,}000", "a_1", "9^{9^{9^9}}", "xy", "\\sqrt{19}", "\\left( 1, 2 \\right)",
            "(2,5)", "x_1 = 5", "f(x) = x^2", "\\sum_{i=1}^5 i", "14 - i", "x < 5\\%y", "",
        )],
    ],
)  # fmt: skip
def test_kinds_of_gold_answers(gold, found):
    assert kinds(gold) == found


def test_kinds_are_counted_by_row():
    assert known_to_err(["never", "never", "5", "101_2"]) == {"texts": 2, "other bases": 1}


PLAIN = [
    "5", "-3.5", "\\frac{1}{2}", "\\dfrac12", "-\\frac{5}{3}", "2\\sqrt{3}", "(1, -2)", "[0, \\infty)",
    "(-\\infty, 1) \\cup (2, 3)", "x^2 + 3x - 1", "30^\\circ", "101_2", "5\\text{ cm}", "\\$5", "y = 2x + 1",
    "\\begin{pmatrix} 1 & 2 \\\\ -3 & 4 \\end{pmatrix}", "35,\\!280", "\\{1, 2\\}", "1,2,3",
]  # fmt: skip
UNPARSED = ["-\\frac{5}{3}.", "30^\\circ.", "\\dfrac{2469}{20,\\!000}", "2, 3, \\text{ and } 4"]


def test_plain_formulas_are_parsed_and_the_unparsed_are_not_plain(verifier):
    def parsed(some):
        said = verifier.verify([(f"$\\boxed{{{gold}}}$", "") for gold in some], "formula")
        return [verdict.correct for verdict in said]

    assert all(map(plain, PLAIN))
    assert all(parsed(PLAIN))
    assert not any(map(plain, UNPARSED))
    assert not any(parsed(UNPARSED))


@pytest.mark.parametrize(
    "gold", ["#" * 9999, "{" * 9999, "\\frac{" * 5000, "(" * 400 + ")" * 400, "a+" * 9999, ""]
)
def test_odd_gold_answers_take_no_time(gold):
    assert not plain(gold)
    assert kinds(gold) in ([], ["texts"])


def test_math_verify_is_asked_once(tmp_path, monkeypatch):
    golds._deadline.cache_clear()
    some = [*UNPARSED[:2], UNPARSED[0], "\\text{odd}", *PLAIN]
    assert unparsed(some, tmp_path) == Unparsed(len(some), 3, 0)
    lines = read_lines(tmp_path / golds.KEPT)
    assert {line["gold"]: line["parsed"] for line in lines} == {
        UNPARSED[0]: False, UNPARSED[1]: False, "\\text{odd}": True,
    }  # fmt: skip
    monkeypatch.setattr(golds, "PATIENCE", -1.0)
    golds._deadline.cache_clear()
    assert unparsed([*some, UNPARSED[2]], tmp_path) == Unparsed(len(some) + 1, 3, 1)
    assert len(read_lines(tmp_path / golds.KEPT)) == 3
    golds._deadline.cache_clear()


def test_what_another_version_said_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(golds, "PATIENCE", -1.0)
    golds._deadline.cache_clear()
    (tmp_path / golds.KEPT).write_text(
        '{"gold": "7\\\\text{ h}.", "parsed": true, "versions": "0.1 0.1"}\n[1]\n{"go'
    )
    assert unparsed(["7\\text{ h}."], tmp_path) == Unparsed(1, 0, 1)
    golds._deadline.cache_clear()


def test_nano_asks_nothing_of_math_verify(composed, tmp_path):
    bindings = composed("experiment=exp3").catalog
    for name in bindings.sources:
        answers = [answer(row) for row in catalog.source(bindings, name)]
        assert all(map(plain, answers))
        assert known_to_err(answers) == {}
        assert unparsed(answers, tmp_path) == Unparsed(len(answers), 0, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_plain_gold_answers_of_real_problems_are_parsed(composed, mirror, verifier):
    bindings = composed("catalog=mirror", f"catalog.root={mirror}").catalog
    distinct = sorted({answer(row) for row in catalog.source(bindings, "deepscaler")})
    formulas = [gold for gold in distinct if plain(gold) and not gold.lstrip("-").isdigit()]
    assert len(formulas) > 1000
    assert sum(not plain(gold) for gold in distinct) < 150
    some = random.Random(0).sample(formulas, 250)
    said = verifier.verify([(f"$\\boxed{{{gold}}}$", "") for gold in some], "formula")
    assert [gold for gold, verdict in zip(some, said, strict=True) if not verdict.correct] == []
