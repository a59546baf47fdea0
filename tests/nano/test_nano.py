"""The built-in scale: problems apart from benchmarks, right solutions, a tokenizer that round-trips."""

from random import Random

import pytest

from openrs.nano import families, problems, solutions
from openrs.records.paper import BENCHMARKS
from openrs.records.problem_ids import problem_id


def test_benchmarks_are_held_out_by_construction():
    for name in BENCHMARKS:
        assert all(problems.held_out(row["problem"]) for row in problems.rows(name))
    for name in (*problems.SOURCES, "open_rs"):
        assert not any(problems.held_out(row["problem"]) for row in problems.rows(name))


def test_no_problem_is_there_twice():
    ids = [problem_id(row["problem"]) for row in problems.pool()]
    assert len(set(ids)) == len(ids)


def test_five_benchmarks_of_five_families():
    families = {name: {row["family"] for row in problems.rows(name)} for name in BENCHMARKS}
    assert len(set().union(*families.values())) == 5
    assert all(len(problems.rows(name)) >= 100 for name in BENCHMARKS)


def test_sources_play_the_papers_sizes_and_levels():
    sizes = {name: len(problems.rows(name)) for name in (*problems.SOURCES, "open_rs")}
    assert sizes == {"open_s1": 3723, "open_deepscaler": 4209, "deepscaler": 8063, "open_rs": 1400}
    raw = {row["problem"]: row["difficulty"] for row in problems.rows("deepscaler")}
    filtered = {row["problem"] for row in problems.rows("open_deepscaler")}
    assert filtered < set(raw)
    assert {raw[text] for text in set(raw) - filtered} == {families.EASY}
    assert families.EASY not in {row["difficulty"] for row in problems.rows("open_s1")}


def test_every_answer_is_what_the_worked_solution_finds():
    for row in problems.pool():
        for brief in (True, False):
            _, answer = solutions.work(row["family"], row["problem"], brief)
            assert f"${answer}$" == row["answer"]


def test_answers_are_right():
    expressions = {
        "chain_sum": ("Work out the sum 23+8+2+4", 37),
        "digit_sum": ("Start at the number 16 and add the digits 6, 7, 3, 5", 37),
        "basic_arithmetic": ("Calculate the value of 3*(13+6+2+8)", 87),
        "products": ("Multiply the numbers 65298*3", 195894),
        "stock": ("Birds on a roof: 46, taken away 2, 9, 6, 8. How many are left?", 21),
    }
    assert set(expressions) == set(families.FAMILIES)
    for family, (problem, answer) in expressions.items():
        assert solutions.work(family, problem)[1] == str(answer)
    for row in problems.pool():
        if row["family"] == "products":
            digits, factor = families.read_product(row["problem"])
            assert row["answer"] == f"${int(digits) * factor}$"


