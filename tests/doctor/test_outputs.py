"""Which versions wrote what in a folder of outputs."""

import json
import shutil

import pytest

from openrs.doctor.__main__ import main
from openrs.records.run import provenance
from tests.test_old_outputs import FOLDER


@pytest.fixture
def outputs(tmp_path):
    return shutil.copytree(FOLDER / "outputs", tmp_path / "outputs")


def edited(path, **fields):
    record = json.loads(path.read_text())
    record["recipe"] |= fields.pop("recipe", {})
    record["invocations"][-1] |= fields
    path.write_text(json.dumps(record))


def test_an_older_folder_is_read_and_its_versions_are_named(outputs, capsys):
    edited(outputs / "runs/exp2-5f63475a/run.json", versions={"trl": "1.15.0"}, openrs="0.2.0", dirty=True)
    assert main([str(outputs)]) == 0
    out = capsys.readouterr().out
    for line in (
        f"{outputs}: 7 runs, 2 sweeps; openrs 0.1.0 reads them",
        "  0.2.0 (commit fdcc49d with changes): runs/exp2-5f63475a",
        "  5 of 5: runs/base-24ff8cb5",
        "  5.0.0: sweeps/grid-9bd5b3f8/study.db, sweeps/learning_rate/study.db",
    ):
        assert line in out.splitlines()
    for start in ("  trl 1.15.0 (here ", "  commit fdcc49d: runs/base-24ff8cb5, runs/exp2-0479e72d, "):
        assert start in out


def test_what_cannot_be_read_is_named_and_is_status_1(outputs, capsys):
    edited(outputs / "runs/base-24ff8cb5/run.json", recipe={"schema": 2})
    (outputs / "runs/exp2-0479e72d/run.json").write_text("{")
    (outputs / "sweeps/learning_rate/study.db").write_text("no database " * 100)
    assert main([str(outputs), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    problems = [item["problem"] for item in (*found["runs"], *found["studies"]) if item["problem"]]
    parts = (
        "has layout 2, and this openrs reads 1. Upgrade openrs.",
        "cannot be read as a record",
        "is not a database",
    )
    assert len(problems) == 3
    for problem, part in zip(problems, parts, strict=True):
        assert part in problem


def test_a_folder_of_something_else_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "holds no runs and no sweeps" in capsys.readouterr().err


def test_a_record_states_the_version_of_openrs():
    assert provenance()["openrs"] == "0.1.0"
