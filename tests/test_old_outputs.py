"""What an older version wrote is read by every command of today, with the same numbers."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from openrs.models.files import fingerprint
from tests.helpers.commands import openrs
from tests.helpers.result_files import command

FOLDER = Path(__file__).parent / "data" / "old_outputs"
FIRST, SECOND = "exp2-7aeaaba3", "exp2-5f63475a"
STUDY = "learning_rate-e641866b"
MARKS = {"≈", "–", "**"}
SETTINGS = [
    "scale=nano", "steps.total=6", "steps.save_every=3", "report_step=3", "evaluation.max_problems=8",
    "algorithm.prompts_per_step=4",
]  # fmt: skip


@pytest.fixture
def outputs(tmp_path):
    return shutil.copytree(FOLDER / "outputs", tmp_path / "outputs")


def printed(name):
    """What the older version printed."""
    return (FOLDER / "printed" / name).read_text()


def numbers(text):
    """The numbers of a text, and what marks a number or stands in its place.

    Labels of today have four digits of a number that has many; the older version printed all of them.
    """
    items = re.findall(r"[+-]?\d+(?:\.\d+)?(?:e-?\d+)?|≈|–|\*\*(?=[+-]?\d)", text)
    return [f"{float(item):.4g}" if len(item) > 10 else item for item in items]


def rows(text):
    """The numbers of every row of each table in Markdown; the first column holds words.

    In any order: the older version listed the recipes of one name by their ids, today's by their values.
    """
    tables = re.split(r"\n(?!\| )", text)
    lines = ([line for line in table.splitlines() if line.startswith("| ")] for table in tables)
    return [sorted(numbers(line.split(" | ", 1)[1]) for line in table) for table in lines if table]


def table1(name="table1"):
    """The rows of Table 1, without those of the differences that follow."""
    return rows(printed(f"{name}.txt"))[1]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("table1", ["table1", "{outputs}"]),
        ("table1-runs", ["table1", "{outputs}", "--runs"]),
        ("compare", ["compare", f"{FIRST}@3", f"{SECOND}@6", "--outputs", "{outputs}"]),
        ("table2", ["table2", "{outputs}"]),
        ("table3", ["table3", "{outputs}"]),
        ("table4", ["table4", "{outputs}"]),
    ],
)
def test_tables_hold_the_same_numbers(outputs, monkeypatch, capsys, name, arguments):
    filled = [argument.format(outputs=outputs) for argument in arguments]
    status, out, err = command(monkeypatch, capsys, *filled)
    assert (status, err) == (0, "")
    assert rows(out) == rows(printed(f"{name}.txt"))


def test_an_ablation_holds_the_same_numbers(outputs, monkeypatch, capsys):
    """Pairs of rows are told the other way round where today's order of the rows is another."""
    arguments = ("ablation", str(outputs), "--rows", "algorithm.learning_rate")
    status, out, err = command(monkeypatch, capsys, *arguments)
    assert (status, err) == (0, "")
    *today, pairs = rows(out)
    *old, old_pairs = rows(printed("ablation.txt"))
    assert today == old
    assert sizes(pairs) == sizes(old_pairs)


def sizes(table):
    """The numbers of each row without their signs, in any order."""
    return sorted(sorted(number.lstrip("+-") for number in row) for row in table)


def test_watch_shows_the_same_numbers(outputs, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "300")
    status, frame, _ = command(monkeypatch, capsys, "watch", outputs, "--once")
    assert status == 0
    shown = " ".join(numbers(frame))
    for row in table1():
        assert " ".join(mark for mark in row if mark != "**") in shown
    for name in (STUDY, "grid-9bd5b3f8"):
        assert name in frame


def test_scores_are_exported_as_they_were(outputs, tmp_path, monkeypatch, capsys):
    status, *_ = command(monkeypatch, capsys, "export", outputs, "-o", tmp_path / "export")
    assert status == 0
    with (tmp_path / "export" / "scores.csv").open() as file:
        today = list(csv.DictReader(file))
    old = list(csv.DictReader(printed("scores.csv").splitlines()))
    assert [{name: row[name] for name in old[0]} for row in today] == old


@pytest.mark.slow
def test_figures_and_report_are_made(outputs, tmp_path, monkeypatch, capsys):
    storage = ("--storage", f"sqlite:///{outputs}/sweeps/learning_rate/study.db")
    figures, page = tmp_path / "figures", tmp_path / "report.html"
    status, *_ = command(monkeypatch, capsys, "figures", outputs, "-o", figures, *storage, "--study", STUDY)
    assert status == 0
    parts = re.compile(r"-part\d+")  # how many files a figure takes is its layout's affair
    made = {parts.sub("", path.stem) for path in figures.glob("*.svg")}
    assert made == {parts.sub("", name) for name in printed("figures.txt").split()}
    status, *_ = command(monkeypatch, capsys, "report", outputs, "-o", page, *storage)
    assert status == 0
    data = json.loads(re.search('id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])
    shown = [
        [f"{number:.1f}" for cell in row["cells"] if cell for number in cell[:3]]
        for row in data["parts"][0]["table"]["rows"]
    ]
    old = [[mark for mark in row if mark not in MARKS] for row in table1("table1-runs")]
    assert sorted(shown) == sorted(old)


@pytest.mark.slow
def test_sweeps_are_told_as_they_were(outputs):
    for name, part in zip((STUDY, "grid-9bd5b3f8"), printed("status.txt").split("\ngrid-"), strict=True):
        shown = openrs("status", name, "--outputs", str(outputs), module="openrs.sweep")
        assert shown.returncode == 0, shown.stderr
        assert numbers(shown.stdout) == numbers(part if part.startswith("learning") else f"grid-{part}")


@pytest.mark.slow
def test_runs_are_found_by_id_and_nothing_is_done_twice(outputs, composed):
    """Ids hold the fingerprint of the base model's weights: other weights than then are other runs."""
    (base,) = (outputs / "runs").glob("base-*/run.json")
    weights = json.loads(base.read_text())["recipe"]["model"]["weights"]
    if weights != fingerprint(composed().model):
        pytest.skip("nano's weights are others than those of the old outputs")
    arguments = ("-m", "experiment=exp2", "seed=42,43", *SETTINGS, f"outputs={outputs}")
    plan = openrs(*arguments, "dry_run=true")
    assert plan.returncode == 0, plan.stderr
    for part in (f"seed=42: {FIRST} nothing to do", f"seed=43: {SECOND} nothing to do",
                 "2; 0 runs have something to do"):  # fmt: skip
        assert part in plan.stdout
    done = openrs(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing to train") == 2
    means = [line for line in printed("table1.txt").splitlines() if "mean of 2" in line and "+" not in line][
        :2
    ]
    shown = " ".join(mark for mark in numbers(done.stdout) if mark not in MARKS)
    for row in rows("\n".join(means)):  # which rows can be told apart depends on what stands beside them
        assert " ".join(mark for mark in row if mark not in MARKS) in shown
