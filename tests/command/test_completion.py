"""Tab completion: what may follow a word, and the scripts of the shells."""

import os
import shutil
import subprocess
import sys

import pytest

from openrs.command.completion import INSTALL, UNINSTALL, candidates, main
from openrs.errors import Mistake
from openrs.paths import ROOT


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("openrs table1 --format ", ["csv ", "html ", "json ", "md ", "tex "]),
        ("openrs tabl", ["table1 ", "table2 ", "table3 ", "table4 ", "table5 "]),
        ("openrs exper", ["experiment="]),
        ("openrs experiment=ex", ["experiment=exp1 ", "experiment=exp2 ", "experiment=exp3 "]),
        ("openrs -m experiment=exp1,b", ["experiment=exp1,base"]),
        (
            "openrs seed=1 reward=[tag_count,acc",
            ["reward=[tag_count,accuracy", "reward=[tag_count,accuracy_as_run"],
        ),
        ("openrs rew", ["reward.", "reward="]),
        (
            "openrs reward.cosine.w",
            ["reward.cosine.weight=", "reward.cosine.wrong_long=", "reward.cosine.wrong_short="],
        ),
        ("openrs engine.kind=v", ["engine.kind=vllm "]),
        ("openrs dry_run=", ["dry_run=false ", "dry_run=true "]),
        ("openrs +se", ["+seed="]),
        ("openrs hydra/sw", ["hydra/sweeper/pruner=", "hydra/sweeper="]),
        ("openrs --cfg ", ["all ", "hydra ", "job "]),
        ("openrs --mul", ["--multirun "]),
        ("openrs table1 --fo", ["--format "]),
        ("openrs table1 --format m", ["md "]),
        ("openrs doctor scale=n", ["scale=nano "]),
        ("openrs table1 outp", []),
        ("openrs nonsense --x", []),
        ("openrs model=./we", []),
    ],
)
def test_a_word_is_completed(line, found):
    assert candidates(line) == found


def test_an_option_of_ones_own_is_offered(tmp_path, monkeypatch):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text("seed: 1")
    assert candidates(f"openrs --config-dir {tmp_path}/conf experiment=m") == ["experiment=mine "]
    monkeypatch.chdir(tmp_path)
    assert candidates("openrs experiment=m") == ["experiment=mine "]


def test_a_wrong_shell_is_refused():
    with pytest.raises(Mistake, match="Say openrs -sc install=SHELL, where SHELL is bash, zsh, fish"):
        main(["install=tcsh"])


PRESSES = {
    "bash": 'COMP_LINE="$LINE"; COMP_POINT=${#LINE}; _openrs openrs; printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": "complete -C $LINE",
}
"""What a shell does where the user presses the tab key."""


@pytest.mark.slow  # processes
@pytest.mark.parametrize(
    ("shell", "line", "shown"),
    [
        ("bash", "openrs experiment=exp1 dry_run=t", "true \n"),
        ("bash", "openrs -m experiment=exp1,b", "exp1,base\n"),
        ("bash", "openrs tabl", "table1 \ntable2 "),
        ("fish", "openrs experiment=exp1 dry_run=t", "dry_run=true\n"),
        ("fish", "openrs tabl", "table1\ntable2"),
    ],
)
def test_a_shell_shows_them(tmp_path, shell, line, shown):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "openrs"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m openrs "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LINE": line,
    }
    script = f"{INSTALL[shell]}\n{PRESSES[shell]}\n{UNINSTALL[shell]}"
    done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(shown)
