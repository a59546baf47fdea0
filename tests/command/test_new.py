"""A study that `openrs new` writes: it composes as it is, and its three commands run."""

import json
import re
from importlib import metadata

import pytest

from openrs.command import new
from openrs.config.compose import compose_config
from openrs.data.mix import load_mix
from openrs.errors import Mistake
from tests.helpers.commands import openrs


def test_a_study_holds_twenty_problems_and_the_version(tmp_path):
    files = new.write(tmp_path / "study")
    assert {path.relative_to(tmp_path / "study").parts[0] for path in files} == {
        "README.md", "conf", "data", "requirements.txt", "rewards.py", "sweeps",
    }  # fmt: skip
    rows = (tmp_path / "study/data/problems.jsonl").read_text().splitlines()
    assert (len(rows), set(json.loads(rows[0]))) == (20, {"problem", "answer"})
    assert (tmp_path / "study/requirements.txt").read_text() == f"openrs=={metadata.version('openrs')}\n"


@pytest.mark.parametrize("scale", ["nano", "paper"])
def test_it_composes_and_none_of_its_problems_is_evaluated(tmp_path, monkeypatch, scale):
    new.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = compose_config("experiment=mine", f"scale={scale}")
    mix = load_mix(config.data, config.catalog)
    assert (len(mix.rows), mix.dropped) == (20, {"own": {}})
    brevity = config.reward.custom["brevity"].term("brevity")
    assert brevity.function(completion_ids=[[1] * 30, [1] * 31], completions=[]) == [1.0, 0.0]


def test_a_folder_is_one_word(capsys):
    with pytest.raises(SystemExit):
        new.main(["my", "study"])
    assert "a folder is one word. Say my-study, or quote it, as 'my study'." in capsys.readouterr().err


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("my own")
    with pytest.raises(Mistake, match="holds something already"):
        new.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_its_three_commands_run(tmp_path):
    new.write(tmp_path)
    commands = re.findall("^    openrs (.+?)(?: +#.*)?$", (tmp_path / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 3
    smaller = ["report_step=1", "steps.save_every=1", "evaluation.max_problems=2"]
    for words, printed in zip(
        commands, ("| mine, step 1", "brevity.weight=0.5", "report.html: "), strict=True
    ):
        more = smaller if "mine" in words else []
        shown = openrs(*words.split(), *more, cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr[-3000:]
        assert printed in shown.stdout