def test_the_pool_is_what_the_families_draw(tmp_path):
    from openrs.nano.build import build_problems

    build_problems(tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == problems.POOL.read_bytes()


def _solutions(source: str, manner: str) -> list[tuple[str, str]]:
    """(gold answer, solution) of a source's own problems."""
    difficulty = problems.SOURCES[source][0]
    rows = [row for row in problems.rows(source) if row["difficulty"] == difficulty][:500]
    return [
        (
            row["answer"].strip("$"),
            solutions.solution(row["family"], row["problem"], row["difficulty"], manner, Random(seed)),
        )
        for seed, row in enumerate(rows)
    ]


def _right(pairs: list[tuple[str, str]]) -> float:
    return sum(f"\\boxed{{{gold}}}" in text for gold, text in pairs) / len(pairs)


def test_solutions_have_their_manners():
    for source, brief, careful in (("open_s1", 0.25, 0.70), ("open_deepscaler", 0.75, 0.80)):
        assert _right(_solutions(source, "rambling")) == 1
        assert _right(_solutions(source, "careful")) == pytest.approx(careful, abs=0.06)
        assert _right(_solutions(source, "brief")) == pytest.approx(brief, abs=0.06)
        assert _right(_solutions(source, "hasty")) == _right(_solutions(source, "sloppy")) == 0
    for difficulty in (families.EASY, families.MEDIUM, families.HARD):
        assert sum(shares[difficulty] for shares in solutions.SHARES.values()) == pytest.approx(1)


def test_a_hasty_answer_is_right_where_one_operation_is_all():
    easy = [row for row in problems.rows("deepscaler") if row["difficulty"] == families.EASY]
    assert len(easy) == 3854
    assert all(f"${solutions.guess(row['family'], row['problem'])}$" == row["answer"] for row in easy)


@pytest.mark.torch
def test_length_caps_cut_what_the_world_needs_them_to_cut(tokenizer, composed):
    """Right answers to hard problems have more tokens than the cap of 2,048 leaves and fewer than that
    of 3,584; those to medium ones fit the shorter cap; rambling fits none."""
    names = ("cap1024", "cap2048", "cap3584", "cap4096")
    caps = [composed(f"length={name}").length.completion for name in names]

    def tokens(source: str, manner: str) -> list[int]:
        pairs = [(gold, text) for gold, text in _solutions(source, manner) if f"boxed{{{gold}}}" in text]
        return [len(ids) + 1 for ids in tokenizer([text for _, text in pairs])["input_ids"]]

    assert caps == [26, 51, 90, 102]
    assert caps[1] < min(tokens("open_s1", "careful")) <= max(tokens("open_s1", "careful")) <= caps[2]
    assert caps[0] < min(tokens("open_deepscaler", "careful"))
    assert max(tokens("open_deepscaler", "careful")) <= caps[1]
    assert min(tokens("open_s1", "brief")) > caps[1]
    assert max(tokens("deepscaler", "hasty")) <= caps[0]
    assert min(tokens("open_s1", "rambling") + tokens("open_deepscaler", "rambling")) > caps[3]


@pytest.fixture(scope="module")
def tokenizer(composed):
    from transformers import AutoTokenizer

    from openrs.models.files import packaged

    return AutoTokenizer.from_pretrained(packaged(composed().model))


@pytest.mark.torch
def test_text_survives_the_tokenizer(tokenizer, composed):
    texts = [
        "\n</think>\n\n\\boxed{-12}",
        "35 - 4 = 31",
        "36.0°, 99.0°",
        " \\frac{3}{4}",
        "naïve 数",
    ]
    texts += [row["problem"] for row in problems.pool()[::97]]
    texts += [composed(f"prompt={name}").prompt.system for name in ("r1", "r1_english")]
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


@pytest.mark.torch
def test_the_template_opens_thinking_as_r1_distill_does(tokenizer):
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert text == "<｜begin▁of▁sentence｜>S<｜User｜>U<｜Assistant｜><think>\n"
    whole = [*chat, {"role": "assistant", "content": "r\n</think>\n\nA"}]
    told = tokenizer.apply_chat_template(whole, tokenize=False)
    assert told.endswith("<｜Assistant｜>\n\nA<｜end▁of▁sentence｜>")


@pytest.mark.torch
def test_the_end_of_thinking_is_one_ordinary_token(tokenizer):
    ids = tokenizer("</think>")["input_ids"]
    assert len(ids) == 1
    assert ids[0] not in tokenizer.all_special_ids
    assert tokenizer.eos_token == "<｜end▁of▁sentence｜>"


@pytest.mark.torch
def test_prompts_fit_their_cap(tokenizer, composed):
    config = composed("experiment=exp3")
    for row in problems.pool()[::29]:
        chat = [
            {"role": "system", "content": config.prompt.system},
            {"role": "user", "content": row["problem"]},
        ]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)
        assert len(ids["input_ids"]) <= config.length.prompt


def test_the_weights_are_small(composed):
    from openrs.models.files import packaged

    folder = packaged(composed().model)
    assert (folder / "model.safetensors").stat().st_size <= 8 * 2**20
