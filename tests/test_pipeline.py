"""What a command says before its stages: silence is explained."""

import sys
from pathlib import Path

import pytest

from openrs import pipeline
from openrs.records.run import Run


@pytest.mark.parametrize(
    ("stage", "imported", "options", "line"),
    [
        ("train", False, ["scale=nano"], "exp3-12345678: loading torch and TRL\n"),
        ("train", True, ["scale=nano"], ""),
        ("evaluate", False, ["scale=nano"], "exp3-12345678: loading torch and lighteval\n"),
        ("train", True, ["scale=nano", "hardware=cpux2"], "exp3-12345678: loading torch and TRL\n"),
    ],
)
def test_what_takes_long_to_import_is_said_first(
    composed, capsys, monkeypatch, stage, imported, options, line
):
    module = pipeline.LOADED[stage][0]
    if imported:
        monkeypatch.setitem(sys.modules, module, sys)
    else:
        monkeypatch.delitem(sys.modules, module, raising=False)
    pipeline.say_loading(composed("experiment=exp3", *options), Run(Path("exp3-12345678"), "1", {}), stage)
    assert capsys.readouterr().err == line
