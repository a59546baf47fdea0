"""Labels name the data, the reward and the model that a command chose in the place of its experiment's."""

import json

import pytest

from openrs.analysis import own_parts, run_records
from openrs.analysis.tables import table1
from tests.helpers.run_folders import halves, make_run

RECIPE = {"model": {}, "reward": {}}


@pytest.mark.parametrize(
    ("invocation", "parts"),
    [
        ({"argv": ["experiment=exp3", "data=some/mine.jsonl", "seed=1"]}, ("data=mine.jsonl",)),
        ({"argv": ["experiment=exp3", "data=open_rs", "reward=accuracy"]}, ("reward=accuracy",)),
        (
            {"argv": ["model=Qwen/Qwen3-0.6B", "reward.custom.brevity={function: r.py:f}"]},
            ("model=Qwen3-0.6B", "reward.custom.brevity"),
        ),
        (
            {
                "argv": ["-m", "data=a,b"],
                "job": ["experiment=exp2", "data=hard", "+reward.custom.x=1"],
            },
            ("data=hard", "reward.custom.x"),
        ),
        ({"argv": ["-m", "data=a,b"]}, ()),
        ({"argv": ["experiment=exp3", "length.completion=9"]}, ()),
    ],
)
def test_own_parts_are_read_from_the_command(invocation, parts):
    assert own_parts.of_run({"recipe": RECIPE, "invocations": [{}, invocation]}) == parts
    assert own_parts.of_run({"recipe": {"model": {}}, "invocations": [invocation]}) == (), "untrained"
    assert own_parts.of_run({"recipe": RECIPE}) == ()


def test_a_label_has_them_where_no_difference_tells_them(tmp_path):
    def labels():
        return [label for label, _ in table1.everything(run_records.load_all(tmp_path))[0].rows]

    def run(**more):
        folder = make_run(tmp_path, "exp3", {10: {"amc23": halves()}}, RECIPE | more)
        record = json.loads((folder / "run.json").read_text())
        words = {"invocations": [{"argv": ["experiment=exp3", "data=mine.jsonl"]}]}
        (folder / "run.json").write_text(json.dumps(record | words))

    run(length=1)
    assert labels() == ["exp3, step 10, reported and last (data=mine.jsonl)"]
    run(length=2)
    assert sorted(labels()) == [
        f"exp3, step 10, reported and last (data=mine.jsonl, length={length})" for length in (1, 2)
    ]
