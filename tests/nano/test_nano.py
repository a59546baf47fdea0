"""The built-in scale: problems apart from benchmarks, right solutions, a tokenizer that round-trips."""

from collections import Counter
from random import Random

import pytest

from openrs.nano import problems, solutions
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
    assert {raw[text] for text in set(raw) - filtered} == {problems.EASY}
    assert problems.EASY not in {row["difficulty"] for row in problems.rows("open_s1")}


def test_every_answer_is_what_the_worked_solution_finds():
    for row in problems.pool():
        _, answer = solutions.SOLVERS[row["family"]](row["problem"])
        assert f"${answer}$" == row["answer"]


@pytest.mark.slow
def test_the_pool_is_what_the_generators_give(tmp_path):
    pytest.importorskip("reasoning_gym", reason="the nano-build extra is not installed")
    from openrs.nano.build import build_problems

    build_problems(tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == problems.POOL.read_bytes()


def test_solutions_have_their_manners():
    row = problems.rows("math_500")[0]
    made = {
        manner: [
            solutions.solution(row["family"], row["problem"], manner, Random(seed)) for seed in range(200)
        ]
        for manner in solutions.MANNERS
    }
    gold = row["answer"].strip("$")
    right = {m: sum(f"\\boxed{{{gold}}}" in text for text in texts) for m, texts in made.items()}
    assert right["careful"] == right["rambling"] == 200
    assert 20 < right["hasty"] < 90
    assert max(map(len, made["rambling"])) > 3 * max(map(len, made["careful"]))
    closed = Counter("\n</think>\n" in text for text in made["sloppy"])
    assert set(closed) == {True, False}
    assert sum(solutions.MANNERS.values()) == pytest.approx(1)


@pytest.fixture(scope="module")
def tokenizer(composed):
    from transformers import AutoTokenizer

    from openrs.models import packaged

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
    from openrs.models import packaged

    folder = packaged(composed().model)
    assert (folder / "model.safetensors").stat().st_size <= 8 * 2**20
