"""Table 1 from records: rows, marks, captions and formats."""

import json
import re
from dataclasses import replace

import pytest

from openrs.analysis import commands as cli
from openrs.analysis import formats, mixing, run_records
from openrs.analysis.cells import metric
from openrs.analysis.factors import natural
from openrs.analysis.tables import captions, table1
from openrs.analysis.tables.table import BEST, TIED
from openrs.errors import Mistake
from openrs.records import paper
from openrs.records.files import write_record
from tests.helpers.run_folders import TITLES, halves, imported_run, make_run


def test_a_missing_cell_is_blank_and_never_a_zero(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": halves(), "amc23": halves()}, 20: {"aime24": halves()}})
    table = table1.everything(run_records.load_all(tmp_path))[0]
    assert table.columns == ("AIME24", "AMC23", "Avg.")
    by_label = dict(table.rows)
    assert by_label["exp1, step 20, last"][1:] == (None, None)
    assert by_label["exp1, step 10, reported"][2].mean == 50.0
    assert "| exp1, step 20, last | 50.0 [15.0, 85.0] | – | – |" in formats.markdown(table)


def test_base_comes_first_and_columns_keep_the_papers_order(tmp_path):
    everything = {name: halves() for name in reversed(TITLES)}
    make_run(tmp_path, "a_exp", {10: everything})
    make_run(tmp_path, "base", {0: everything}, report_step=0)
    table = table1.everything(run_records.load_all(tmp_path))[0]
    assert table.columns[:-1] == paper.TITLES
    assert [label for label, _ in table.rows] == ["the base", "a_exp, step 10, reported and last"]


def test_runs_of_one_name_are_told_apart_and_have_a_line_of_their_mean(tmp_path):
    for seed, rows, right in ((1, "x", [1, 0, 0, 0]), (2, "y", [1, 1, 1, 0])):
        recipe = {"seed": seed, "data": {"rows": rows}, "length": 9}
        make_run(tmp_path, "exp3", {10: {"aime24": [right]}}, recipe)
    (table,) = table1.everything(run_records.load_all(tmp_path), table1.Options(runs=True))
    rows = dict(table.rows)
    assert list(rows) == [
        "exp3, step 10, reported and last (seed=1)",
        "exp3, step 10, reported and last (seed=2)",
        "exp3, step 10, mean of 2 training runs",
    ]
    mean = rows["exp3, step 10, mean of 2 training runs"][0]
    assert (mean.mean, mean.kind) == (50.0, "training runs and problems")
    assert mean.low < 15.0, "wider than that of one run of four problems: t is 12.7 of two runs"
    assert captions.TOO_FEW in table.caption[0]
    assert "A row is a recipe at one evaluated step, the mean over its runs where " in table.caption[1]
    (table,) = table1.everything(run_records.load_all(tmp_path))
    assert [label for label, _ in table.rows] == ["exp3, step 10, mean of 2 training runs"]


def test_recipes_of_one_name_come_in_the_order_of_their_values(tmp_path):
    for rate in (1e-5, 0.0002, 9e-5, 1e-6):
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, {"algorithm": {"learning_rate": rate}})
    (table,) = table1.everything(run_records.load_all(tmp_path))
    rates = [label.rpartition("=")[2].strip(")") for label, _ in table.rows]
    assert rates == ["1e-06", "1e-05", "9e-05", "0.0002"]
    assert sorted(["a=10", "a=-0.5", "a=-1", "a=9"], key=natural) == ["a=-1", "a=-0.5", "a=9", "a=10"]


def test_runs_of_one_recipe_stand_together_whatever_their_commands_chose(tmp_path):
    for rate, seed in ((1e-6, 1), (1e-5, 1), (1e-5, 2), (1e-3, 1)):
        recipe = {"seed": seed, "algorithm": {"learning_rate": rate}}
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, recipe)
    runs = [
        replace(run, own_parts=("data=mixed",) if run.recipe["seed"] == 1 else ())
        for run in run_records.load_all(tmp_path)
    ]
    (table,) = table1.everything(runs, table1.Options(runs=True))
    found = [re.findall(r"learning_rate=(\S+)[,)]|mean of (2)", label)[0] for label, _ in table.rows]
    assert ["".join(one) for one in found] == ["1e-06", "1e-05", "1e-05", "1e-05", "0.001"]


