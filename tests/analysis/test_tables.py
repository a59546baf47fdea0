"""Statistics, records and tables: known answers and exact text."""

import csv
import io
import json
import math

import numpy as np
import pytest

from analysis import __main__ as cli
from analysis import published, records, statistics, tables
from openrs.recipe import digest
from openrs.run import write_record
from openrs.scores import Cell, score, write

TITLES = {"aime24": "AIME24", "math_500": "MATH-500", "amc23": "AMC23",
          "minerva": "Minerva", "olympiadbench": "OlympiadBench"}  # fmt: skip
SETTINGS = {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 256, "engine": "transformers",
            "dtype": "float64", "instruction": "i", "max_problems": None}  # fmt: skip


def make_run(outputs, name, outcomes, recipe=None, prefix="", settings=None, report_step=10):
    """A run folder with scores: {step: {benchmark: [outcomes per seed]}}."""
    recipe = {"schema": 1, "name": name} if recipe is None else recipe
    run_id = digest(recipe)
    folder = outputs / "runs" / f"{name}-{run_id[:8]}"
    config = {
        "report_step": report_step,
        "scale": {"name": "nano" if prefix else "paper"},
        "model": {"title": "the base"},
    }
    write_record(folder / "run.json", {"name": name, "id": run_id, "recipe": recipe, "config": config})
    for step, benchmarks in outcomes.items():
        for benchmark, seeds in benchmarks.items():
            for offset, correct in enumerate(seeds):
                cell = Cell(step, benchmark, f"{benchmark:0<64}", "5" * 64, 1234 + offset)
                n = len(correct)
                made = score(
                    cell,
                    title=prefix + TITLES[benchmark],
                    columns={
                        "ids": [f"p{i}" for i in range(n)],
                        "correct": correct,
                        "tokens": [9] * n,
                        "truncated": [0] * n,
                        "timed_out": [0] * n,
                    },
                    seconds=1.0,
                    settings=settings or SETTINGS,
                    versions={},
                )
                write(folder, cell, made)
    return folder


