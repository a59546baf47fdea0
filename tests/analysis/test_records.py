"""Records that cannot be read hide no others."""

import pytest
from made_runs import make_run

from analysis import records


@pytest.mark.parametrize("content", ["{", '{"name": "exp2"}', "[]", ""])
@pytest.mark.parametrize("torn", ["run.json", "eval/step-00010/amc23-*/seed-1234-*.json"])
def test_a_run_that_cannot_be_read_is_left_out_and_named(tmp_path, capsys, torn, content):
    make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    broken = make_run(tmp_path, "exp2", {10: {"amc23": [[1, 0]]}})
    (path,) = broken.glob(torn)
    path.write_text(content)
    assert [run.name for run in records.load_all(tmp_path)] == ["exp1"]
    told = capsys.readouterr().err
    assert told.startswith("left out: ")
    assert str(broken) in told