def test_a_run_with_a_benchmark_that_its_mean_lacks_keeps_its_row(tmp_path):
    make_run(tmp_path, "exp3", {10: {"aime24": halves(20), "amc23": halves(20)}}, {"seed": 1})
    make_run(tmp_path, "exp3", {10: {"aime24": halves(20)}}, {"seed": 2})
    labels = [label for label, _ in table1.everything(run_records.load_all(tmp_path))[0].rows]
    assert len(labels) == 3


def test_runs_of_other_recipes_are_no_replicates(tmp_path):
    for weight in (1.0, 2.0):
        recipe = {"seed": 1, "reward": {"cosine": {"weight": weight}}}
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, recipe)
    labels = [label for label, _ in table1.everything(run_records.load_all(tmp_path))[0].rows]
    assert [label[-26:] for label in labels] == ["(reward.cosine.weight=1.0)", "(reward.cosine.weight=2.0)"]


def test_runs_with_other_parts_are_told_apart_by_the_parts(tmp_path):
    for reward in ({"accuracy": {"weight": 2.0}}, {"cosine": {"weight": 2.0, "max_length": 9}}):
        make_run(
            tmp_path, "exp3", {10: {"aime24": halves()}}, {"reward": {"format": {"weight": 1.0}} | reward}
        )
    labels = [label for label, _ in table1.everything(run_records.load_all(tmp_path))[0].rows]
    assert sorted(label.split("(")[1] for label in labels) == [
        "reward=accuracy+format)",
        "reward=cosine+format)",
    ]


def test_the_best_is_bold_only_where_the_difference_is_real(tmp_path):
    base, good = [1] * 5 + [0] * 35, [1] * 35 + [0] * 5
    near = [1] * 34 + [0] * 6
    make_run(tmp_path, "base", {0: {"aime24": [base], "amc23": [base]}}, report_step=0)
    make_run(tmp_path, "exp1", {10: {"aime24": [good], "amc23": [good]}})
    make_run(tmp_path, "exp2", {10: {"amc23": [near]}})
    rows = dict(table1.everything(run_records.load_all(tmp_path))[0].rows)
    best = rows["exp1, step 10, reported and last"]
    assert [cell.mark for cell in best[:2]] == [BEST, TIED]
    assert rows["the base"][0].mark == ""
    assert rows["exp2, step 10, reported and last"][1].mark == TIED
    text = formats.markdown(table1.everything(run_records.load_all(tmp_path))[0])
    assert "| **87.5** [73.9, 94.5] | 87.5 [73.9, 94.5] ≈ |" in text


def test_differences_to_the_base_are_printed_without_being_asked(tmp_path):
    base, good = [1] * 5 + [0] * 35, [1] * 35 + [0] * 5
    make_run(tmp_path, "base", {0: {"aime24": [base], "amc23": [base]}}, report_step=0)
    make_run(tmp_path, "exp1", {10: {"aime24": [good], "amc23": [[*base[:-1], 1]]}})
    _, differences = table1.everything(run_records.load_all(tmp_path))
    ((_, cells),) = differences.rows
    assert cells[0].mean == 75.0
    # thirty coins on one side, two benchmarks; the average came first, with the same weight as these two
    assert cells[0].p == pytest.approx(2 * 2 / 2**30)
    assert cells[1].p == 1.0
    assert differences.caption[-1] == (
        "Beyond noise on average and on AIME24, could be noise on AMC23: exp1, step 10, reported and last."
    )


