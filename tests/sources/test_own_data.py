"""Rows of one's own: named on the command line, of several kinds beside each other, judged as stated."""

import csv
import json

import pytest

from openrs.data import catalog
from openrs.errors import Mistake
from openrs.plan import resolve
from tests.helpers.composition import config_of

ROWS = [{"question": f"What is {i} plus 8?", "result": str(i + 8)} for i in range(20)]
COLUMNS = ("data.problem=question", "data.answer=result")
NANO = ("experiment=exp3", "scale=nano")


def written(path, rows=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        from pyarrow import Table, parquet

        parquet.write_table(Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def planned(tmp_path, *overrides):
    return resolve(config_of(*NANO, f"outputs={tmp_path / 'outputs'}", *overrides))


def test_the_same_rows_are_the_same_run_wherever_they_lie(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = set()
    for name in ("problems.jsonl", "a/other.parquet", "b/c.csv"):
        written(tmp_path / name)
        runs.add(planned(tmp_path, f"data={name}", *COLUMNS).run.id)
        runs.add(planned(tmp_path, f"data={tmp_path / name}", *COLUMNS).run.id)
    written(tmp_path / "root/acme/sums/deep/test.jsonl")
    hub = ("data=acme/sums", "data.subset=deep", "data.split=test", f"catalog.root={tmp_path / 'root'}")
    plan = planned(tmp_path, *hub, *COLUMNS)
    assert len(runs | {plan.run.id}) == 1
    assert plan.mix.drawn == {"own": 20}
    assert plan.mix.rows[0]["solution"] == "$\\boxed{8}$"
    origin = plan.data["sources"]["own"]
    assert (origin["catalog"], origin["id"], origin["rows"]) == ("mirror", "acme/sums", 20)
    written(tmp_path / "problems.jsonl", [*ROWS[:-1], {"question": "Last?", "result": "1"}])
    assert planned(tmp_path, "data=problems.jsonl", *COLUMNS).run.id not in runs


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data=problms.jsonl"], ["problms.jsonl: is a path", "mean problems.jsonl?", "directory is /"]),
        (["data=none.jsonl"], ["none.jsonl: is a path, and no file is there"]),
        (["data=x.json"], ["data=x.json: is no option of data", ".jsonl, .parquet, .csv"]),
        (["data=./folder"], ["data=./folder: is no id of a data set", "a file of rows ends with .jsonl"]),
        (["data=own"], ["data=own: names no rows", "data=problems.jsonl"]),
        (["data=problems.jsonl"], ["data.problem=problem: problems.jsonl has no such column. It has: que",
                                   "Give its name, as data.problem=question"]),
        (["data=problems.jsonl", "data.problem=question"], ["data.answer=answer", "as data.answer=result"]),
        (["data=problems.jsonl", "data.problem=questoin"], ["as data.problem=question"]),
        (["data=problems.jsonl", *COLUMNS, "data.draws.own.difficulty_min=3"],
         ["numbers, as data.difficulty=COLUMN"]),

        (["data=problems.jsonl", "catalog.sources.own={id: problems.jsonl, answer: result}"],
         ["own.answer=result: data=problems.jsonl has its columns under data. Say data.answer=result"]),
        (["data=twice.csv"], ["twice.csv: cannot be read as CSV (the column 'problem' is named twice)"]),
        (["data=lfs.jsonl"], ["lfs.jsonl: is a Git LFS pointer, and not the rows. Fetch them"]),
        (["evaluation.benchmarks=[lfs.parquet]"], ["lfs.parquet: is a Git LFS pointer"]),
        (["data=empty.jsonl"], ["data: empty.jsonl holds no rows. Give a file"]),
        (["evaluation.benchmarks=[./empty.jsonl]"], ["benchmarks.empty: ./empty.jsonl holds no rows"]),
        (["evaluation.benchmarks=[header.csv]"], ["catalog.benchmarks.header: header.csv holds no rows"]),
        (["data=problems.jsonl", "data.split=test"], ["data.split=test: problems.jsonl is one file"]),
        (["data.problem=question"], ["data.problem=question: belongs to rows of one's own"]),
        (["data=mixed,problems.jsonl"], ["mixed is an option and the rest names rows"]),
        (["data=problems.jsonl", "answer.kind=maths"], ["data.answer_kind=maths", "math, exact, choice"]),
        (["data=problems.jsonl", "answer.kind=none"], ["no row has an answer for reward.cosine to judge"]),
        (["data=problems.jsonl", *COLUMNS, "answer.kind=choice"], ["gold answer is no letter of a choice"]),
        (["data=torn.csv"], ["torn.csv: cannot be read as CSV (line 2 has 1 cells of 2 columns)"]),
        (["evaluation.benchmarks=[amc23,./amc23.jsonl]"], ["evaluation.benchmarks=./amc23.jsonl",
                                                           "another name, as 'catalog.benchmarks.mine="]),
    ],
)  # fmt: skip
def test_wrong_rows_are_one_line_with_the_remedy(tmp_path, monkeypatch, overrides, parts):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "problems.jsonl")
    (tmp_path / "torn.csv").write_text("problem,answer\n1\n")
    (tmp_path / "twice.csv").write_text("problem,problem,answer\na,b,1\n")
    for name in ("lfs.jsonl", "lfs.parquet"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 9\n")
    (tmp_path / "header.csv").write_text("problem,answer\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(Mistake) as error:
        planned(tmp_path, *overrides)
    for part in parts:
        assert part in str(error.value)


KINDS = {
    "math": ("$\\frac{1}{2}$", "$\\boxed{\\frac{1}{2}}$", ["\\boxed{\\frac{2}{4}}"], ["\\boxed{0.6}"]),
    "exact": ("New  York", "New  York", ["so\n\\boxed{\\text{New York}}", "<answer>New York</answer>"],
              ["\\boxed{new york}", "Boston"]),
    "choice": ("(b)", "B", ["The answer is B.", "\\boxed{B) both}", "b"], ["\\boxed{C}", "both"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_judged_as_its_kind_is(tmp_path, kind):
    from openrs.rewards import AccuracyReward

    stated, solution, right, wrong = KINDS[kind]
    rows = [{"problem": f"{i}?", "answer": stated} for i in range(20)]
    plan = planned(tmp_path, f"data={written(tmp_path / 'p.jsonl', rows)}", f"answer.kind={kind}")
    row = plan.mix.rows[0]
    assert (row["solution"], row.get("answer_kind", "math")) == (solution, kind)
    texts = right + wrong
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    extras = {"answer_kind": [kind] * len(texts)}
    rewards = AccuracyReward()(completions, [solution] * len(texts), **extras)
    assert rewards == [1.0] * len(right) + [0.0] * len(wrong)


def test_kinds_of_answers_are_mixed_and_bear_on_the_run(tmp_path):
    from openrs.models.chat import PLAIN
    from openrs.train.prompts import read_prompts

    file = written(tmp_path / "p.jsonl", [{"problem": f"{i}?", "answer": "B"} for i in range(20)])
    ids = {planned(tmp_path, f"data={file}", f"answer.kind={kind}").run.id for kind in KINDS}
    assert len(ids) == 3
    free = written(tmp_path / "free.jsonl", [{"problem": f"Write {i}"} for i in range(5)])
    plan = planned(
        tmp_path, f"data={file}", "answer.kind=choice", "data.draws.old={source: open_s1, count: 5}",
        f"catalog.sources.free={{id: {free}, answer_kind: none}}", "data.draws.free={source: free}",
    )  # fmt: skip
    assert plan.mix.drawn == {"own": 20, "old": 5, "free": 5}
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in plan.mix.rows))
    kinds = [row["answer_kind"] for row in read_prompts(plan.config, PLAIN, path)]
    assert kinds == ["choice"] * 20 + ["math"] * 5 + ["none"] * 5


def test_benchmarks_that_are_not_there_are_not_held_out_and_a_line_says_so(tmp_path, capfd):
    file = written(tmp_path / "p.jsonl")
    known = written(
        tmp_path / "root/knoveleng/AMC-23/train.jsonl", [{"problem": ROWS[3]["question"], "answer": "1"}]
    )
    plan = planned(
        tmp_path, f"data={file}", *COLUMNS, "catalog=mirror", f"catalog.root={known.parents[2]}",
        "evaluation.benchmarks=[amc23]",
    )  # fmt: skip
    assert plan.mix.dropped == {"own": {"in amc23": 1}}
    assert set(plan.data["not_held_out"]) == {"aime24", "math_500", "minerva", "olympiadbench"}
    said = capfd.readouterr().err
    assert "problems of aime24, math_500, minerva, olympiadbench may be among the training rows" in said


def test_a_benchmark_of_ones_own_is_a_file_beside_others(tmp_path, capfd):
    file, columns = written(tmp_path / "p.jsonl"), "question: question, gold: result"
    plan = planned(
        tmp_path, f"data={file}", *COLUMNS, f"evaluation.benchmarks=[amc23,{file},mine]",
        f"catalog.benchmarks.p={{{columns}}}",
        f"catalog.benchmarks.mine={{id: {file}, {columns}, gold_kind: exact, title: M}}",
    )  # fmt: skip
    assert {name: len(rows) for name, rows in plan.problems.items()} == {"amc23": 100, "p": 20, "mine": 20}
    bound = plan.config.catalog.benchmarks
    assert (bound["p"].title, bound["mine"].title, bound["p"].gold_kind) == ("p", "M", "latex")
    assert plan.config.evaluation.num_seeds["p"] == 1
    assert plan.mix.drawn == {"own": 20}  # a file that is trained on and measured is not held out of itself
    assert "problems of p, mine may be among the training rows" in capfd.readouterr().err
    assert catalog.benchmark(plan.config.catalog, "mine")[0]["gold"] == "8"
