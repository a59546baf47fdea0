"""Records that cannot be read hide no others; what tells runs apart."""

import pytest

from openrs.analysis import factors, run_records
from tests.helpers.run_folders import make_run


@pytest.mark.parametrize("content", ["{", '{"name": "exp2"}', "[]", ""])
@pytest.mark.parametrize("torn", ["run.json", "eval/step-00010/amc23-*/seed-1234-*.json"])
def test_a_run_that_cannot_be_read_is_left_out_and_named(tmp_path, capsys, torn, content):
    make_run(tmp_path, "exp1", {10: {"amc23": [[1, 0]]}})
    broken = make_run(tmp_path, "exp2", {10: {"amc23": [[1, 0]]}})
    (path,) = broken.glob(torn)
    path.write_text(content)
    assert [run.name for run in run_records.load_all(tmp_path)] == ["exp1"]
    text = capsys.readouterr().err
    assert text.startswith("left out: ")
    assert str(broken) in text


def test_an_option_of_many_values_is_told_by_its_name(tmp_path):
    options = {"a": {"loss": "dapo", "beta": 0.0}, "b": {"loss": "bnpo", "beta": 0.04}}
    for seed, name in ((1, "a"), (2, "a"), (3, "b")):
        recipe = {"algorithm": {"name": name, **options[name]}, "seed": seed}
        make_run(tmp_path, "exp", {10: {"aime24": [[1, 0]]}}, recipe)
    runs = run_records.load_all(tmp_path)
    assert sorted(factors.differences(runs).values()) == [
        f"algorithm={n}, seed={s}" for n, s in ("a1", "a2", "b3")
    ]
    levels = factors.factors(runs)
    assert factors.named(levels, ["algorithm.beta"]) == levels
    changed = {"algorithm": {**options["a"], "name": "a", "beta": 0.1}}
    make_run(tmp_path, "exp", {10: {"aime24": [[1, 0]]}}, changed)
    text = factors.differences(run_records.load_all(tmp_path)).values()
    assert sorted(text)[0].startswith("algorithm.beta=0.0, algorithm.loss=dapo, algorithm.name=a")