def test_what_could_have_been_shown_stands_under_the_table(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": [[1] * 9 + [0] * 21]}})
    text = "\n".join(table1.everything(run_records.load_all(tmp_path))[0].caption)
    assert "AIME24 35.1 (n 30, k 1, unpaired)" in text


def test_pass_and_majority_and_lengths_are_metrics(tmp_path):
    folder = make_run(tmp_path, "exp1", {10: {"aime24": [[1, 0], [0, 0], [1, 0]]}})
    runs = run_records.load_all(tmp_path)

    def shown(name):
        return table1.everything(runs, table1.Options(metric=metric(name)))[0].rows[0][1][0]

    assert shown("pass@2").mean == pytest.approx(50.0)  # 1 - C(1,2)/C(3,2) = 1 and 0
    assert shown("tokens").mean == 9.0
    assert shown("truncated").mean == 0.0
    with pytest.raises(Mistake, match="completions of AIME24, step 10, seed 1234 are not stored"):
        shown("maj@3")
    for seed, said in zip((1234, 1235, 1236), ("3", "4", "3"), strict=True):
        place = next(folder.glob(f"eval/step-00010/*/seed-{seed}-*.json")).with_name(f"seed-{seed}.text.json")
        texts = [f"so \\boxed{{{said}}}", "\\boxed{7}"]
        write_record(place, {"ids": ["p0000", "p0001"], "text": texts})
    assert shown("maj@3").mean == pytest.approx(50.0)
    with pytest.raises(Mistake, match="needs k of 1 to 3"):
        shown("pass@4")
    with pytest.raises(Mistake, match="Use maj@3"):
        shown("maj@2")
    with pytest.raises(Mistake, match="is not one of avg"):
        shown("best")


def test_every_problem_changed_alike_and_one_problem_alone_have_tables(tmp_path):
    make_run(tmp_path / "a", "base", {0: {"aime24": [[0] * 30] * 2}}, report_step=0)
    make_run(tmp_path / "a", "exp1", {10: {"aime24": [[1] * 30] * 2}})
    _, differences = table1.everything(run_records.load_all(tmp_path / "a"))
    assert differences.rows[0][1][0].mean == 100.0
    for name, step in (("base", 0), ("exp1", 10)):
        make_run(tmp_path / "b", name, {step: {"aime24": [[1]], "amc23": [[1, 0]]}}, report_step=step)
    options = table1.Options(metric=metric("tokens"))
    for table in table1.everything(run_records.load_all(tmp_path / "b"), options):
        assert table.rows[0][1][0].low is None
        assert "inf" not in formats.as_json([table]).lower()


def test_nothing_right_still_has_an_interval(tmp_path):
    everything = {name: [[0] * 8, [0] * 8] for name in TITLES}
    make_run(tmp_path, "exp1", {10: everything})
    ((_, cells),) = table1.everything(run_records.load_all(tmp_path))[0].rows
    for cell in cells:
        assert (cell.mean, cell.low) == (0.0, 0.0)
        assert cell.high > 5


def test_long_values_are_shortened_in_labels(tmp_path):
    for text in ("x" * 50, "x" * 51):
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, {"prompt": {"system": text}})
    labels = [label for label, _ in table1.everything(run_records.load_all(tmp_path))[0].rows]
    assert len(set(labels)) == 2
    assert all(len(label) < 100 for label in labels)


