"""The files of sweeps/: short, with a sentence on what they ask, and each a plan that holds."""

import re
from pathlib import Path

import pytest

from openrs.nano import problems
from openrs.paths import ROOT
from openrs.records.files import write_lines
from tests.helpers.commands import openrs

QUESTIONS = {
    "algorithm": "14; 14 runs",
    "controls": "15; 15 runs",
    "cosine_variants": "3; 3 runs",
    "curation": "6; 6 runs",
    "curriculum": "4; 4 runs",
    "data_mix": "6; 6 runs",
    "learning_rate": "12; 12 runs",
    "length_cap": "4; 4 runs",
    "length_schedule": "3; 3 runs",
    "lora": "12; 12 runs",
    "pareto": "9; 3 runs",
    "reward_weights": "6; 6 runs",
    "seeds": "6; 6 runs",
    "steps": "10; 1 runs",
    "table1": "4; 4 runs",
}
"""File -> its trials and the runs that they need."""


def test_every_question_is_listed():
    assert set(QUESTIONS) == {path.stem for path in (ROOT / "sweeps").glob("*.yaml")}


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_is_short_and_says_what_it_asks(name):
    lines = Path(ROOT / "sweeps" / f"{name}.yaml").read_text().splitlines()
    assert len(lines) <= 25
    assert lines[0] == "# @package _global_"
    asked = " ".join(line.lstrip("# ") for line in lines[1:4] if line.startswith("#"))
    assert "?" in asked or "against" in asked


@pytest.mark.parametrize("name", QUESTIONS)
def test_its_finding_is_dated_and_says_the_command(name):
    findings = " ".join((ROOT / "analysis" / "FINDINGS.md").read_text().split())
    assert re.search(rf"\*\*{name}\*\* \(20\d\d-\d\d-\d\d, `(python -m )?openrs -m sweeps={name}\b", findings)


@pytest.mark.slow  # a process each
@pytest.mark.parametrize("name", QUESTIONS)
def test_its_plan_holds_at_nano_scale(name, tmp_path):
    if name == "curation":  # its sets, as `openrs curate` leaves them
        (tmp_path / "curated/nano").mkdir(parents=True)
        rows = problems.rows("open_deepscaler")
        for start, arm in ((0, "curated"), (100, "control")):
            write_lines(tmp_path / f"curated/nano/{arm}.jsonl", rows[start : start + 100])
    made = openrs("-m", f"sweeps={name}", "scale=nano", "dry_run=true", f"outputs={tmp_path}")
    assert "the same run and scores" not in made.stdout, "each point asks something of its own"
    assert made.returncode == 0, made.stderr[-3000:]
    assert f"trials    {QUESTIONS[name]} have something to do" in made.stdout
    assert "error" not in made.stderr
    assert not list(tmp_path.glob("runs/*")), "nothing was run"


@pytest.mark.slow
def test_a_folder_given_by_hand_is_taken_as_it_is(tmp_path):
    made = openrs(
        "-m", "experiment=exp1,exp2", "scale=nano", "dry_run=true", f"outputs={tmp_path}",
        f"hydra.sweep.dir={tmp_path}/mine",
    )  # fmt: skip
    assert re.search(rf"sweep grid-\w+ in {tmp_path}/mine\n", made.stdout), made.stderr


@pytest.mark.slow
def test_a_plan_names_points_that_are_one(tmp_path):
    words = ("experiment=exp2", "steps=released,half,full", "scale=nano", "dry_run=true")
    made = openrs("-m", *words, f"outputs={tmp_path}")
    lines = [line for line in made.stdout.splitlines() if "the same run and scores as trial 0" in line]
    assert len(lines) == 1
    assert "steps=half" in lines[0]
