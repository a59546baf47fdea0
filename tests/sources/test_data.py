"""Data mixes: counts, filters, seeds, duplicates, held-out problems, and the prompt order."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrs.config.training import Data, Draw
from openrs.data import catalog
from openrs.data.mix import load_mix, mix, prompt_order
from openrs.data.rows import Rows
from openrs.records import recipe
from openrs.records.paper import BENCHMARKS
from openrs.records.problem_ids import normalise, problem_id


def rows(name, number, difficulty=None):
    return Rows(
        {"problem": f"{name} {i}", "solution": f"$\\boxed{{{i}}}$", "difficulty": difficulty}
        for i in range(number)
    )


SOURCES = {"a": rows("a", 20, 1.0), "b": rows("b", 20, 5.0), "raw": rows("a", 30, 3.0)}


def draw(**draws):
    return Data(draws=draws, seed=1)


def test_counts_are_exact_and_seeded():
    data = draw(one=Draw(source="a", count=5), two=Draw(source="b", count=7))
    made = mix(data, SOURCES, {})
    assert made.drawn == {"one": 5, "two": 7}
    assert Counter(row["draw"] for row in made.rows) == made.drawn
    assert mix(data, SOURCES, {}) == made
    assert mix(Data(draws=data.draws, seed=2), SOURCES, {}).rows != made.rows


def test_a_draw_does_not_depend_on_the_draws_beside_it():
    alone = mix(draw(two=Draw(source="b", count=7)), SOURCES, {})
    both = mix(draw(one=Draw(source="a", count=5), two=Draw(source="b", count=7)), SOURCES, {})
    assert both.rows[5:] == alone.rows


def test_duplicates_and_held_out_problems_are_left_out_and_counted():
    data = draw(all=Draw(source="a"), raw=Draw(source="raw"))
    made = mix(data, SOURCES, {"amc23": ["a 25"]})
    assert made.drawn == {"all": 20, "raw": 9}
    assert made.dropped == {"all": {}, "raw": {"duplicate": 20, "in amc23": 1}}
    ids = [row["id"] for row in made.rows]
    assert len(set(ids)) == len(ids)


def test_exclude_leaves_what_the_filter_dropped():
    made = mix(draw(easy=Draw(source="raw", exclude=["a"])), SOURCES, {})
    assert made.dropped == {"easy": {"in a": 20}}
    assert {row["problem"] for row in made.rows} == {f"a {i}" for i in range(20, 30)}


def test_difficulty_filters():
    data = draw(low=Draw(source="a", difficulty_max=2), high=Draw(source="b", difficulty_min=4))
    assert mix(data, SOURCES, {}).drawn == {"low": 20, "high": 20}
    none = draw(low=Draw(source="b", difficulty_max=2))
    made = mix(none, SOURCES, {})
    assert (made.drawn, made.dropped) == ({"low": 0}, {"low": {"other difficulty": 20}})


def test_too_few_rows_and_no_difficulty_are_clear_errors():
    with pytest.raises(ValueError, match=r"data\.draws\.x\.count=21: .*only 20 rows.*count=20"):
        mix(draw(x=Draw(source="a", count=21)), SOURCES, {})
    for difficulty, told in ((None, "states no difficulty"), ("Hard", "has difficulty 'Hard'")):
        with pytest.raises(ValueError, match=told):
            mix(draw(x=Draw(source="c", difficulty_max=1)), {"c": rows("c", 3, difficulty)}, {})


def test_the_fingerprint_follows_content_alone():
    data = draw(x=Draw(source="a", count=5))
    made = mix(data, SOURCES, {})
    harder = {"a": Rows(row | {"difficulty": 9.0} for row in SOURCES["a"])}
    assert mix(data, harder, {}).fingerprint == made.fingerprint
    other = {"a": Rows(row | {"solution": "$1$"} for row in SOURCES["a"])}
    assert mix(data, other, {}).fingerprint != made.fingerprint


@given(
    num_rows=st.integers(12, 200),
    steps=st.integers(1, 60),
    per_step=st.integers(1, 12),
    seed=st.integers(0, 5),
)
def test_prompt_order_laws(num_rows, steps, per_step, seed):
    order = prompt_order(num_rows, per_step, steps, seed)
    assert len(order) == steps * per_step
    whole = num_rows - num_rows % per_step
    for start in range(0, len(order), whole):
        epoch = order[start : start + whole]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(num_rows))
    longer = prompt_order(num_rows, per_step, steps + 7, seed)
    assert longer[: len(order)] == order


def test_epochs_differ_and_seeds_differ():
    order = prompt_order(24, 12, 4, 0)
    assert order[:24] != order[24:]
    assert order != prompt_order(24, 12, 4, 1)


def test_a_mix_smaller_than_a_step_is_refused():
    with pytest.raises(ValueError, match="only 5 rows"):
        prompt_order(5, 12, 10, 0)


def test_normalisation_folds_what_does_not_tell_problems_apart():
    assert normalise("  Find  X\n\tnow ") == "find x now"
    assert problem_id("Find X") == problem_id(" find\nx ")
    assert problem_id("find x") != problem_id("find y")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["open_s1", "open_deepscaler", "open_rs", "mixed", "easy", "hard"])
def test_every_mix_can_be_drawn_at_nano_scale(composed, option):
    config = composed("experiment=exp3", f"data={option}")
    made = load_mix(config.data, config.catalog)
    for name, drawn in made.drawn.items():
        assert drawn == (config.data.draws[name].count or drawn) > 0
    assert not any("in " + name in counts for counts in made.dropped.values() for name in BENCHMARKS)


def test_mixed_is_the_papers_recipe(composed):
    config = composed("experiment=exp3", "data=mixed", "scale=paper")
    draws = {n: (d.source, d.count, d.exclude) for n, d in config.data.draws.items()}
    assert draws == {
        "open_s1": ("open_s1", 3000, []),
        "open_deepscaler": ("open_deepscaler", 3000, []),
        "easy": ("deepscaler", 1000, ["open_deepscaler"]),
    }


def test_a_mirror_reads_lines_and_tables(composed, tmp_path):
    from pyarrow import Table, parquet

    folder = tmp_path / "agentica-org/DeepScaleR-Preview-Dataset"
    folder.mkdir(parents=True)
    overrides = ["catalog=mirror", f"catalog.root={tmp_path}", "data=deepscaler"]
    config = composed(*overrides)
    with pytest.raises(ValueError, match=r"catalog\.root=.*holds no .*train\.jsonl"):
        catalog.source(config.catalog, "deepscaler")
    (folder / "train.jsonl").write_text('{"problem": "p", "answer": "$7$"}\n\n')
    lines = catalog.source(config.catalog, "deepscaler")
    assert lines == [{"problem": "p", "solution": "$\\boxed{7}$", "difficulty": None, "worked": None}]
    (folder / "train.jsonl").unlink()
    parquet.write_table(Table.from_pylist([{"problem": "p", "answer": "$7$"}]), folder / "train.parquet")
    assert catalog.source(config.catalog, "deepscaler") == lines
    missing = composed(*overrides, "catalog.sources.deepscaler.answer=result")
    with pytest.raises(ValueError, match="has no such column. It has: problem, answer"):
        catalog.source(missing.catalog, "deepscaler")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("train.jsonl", b'{"problem": "a"}\n{"prob', r"train\.jsonl, line 2: .*one JSON object"),
        ("train.jsonl", b"[1, 2]\n", r"train\.jsonl, line 1: .*no object"),
        ("train.jsonl", b'{"problem": "\xff"}\n', r"train\.jsonl, line 1: .*UTF-8"),
        ("train.parquet", b"PAR1 and no more", r"train\.parquet: cannot be read as Parquet"),
    ],
)
def test_a_file_of_a_mirror_that_cannot_be_read_is_named(composed, tmp_path, name, content, told):
    bindings = composed("catalog=mirror", f"catalog.root={tmp_path}").catalog
    path = tmp_path / bindings.sources["deepscaler"].id / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        catalog.source(bindings, "deepscaler")


def test_repeated_problems_of_a_benchmark_stay_apart(composed, tmp_path):
    folder = tmp_path / "knoveleng/AMC-23"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"problem": "p", "answer": 1}\n' * 2)
    config = composed("catalog=mirror", f"catalog.root={tmp_path}")
    ids = [row["id"] for row in catalog.benchmark(config.catalog, "amc23")]
    assert ids == [problem_id("p"), f"{problem_id('p')}-2"]


CHOICES = [
    {"Question": f"Question {i}? ", "Correct Answer": "right\n", "Incorrect Answer 1": "x",
     "Incorrect Answer 2": "y", "Incorrect Answer 3": "z"} for i in range(40)
]  # fmt: skip


@pytest.fixture
def choices(composed, tmp_path):
    folder = tmp_path / "Idavidrein/gpqa/gpqa_diamond"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CHOICES))
    return composed("catalog=mirror", f"catalog.root={tmp_path}", "evaluation.benchmarks=[gpqa_diamond]")


def test_multiple_choice_is_lettered_the_same_way_each_time(choices):
    rows = catalog.benchmark(choices.catalog, "gpqa_diamond")
    assert rows == catalog.benchmark(choices.catalog, "gpqa_diamond")
    assert {row["gold"] for row in rows} == set("ABCD")
    for number, row in enumerate(rows):
        lines = row["problem"].split("\n")
        assert lines[:2] == [f"Question {number}?", ""]
        assert [line[:3] for line in lines[2:]] == ["A) ", "B) ", "C) ", "D) "]
        assert f"{row['gold']}) right" in lines
        assert row["id"] == problem_id(f"Question {number}?")


def test_a_benchmarks_own_instruction_is_part_of_its_settings(choices):
    rows = catalog.benchmark(choices.catalog, "gpqa_diamond")
    first = recipe.evaluation_id(choices, "gpqa_diamond", rows)
    other = [row | {"instruction": "Say a letter."} for row in rows]
    assert recipe.evaluation_id(choices, "gpqa_diamond", other) != first


def test_gated_questions_are_in_no_record_of_what_was_read(choices):
    assert choices.catalog.benchmarks["gpqa_diamond"].gated
    rows = catalog.benchmark(choices.catalog, "gpqa_diamond")
    read = catalog.origin(choices.catalog, choices.catalog.benchmarks["gpqa_diamond"], rows)
    assert read["rows"] == 40
    assert not any("Question" in str(value) for value in read.values())


def test_letters_belong_to_multiple_choice(composed):
    for change in ("gpqa_diamond.wrong=[]", "gpqa_diamond.gold_kind=latex", "aime24.gold_kind=letter"):
        with pytest.raises(ValueError, match=r"catalog\.benchmarks\..*\.wrong=.*gold_kind"):
            composed("catalog=hub", f"catalog.benchmarks.{change}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("I think.\n\nAnswer: C", True),
        ("Answer: (C)", True),
        ("**Answer: C**", True),
        ("The final answer is C. I hope it is correct.", True),
        ("C", True),
        ("Answer: B", False),
        ("C is tempting, but no. Answer: A", False),
        ("a carbon atom", False),  # a bare letter somewhere is no answer
        ("", False),
    ],
)
def test_letters_are_judged_as_lighteval_does(text, right):
    from lighteval.models.model_output import ModelResponse

    from openrs.evaluate import benchmarks

    task = benchmarks.task("gpqa_diamond", "unused", "letter", 10)
    row = {"id": "i", "problem": "Q?\n\nA) 1\nB) 2\nC) 3\nD) 4", "gold": "C", "choices": list("ABCD"),
           "instruction": "Say a letter."}  # fmt: skip
    doc = task.prompt_function(row, "gpqa_diamond")
    assert doc.query == "Say a letter.\n\n" + row["problem"]
    assert doc.get_golds() == ["C"]
    scored = task.metrics[0].sample_level_fn.compute([ModelResponse(text=[text])], [doc])
    assert scored == [float(right)]
    assert doc.specific["timed_out"] is False
