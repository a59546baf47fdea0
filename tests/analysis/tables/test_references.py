"""Imported models beside the published base row: the same checkpoints, columns and parts as Table 1."""

from dataclasses import replace

from openrs.analysis import mixing
from openrs.analysis.tables import references, table1
from openrs.analysis.tables.selection import CheckpointSelection
from openrs.records import paper
from tests.helpers.run_folders import imported_run


def test_a_benchmark_that_chose_the_checkpoint_is_not_reported_against_the_base():
    run = imported_run("exp1", {10: {"AIME24": 0.3, "AMC23": 0.6}, 20: {"AIME24": 0.5, "AMC23": 0.7}})
    options = table1.Options(selection=CheckpointSelection("best", "AIME24"))
    (table,) = references.base_differences([run], options)
    assert table.columns == ("AMC23", "Avg.")
    assert "AIME24" not in table.title
    assert [label for label, _ in table.rows] == ["exp1, step 20"]
    assert "Each run shows its best checkpoint on AIME24. AIME24 is not shown" in "\n".join(table.caption)
    (marked,) = references.base_differences(
        [run], table1.Options(selection=CheckpointSelection("best", "AIME24", ("all",)))
    )
    assert "SELECTED ON WHAT IS REPORTED" in "\n".join(marked.caption)


def test_rows_that_table_one_keeps_apart_are_apart_here():
    runs = [imported_run(f"exp-{d}", {10: {"AMC23": 0.6}}, {"dtype": d}) for d in ("float32", "bfloat16")]
    tables = references.base_differences(runs, table1.DEFAULT)
    assert [len(table.rows) for table in tables] == [1, 1]
    assert [table.name for table in tables] == ["base-differences", "base-differences-2"]
    assert all("--mixed dtype puts them into one table" in table.caption[-1] for table in tables)
    (mixed,) = references.base_differences(runs, table1.Options(mixed=mixing.allowed("dtype")))
    assert len(mixed.rows) == 2


def test_scores_on_other_numbers_of_problems_are_left_out_and_named():
    runs = []
    for name, of_amc in (("exp1", 40), ("part", 20)):
        whole = imported_run(name, {10: {"AIME24": 0.3, "AMC23": 0.6}})
        sizes = {"AIME24": 30, "AMC23": of_amc}
        runs.append(replace(whole, scores=tuple(replace(s, n=sizes[s.title]) for s in whole.scores)))
    (table,) = references.base_differences(runs, table1.Options(mixed=mixing.allowed("problems")))
    assert table.columns == ("AIME24", "AMC23", "Avg.")
    cells = {label.split(",")[0]: [cell is not None for cell in row] for label, row in table.rows}
    assert cells == {"exp1": [True, True, True], "part": [True, False, False]}
    (line,) = [line for line in table.caption if line.startswith("Not compared: AMC23 of part, step 10")]
    assert "on 20 problems; the published row has 40." in line


def test_a_released_model_without_a_step_is_compared_and_the_base_itself_is_not():
    base = imported_run(paper.BASE, {0: {"AMC23": 0.6}}, model=f"deepseek-ai/{paper.BASE}")
    runs = [
        imported_run("Open-RS1", {0: {"AMC23": 0.7}}, model="knoveleng/Open-RS1"),
        replace(base, config=base.config | {"baseline": True}),  # as the import knows it
    ]
    (table,) = references.base_differences(runs, table1.DEFAULT)
    assert [label for label, _ in table.rows] == ["Open-RS1"]
    assert references.base_differences(runs[1:], table1.DEFAULT) == []


def test_of_several_imported_models_only_the_base_by_name_is_a_baseline():
    released = [imported_run(name, {0: {"AMC23": 0.7}}) for name in ("A-model", "Open-RS1")]
    assert [table.name for table in table1.everything(released)] == ["table1"]
    base = imported_run("the base", {0: {"AMC23": 0.6}}, model=f"deepseek-ai/{paper.BASE}")
    known = [*released, replace(base, config=base.config | {"baseline": True})]  # as the import knows it
    _, differences = table1.everything(known)
    assert differences.title == "Differences to the base"
    assert [label for label, _ in differences.rows] == ["A-model", "Open-RS1"]