def halves(n=4):
    return [[1, 0] * (n // 2)]


def test_wilson_known_values():
    low, high = statistics.wilson(14, 30)
    assert (low, high) == (pytest.approx(0.3023, abs=1e-4), pytest.approx(0.6386, abs=1e-4))
    assert statistics.wilson(0, 10)[0] == 0.0
    assert statistics.wilson(10, 10)[1] == pytest.approx(1.0)
    assert statistics.wilson(0, 10)[1] > 0.2


def test_the_clustered_bootstrap_widens_with_agreement():
    rng = np.random.default_rng(1)
    ability = (rng.random(60) < 0.5).astype(float)
    agreeing = np.repeat(ability[:, None], 8, axis=1)
    independent = (rng.random((60, 8)) < 0.5).astype(float)
    width = [high - low for low, high in map(statistics.clustered, (agreeing, independent))]
    assert width[0] > 2 * width[1]
    assert statistics.clustered(agreeing) == statistics.clustered(agreeing)


def test_the_bootstrap_agrees_with_the_standard_error():
    outcomes = (np.random.default_rng(2).random((200, 3)) < 0.4).astype(float)
    low, high = statistics.clustered(outcomes)
    error = statistics.clustered_error(outcomes)
    assert (high - low) == pytest.approx(2 * statistics.Z95 * error, rel=0.08)


def test_mean_interval_by_hand():
    low, high = statistics.mean_interval([0.2, 0.4], [0.03, 0.04])
    assert (low + high) / 2 == pytest.approx(0.3)
    assert high - low == pytest.approx(2 * 1.959964 * 0.05 / 2, rel=1e-5)
    assert statistics.clustered_error(np.ones((1, 1))) == math.inf


def test_a_missing_cell_is_blank_and_never_a_zero(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": halves(), "amc23": halves()}, 20: {"aime24": halves()}})
    table = tables.table1(records.load_all(tmp_path))
    assert table.columns == ("AIME24", "AMC23", "Avg.")
    by_label = dict(table.rows)
    assert by_label["exp1, step 20, last"][1:] == (None, None)
    assert by_label["exp1, step 10, reported"][2].mean == 50.0
    assert "| exp1, step 20, last | 50.0 [15.0, 85.0] | – | – |" in tables.markdown(table)


def test_base_comes_first_and_columns_keep_the_papers_order(tmp_path):
    everything = {name: halves() for name in reversed(TITLES)}
    make_run(tmp_path, "a_exp", {10: everything})
    make_run(tmp_path, "base", {0: everything}, report_step=0)
    table = tables.table1(records.load_all(tmp_path))
    assert table.columns[:-1] == tables.ORDER
    assert [label for label, _ in table.rows] == ["the base", "a_exp, step 10, reported and last"]


def test_runs_of_one_name_are_told_apart(tmp_path):
    for seed, rows in ((1, "x"), (2, "y")):
        recipe = {"seed": seed, "data": {"rows": rows}, "length": 9}
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, recipe)
    labels = [label for label, _ in tables.table1(records.load_all(tmp_path)).rows]
    assert sorted(labels) == [
        "exp3, step 10, reported and last (seed=1)",
        "exp3, step 10, reported and last (seed=2)",
    ]


def test_scores_of_other_settings_are_other_rows(tmp_path):
    folder = make_run(tmp_path, "exp3", {10: {"aime24": halves()}})
    cell = Cell(10, "aime24", "f" * 64, "5" * 64, 1234)
    other = score(
        cell, title="AIME24", seconds=1.0, versions={}, settings=SETTINGS | {"temperature": 1.0},
        columns={"ids": ["p0", "p1"], "correct": [1, 1], "tokens": [1, 1], "truncated": [0, 0],
                 "timed_out": [0, 1]},
    )  # fmt: skip
    write(folder, cell, other)
    table = tables.table1(records.load_all(tmp_path))
    assert [label for label, _ in table.rows if "temperature=1.0" in label]
    assert len(table.rows) == 2
    assert any("1 answers could not be verified" in line for line in table.caption)


def test_other_problems_under_the_same_settings_are_another_row(tmp_path):
    folder = make_run(tmp_path, "exp3", {10: {"aime24": halves()}})
    cell = Cell(10, "aime24", "e" * 64, "5" * 64, 1234)
    columns = {"ids": ["q0", "q1"], "correct": [1, 1], "tokens": [1, 1], "truncated": [0, 0],
               "timed_out": [0, 0]}  # fmt: skip
    write(
        folder,
        cell,
        score(cell, title="AIME24", columns=columns, seconds=1.0, settings=SETTINGS, versions={}),
    )
    labels = [label for label, _ in tables.table1(records.load_all(tmp_path)).rows]
    assert labels == [
        "exp3, step 10, reported and last",
        "exp3, step 10, reported and last (problem set 2)",
    ]


def test_nothing_right_still_has_an_interval(tmp_path):
    everything = {name: [[0] * 8, [0] * 8] for name in TITLES}
    make_run(tmp_path, "exp1", {10: everything})
    ((_, cells),) = tables.table1(records.load_all(tmp_path)).rows
    for cell in cells:
        assert (cell.mean, cell.low) == (0.0, 0.0)
        assert cell.high > 5


def test_long_values_are_shortened_in_labels(tmp_path):
    for text in ("x" * 50, "x" * 51):
        make_run(tmp_path, "exp3", {10: {"aime24": halves()}}, {"prompt": {"system": text}})
    labels = [label for label, _ in tables.table1(records.load_all(tmp_path)).rows]
    assert len(set(labels)) == 2
    assert all(len(label) < 100 for label in labels)


def test_nano_and_real_are_never_in_one_table(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": halves()}})
    make_run(tmp_path, "exp2", {10: {"aime24": halves()}}, prefix="nano-")
    with pytest.raises(ValueError, match="never put in one table"):
        tables.table1(records.load_all(tmp_path))
    groups = tables.split(records.load_all(tmp_path))
    assert [tables.table1(group).columns for group in groups] == [
        ("nano-AIME24", "Avg."),
        ("AIME24", "Avg."),
    ]


def test_several_seeds_are_averaged_with_a_bootstrap(tmp_path):
    make_run(tmp_path, "exp1", {10: {"aime24": [[1, 0, 1, 1], [1, 0, 0, 1]]}})
    table = tables.table1(records.load_all(tmp_path))
    assert table.rows[0][1][0].mean == pytest.approx(62.5)
    text = "\n".join(table.caption)
    assert "1234 to 1235" in text
    assert "bootstrap over problems" in text


def test_the_formats_hold_the_same_numbers(tmp_path):
    make_run(tmp_path, "exp_1", {10: {"aime24": halves()}})
    table = tables.table1(records.load_all(tmp_path))
    parsed = list(csv.reader(io.StringIO(tables.comma_separated(table))))
    assert parsed[0][:4] == ["row", "AIME24", "AIME24 low", "AIME24 high"]
    assert float(parsed[1][1]) == 50.0
    assert json.loads(tables.as_json(table))["rows"][0]["AIME24"]["mean"] == 50.0
    text = tables.latex(table)
    assert r"exp\_1, step 10" in text
    assert text.count(r"\\") == 2
    written = tables.write(table, tmp_path / "tables" / "table1")
    assert [path.suffix for path in written] == [".md", ".csv", ".tex"]
    assert all(path.exists() for path in written)


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
    assert "holds no runs" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["analysis", "table1", "--published", "--format", "csv"])
    with pytest.raises(SystemExit):
        cli.main()


def test_no_scores_is_said(tmp_path):
    make_run(tmp_path, "exp1", {})
    with pytest.raises(ValueError, match="nothing was evaluated"):
        tables.table1(records.load_all(tmp_path))


def test_the_published_averages_are_those_of_their_columns_but_one():
    assert len(published.TABLE1) == 12
    off = []
    for row in published.TABLE1:
        if None in row.scores:
            assert row.average is None
        elif round(sum(row.scores) / 5 + 1e-9, 1) != row.average:
            off.append(row.model)
    assert off == ["DeepScaleR-1.5B-Preview"]
