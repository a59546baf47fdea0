"""Rows that hold no problem or no gold answer: counted in plan and records, refused where they are most."""

import json

import pytest

from openrs.command.plan_text import describe
from openrs.data import catalog
from openrs.plan import resolve
from openrs.records import scores
from openrs.records.files import read_record

BENCHMARKS = ("aime24", "math_500", "amc23", "minerva", "olympiadbench")


@pytest.fixture
def mirrored(composed, tmp_path):
    """Composes a config whose source and benchmarks are the rows that it is given."""

    def config(source, *overrides, **benchmarks):
        root = tmp_path / "mirror"
        bindings = composed("catalog=mirror", f"catalog.root={root}").catalog
        files = {bindings.sources["deepscaler"].id + "/train": source}
        for name in BENCHMARKS:
            data = bindings.benchmarks[name]
            one = {data.question: f"Held out in {name}", data.gold: "$1$"}
            files[f"{data.id}/{data.split}"] = benchmarks.get(name, [one])
        for name, rows in files.items():
            path = root / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return composed(
            "experiment=exp3", "data=deepscaler", "catalog=mirror", f"catalog.root={root}",
            "data.decontaminate_ngram=null", "evaluation.benchmarks=[amc23]",
            f"outputs={tmp_path / 'outputs'}", *overrides,
        )  # fmt: skip

    return config


def sums(number, answer=str):
    return [{"problem": f"What is {i} plus 7?", "answer": answer(i + 7)} for i in range(number)]


@pytest.mark.parametrize(
    ("answer", "gold", "left_out"),
    [
        (lambda i: [str(i)], "7", 0),
        (float, "7", 0),
        (lambda i: f"Take 0. Add 7.\n#### {i}", "7", 0),
        (lambda i: f"{i}\\$", "7\\$", 0),
        (lambda i: None if i % 2 == 0 else i, "7", 15),
        (lambda i: "" if i % 2 == 0 else str(i), "7", 15),
        (lambda i: float("nan") if i % 2 == 0 else float(i), "7", 15),
    ],
)
def test_rows_are_read_from_lines_and_tables(mirrored, composed, tmp_path, answer, gold, left_out):
    from pyarrow import Table, parquet

    rows = sums(30, answer)
    bindings = mirrored(rows).catalog
    read = catalog.source(bindings, "deepscaler")
    assert read[0]["solution"] == f"$\\boxed{{{gold}}}$"
    assert len(read) == 30 - left_out
    assert read.left_out == ({"no gold answer": left_out} if left_out else {})
    path = tmp_path / "tables" / bindings.sources["deepscaler"].id / "train.parquet"
    path.parent.mkdir(parents=True)
    parquet.write_table(Table.from_pylist(rows), path)
    tables = composed("catalog=mirror", f"catalog.root={tmp_path / 'tables'}").catalog
    again = catalog.source(tables, "deepscaler")
    assert (again, again.left_out) == (read, read.left_out)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (sums(30, lambda i: {"value": i}), r"sources\.deepscaler\.answer=answer: .* is an object in 30 of"),
        (sums(30, lambda i: [i, i]), r"\.answer=answer: gold answer is a list of several in 30"),
        (sums(30, lambda i: None), r"\.answer=answer: no gold answer in 30 of 30 rows of .*=COLUMN"),
        ([{"problem": i, "answer": i} for i in range(30)], r"\.problem=problem: .* is a number in 30 of 30"),
    ],
)  # fmt: skip
def test_a_source_of_which_most_rows_are_unreadable_is_refused(mirrored, rows, said):
    with pytest.raises(ValueError, match=said):
        resolve(mirrored(rows))


@pytest.mark.parametrize(
    ("source", "benchmarks", "said"),
    [
        ([], {}, r"catalog\.sources\.deepscaler: .*, split train, holds no rows\. Give a split"),
        (sums(30), {"amc23": []}, r"catalog\.benchmarks\.amc23: .*, split .*, holds no rows\. Give a split"),
    ],
)
def test_a_file_without_rows_is_refused_before_anything_runs(mirrored, source, benchmarks, said):
    with pytest.raises(ValueError, match=said):
        resolve(mirrored(source, **benchmarks))


def test_a_column_that_some_rows_lack_is_null_there(mirrored):
    read = catalog.source(mirrored([*sums(20), {"problem": "p"}]).catalog, "deepscaler")
    assert (len(read), read.left_out) == (20, {"no gold answer": 1})


def test_one_problem_with_two_gold_answers_is_counted_apart_and_named(mirrored):
    known = sums(30)
    rows = [
        {"problem": "What is 0 plus 7?", "answer": "10"},
        {"problem": "What is 1 plus 7?", "answer": None},
        {"problem": "What is 2 plus 7?", "answer": "9."},
        *known,
    ]
    plan = resolve(mirrored(rows))
    reason = "same problem with another gold answer"
    assert plan.mix.dropped == {"deepscaler": {"no gold answer": 1, reason: 1, "duplicate": 1}}
    golds = {row["problem"]: row["solution"] for row in plan.mix.rows}
    assert golds["What is 0 plus 7?"] == "$\\boxed{10}$"  # the first, as ever
    assert golds["What is 1 plus 7?"] == "$\\boxed{8}$"  # a null never beats a real one
    (conflict,) = plan.mix.conflicts["deepscaler"]
    assert (conflict["problem"], conflict["kept"], conflict["other"]) == ("What is 0 plus 7?", "10", "7")
    text = "\n".join(describe(plan))
    assert f"left out of deepscaler: no gold answer 1, {reason} 1, duplicate 1" in text
    assert "'What is 0 plus 7?': 10 is kept, 7 is left out" in text


