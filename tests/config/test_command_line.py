"""The words of a command: flags, and overrides between them."""

import pytest

from openrs.config.command_line import read
from openrs.errors import Mistake


@pytest.mark.parametrize(
    ("words", "read_as"),
    [
        (["seed=1"], ["seed=1"]),
        (["--cfg", "job", "+seed=1"], ["--cfg", "job", "seed=1"]),
        (["-m", "seed=1,2"], ["-m", "seed=1,2"]),
        (["seed=1,2", "hydra.mode=MULTIRUN"], ["seed=1,2", "hydra.mode=MULTIRUN"]),
        (["--config-dir", ".", "name=1_0"], ["--config-dir", ".", "name='1_0'"]),
    ],
)
def test_hydra_gets(words, read_as):
    assert read(words) == read_as


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--experiment", "exp3"], "--experiment: is no flag. Options have no dashes: experiment=exp3."),
        (["--dry-run", "experiment=exp3"], "--dry-run: is no flag. Options have no dashes: dry_run=true."),
        (["--dry_run"], "--dry_run: is no flag. Options have no dashes: dry_run=true."),
        (["--dry_run=false"], "--dry_run: is no flag. Options have no dashes: dry_run=false."),
        (["--lr=1e-5"], "--lr: is no flag. Options have no dashes: algorithm.learning_rate=1e-5."),
        (["--steps.total", "3"], "--steps.total: is no flag. Options have no dashes: steps.total=3."),
        (["--multi-run"], "--multi-run: is no flag. Did you mean --multirun? "),
        (["seed=1", "-x", "seed=2"], "-x: is no flag. "),
        (["--config-dir", "/nowhere"], "--config-dir=/nowhere: is no folder. "),
        (["--config-name=mine"], "--config-path, --config-name: openrs has one root of its config. "),
        (["--config-dir"], "--config-dir: argument --config-dir/-cd: expected one argument. "),
    ],
)
def test_a_wrong_flag_is_one_line(words, told):
    with pytest.raises(Mistake) as error:
        read(words)
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_an_error_stands_alone(capsys):
    with pytest.raises(Mistake, match="^budget.money=5usd: must be "):
        read(["budget.money=5usd"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["seed=1", "data=easy", "seed=2", "seed=3"], "seed: stands 3 times, and the last value counts. "),
        (["experiment=exp1", "experiment=exp2"], "experiment: stands 2 times, and the last value counts. "),
        (
            [
                "objective=reward",
                "hydra/launcher=ray",
                "hydra.sweeper.storage=postgresql://me:secret@host/db",
            ],
            "objective, hydra/launcher, hydra.sweeper.storage: no effect, because this is one run. Give -m ",
        ),
        (["seed=1", "seed=1"], ""),
        (["-m", "hydra.sweeper.n_jobs=2", "hydra.sweeper.joined=1", "hydra.sweeper.n_jobs=1"], ""),
        (["-m", "seed=1,2", "objective=reward"], ""),
        (["data.draws={a: {source: open_s1}}", "data.draws={b: {source: open_rs}}"], ""),
    ],
)
def test_what_has_no_effect_is_said(words, told, capsys):
    read(words)
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert len(said.splitlines()) == bool(told)