def test_nano_and_real_are_never_in_one_table(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": halves()}})
    make_run(tmp_path, "exp2", {10: {"aime24": halves()}}, prefix="nano-")
    runs = run_records.load_all(tmp_path)
    with pytest.raises(ValueError, match="never put into one table"):
        mixing.refuse([item for run in runs for item in run_records.evaluations(run)])
    groups = table1.split(run_records.load_all(tmp_path))
    assert [table1.everything(group)[0].columns for group in groups] == [
        ("nano-AIME24", "Avg."),
        ("AIME24", "Avg."),
    ]


@pytest.mark.parametrize(("seeds", "low", "high"), [(1, 1.8, 40.4), (2, 1.3, 47.7)])
def test_the_average_of_one_benchmark_has_its_interval(tmp_path, seeds, low, high):
    for seed in range(1, seeds + 1):
        make_run(tmp_path, "exp1", {10: {"aime24": [[1] + [0] * 9]}}, {"seed": seed})
    ((_, (cell, average)),) = table1.everything(run_records.load_all(tmp_path))[0].rows
    assert (average.mean, average.low, average.high) == (cell.mean, cell.low, cell.high)
    assert (cell.mean, round(cell.low, 1), round(cell.high, 1)) == (10.0, low, high)


def test_several_seeds_are_averaged_with_a_bootstrap(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": [[1, 0, 1, 1] * 5, [1, 0, 0, 1] * 5]}})
    table = table1.everything(run_records.load_all(tmp_path))[0]
    cell = table.rows[0][1][0]
    assert cell.mean == pytest.approx(62.5)
    assert (cell.n, cell.k, cell.seeds) == (20, 2, "1234 to 1235")
    text = "\n".join(table.caption)
    assert "1234 to 1235" in text
    assert "bootstrap over problems" in text


def test_the_command_prints_from_records_alone(tmp_path, capsys, monkeypatch):
    make_run(tmp_path, "exp1", {10: {"aime24": halves()}})
    monkeypatch.setattr("sys.argv", ["analysis", "table1", str(tmp_path), "--published"])
    assert cli.main() == 0
    shown = capsys.readouterr().out
    assert "exp1, step 10" in shown
    assert "| Open-RS3 (50 steps) | 46.7 | 84.4 | 72.5 | 26.8 | 51.3 | 56.3 |" in shown
    assert "Published, not measured here" in shown
    monkeypatch.setattr("sys.argv", ["analysis", "table1", str(tmp_path / "none")])
    assert cli.main() == 1
    assert "none: is no folder. Give the outputs folder" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert cli.main() == 1
    assert "none: holds no runs" in capsys.readouterr().err
    (tmp_path / "none/imported/exp1").mkdir(parents=True)
    (tmp_path / "none/imported/exp1/run.json").write_text("{}")
    assert cli.main() == 1
    assert "What was imported is here: give --imported to see it." in capsys.readouterr().err


def test_several_metrics_are_several_tables(tmp_path, capsys, monkeypatch):
    make_run(tmp_path, "exp1", {10: {"aime24": halves() * 2}})
    arguments = ["analysis", "table1", str(tmp_path), "--metric", "avg,pass@2,tokens", "--format", "json"]
    monkeypatch.setattr("sys.argv", arguments)
    assert cli.main() == 0
    titles = [table["title"] for table in json.loads(capsys.readouterr().out)]
    assert [title.split(" zero-shot ")[1].split(",")[0] for title in titles] == [
        "pass@1", "pass@2", "mean tokens of a completion"]  # fmt: skip


def test_no_scores_is_said(tmp_path):
    make_run(tmp_path, "exp1", {})
    with pytest.raises(ValueError, match="nothing was evaluated"):
        table1.everything(run_records.load_all(tmp_path))[0]


def test_a_difference_that_the_test_cannot_show_is_not_promised(tmp_path):
    for name, right in (("exp1", 9), ("exp2", 10)):
        make_run(tmp_path, name, {10: {"aime24": [[1] * right + [0] * (30 - right)]}})
    text = "\n".join(table1.everything(run_records.load_all(tmp_path))[0].caption)
    # one problem in 30 changed, which is taken for change back and forth
    assert "power 0.8, at the noise seen here): AIME24 28.2 (n 30, k 1, paired)." in text
    make_run(tmp_path, "base", {0: {"aime24": [[1] * 9 + [0] * 21]}}, report_step=0)
    text = "\n".join(table1.everything(run_records.load_all(tmp_path))[0].caption)
    assert "Smallest difference to the base that one test would show" in text
    assert "The same between two other rows: AIME24 28.2 (n 30, k 1, paired)." in text
    for seed in (1, 2):
        rows = {10: {"aime24": [[1] * (9 + seed) + [0] * (21 - seed)]}}
        make_run(tmp_path / "runs", "exp1", rows, {"seed": seed})
    make_run(tmp_path / "runs", "exp2", rows, {"seed": 1, "x": 1})
    text = "\n".join(table1.everything(run_records.load_all(tmp_path / "runs"))[0].caption)
    assert "(n 30, k 1, recipes of one run)" in text
    tiny = imported_run("exp1", {10: {"AIME24": 0.5}}, n=7)
    assert "AIME24 none (n 7, k 1, unpaired)" in "\n".join(table1.everything([tiny])[0].caption)


def test_the_papers_reward_model_data_is_that_of_one_model_alone():
    place = paper.ATTRIBUTES.index("RM Data")
    assert [values[place] for values in paper.TABLE2.values()] == ["7k", "0", "0", "0"]


def test_the_published_averages_are_those_of_their_columns_but_one():
    assert len(paper.TABLE1) == 12
    off = []
    for row in paper.TABLE1:
        if None in row.scores:
            assert row.average is None
        elif round(sum(row.scores) / 5 + 1e-9, 1) != row.average:
            off.append(row.model)
    assert off == ["DeepScaleR-1.5B-Preview"]