def test_a_row_without_a_difficulty_or_solution_is_left_out_by_their_filters(mirrored):
    rows = [row | {"level": "3", "solution": "\\boxed{1}"} for row in sums(20)]
    rows[0]["level"], rows[1]["solution"], rows[2]["solution"] = None, ["a", "b"], "no box"
    config = mirrored(
        rows, "catalog.sources.deepscaler.difficulty=level", "data.draws.deepscaler.difficulty_min=2",
        "data.draws.deepscaler.boxed=true",
    )  # fmt: skip
    dropped = resolve(config).mix.dropped["deepscaler"]
    assert dropped == {"no difficulty": 1, "no worked solution": 1, "no boxed answer": 1}


AMC = [
    {"problem": "Known", "answer": 4.0},
    {"problem": "What is 3 plus 7?", "answer": None},
    {"problem": [{"role": "user", "content": "Asked"}], "answer": "so\n#### 5"},
    {"problem": None, "answer": 1},
    {"problem": "Listed", "answer": [6]},
]


def test_a_benchmarks_row_without_a_gold_answer_is_missing(mirrored):
    plan = resolve(mirrored(sums(30), amc23=AMC))
    rows = plan.problems["amc23"]
    assert [(row["problem"], row["gold"]) for row in rows] == [
        ("Known", "4"),
        ("Asked", "5"),
        ("Listed", "6"),
    ]
    assert plan.data["benchmarks"]["amc23"]["left_out"] == {"no gold answer": 1, "no problem": 1}
    text = "\n".join(describe(plan))
    assert "AMC23 3 x 1" in text
    assert "missing in AMC23: no gold answer 1, no problem 1" in text
    # it is held out of training all the same
    assert plan.mix.dropped["deepscaler"] == {"in amc23": 1}
    few = resolve(mirrored(sums(30), "evaluation.max_problems=2", amc23=AMC))
    assert [row["problem"] for row in few.problems["amc23"]] == ["Known", "Asked"]


def test_a_benchmark_without_gold_answers_is_refused_where_it_is_measured(mirrored):
    golds = {"amc23": [{"problem": "p", "answer": None}]}
    with pytest.raises(
        ValueError, match=r"catalog\.benchmarks\.amc23\.gold=answer: no gold answer in 1 of 1"
    ):
        resolve(mirrored(sums(30), **golds))
    rows = [*sums(30), {"problem": "P", "answer": "1"}]
    plan = resolve(mirrored(rows, "evaluation.benchmarks=[aime24]", **golds))
    assert plan.mix.dropped["deepscaler"] == {"in amc23": 1}


@pytest.mark.slow
def test_a_score_counts_the_rows_that_are_missing(mirrored, monkeypatch):
    from openrs import engines
    from openrs.evaluate import stage
    from openrs.models import files as model_files
    from tests.helpers.writing_engine import Writing, tokenizer

    config = mirrored(sums(30), "evaluation.max_new_tokens=4", amc23=AMC)
    plan, folder = resolve(config), str(model_files.packaged(config.model))
    monkeypatch.setattr(stage, "load_tokenizer", lambda path, revision: tokenizer(folder))
    monkeypatch.setattr(engines, "load", lambda *arguments: Writing())
    cells = plan.missing(0)
    stage.evaluate(config, plan.base, 0, folder, cells, plan.problems)
    record = scores.read(cells[0].path(plan.base.folder))
    assert (record.n, len(record.ids)) == (3, 3)
    assert record.left_out == {"no gold answer": 1, "no problem": 1}


@pytest.mark.slow
def test_data_json_counts_and_names_what_was_left_out(mirrored, tmp_path):
    from openrs.models import files as model_files
    from openrs.models.chat import PLAIN
    from openrs.train.prompts import write_prompts
    from tests.helpers.writing_engine import tokenizer

    rows = [{"problem": "What is 0 plus 7?", "answer": "10"}, {"problem": "p", "answer": ""}, *sums(30)]
    plan = resolve(mirrored(rows))
    write_prompts(
        plan.config,
        plan.mix,
        tokenizer(str(model_files.packaged(plan.config.model))),
        PLAIN,
        tmp_path / "train/prompts.jsonl",
    )
    data = read_record(tmp_path / "train/data.json")
    assert data["rows"] == {"deepscaler": 30}
    assert data["dropped"] == {
        "deepscaler": {"no gold answer": 1, "same problem with another gold answer": 1}
    }
    assert [row["other"] for row in data["conflicts"]["deepscaler"]] == ["7"]


def test_a_file_that_changed_is_read_again(mirrored):
    config = mirrored(sums(20))
    assert len(catalog.source(config.catalog, "deepscaler")) == 20
    assert catalog.source(config.catalog, "deepscaler") is catalog.source(config.catalog, "deepscaler")
    assert len(catalog.source(mirrored(sums(21)).catalog, "deepscaler")) == 21
