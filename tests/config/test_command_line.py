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
        (["--lr=1e-5"], "--lr: is no flag. Options have no dashes: algorithm.learning_rate=1e-5."),
        (["--steps.total", "3"], "--steps.total: is no flag. Options have no dashes: steps.total=3."),
        (["--multi-run"], "--multi-run: is no flag. Did you mean --multirun? "),
        (["-x"], "-x: unrecognized arguments: -x. "),
        (["--config-dir"], "--config-dir: argument --config-dir/-cd: expected one argument. "),
    ],
)
def test_a_wrong_flag_is_one_line(words, told):
    with pytest.raises(Mistake) as error:
        read(words)
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)
