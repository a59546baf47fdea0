"""The options of the sweeper and of its pruners: read from files, and refused where they are wrong."""

import optuna
import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from openrs.errors import Mistake
from openrs.sweep.plugin import FOLDER, read_options
from openrs.sweep.sampler import make_pruner
from tests.helpers.composition import composed_tree

PRUNERS = sorted(path.stem for path in (FOLDER / "pruner").glob("*.yaml"))


def options(*overrides):
    return read_options(composed_tree("scale=nano", *overrides, with_hydra=True))


def test_defaults_and_values_of_the_command_line_are_read():
    read = options("hydra.sweeper.n_jobs=4", "hydra.sweeper.max_failure_rate=1", "hydra.sweeper.study_name=5")
    assert (read.n_jobs, read.max_failure_rate, read.study_name) == (4, 1.0, "5")
    assert (read.retries, read.heartbeat, read.signal, read.sampler, read.pruner) == (
        2, 15, "reward", None, None,
    )  # fmt: skip


def test_a_signal_may_be_a_combination():
    assert options("hydra.sweeper.signal={rewards.accuracy: 1, kl: -0.05}").signal == {
        "rewards.accuracy": 1, "kl": -0.05,
    }  # fmt: skip


def test_a_sweep_file_scales_the_options_of_its_pruner():
    read = options("sweeps=learning_rate")
    assert (read.pruner.min_resource, read.pruner.reduction_factor, read.sampler.seed) == (10, 2, 42)
    assert read.params == {"algorithm.learning_rate": "tag(log, interval(4e-06, 0.0004))"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_can_be_made(name):
    needs = {
        "threshold": ["hydra.sweeper.pruner.lower=0.1"],
        "patient": ["hydra.sweeper.pruner.wrapped_pruner={_target_: optuna.pruners.NopPruner}"],
    }
    pruner = make_pruner(options(f"hydra/sweeper/pruner={name}", *needs.get(name, [])).pruner)
    assert isinstance(pruner, optuna.pruners.BasePruner)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+hydra.sweeper.retires=1"], "hydra.sweeper.retires: is no option. Known: retries."),
        (["+hydra.sweeper.zzz=1"], "hydra.sweeper.zzz: is no option. Known: _target_, sampler, pruner, "),
        (["hydra.sweeper.retries=abc"], "hydra.sweeper.retries=abc: Value 'abc' of type 'str' could not be "),
        (["hydra.sweeper.n_jobs=1.5"], "hydra.sweeper.n_jobs=1.5: Value '1.5' of type 'float' could not be "),
        (["hydra.sweeper.wait=perhaps"], "hydra.sweeper.wait=perhaps: Value 'perhaps' is not a valid bool"),
        (["hydra.sweeper.max_failure_rate=x"], "hydra.sweeper.max_failure_rate=x: Value 'x' of type 'str' "),
        (["hydra.sweeper.study_name=[a]"], "hydra.sweeper.study_name=['a']: Cannot convert 'ListConfig' to"),
        (["hydra.sweeper.params=5"], "hydra.sweeper.params=5: Cannot assign int to Dict[str, str]"),
        (
            ["hydra/sweeper/pruner=median", "+hydra.sweeper.pruner.n_startups=2"],
            "hydra.sweeper.pruner.n_startups: is no option. Known: n_startup_trials.",
        ),
        (
            ["hydra/sweeper/pruner=halving", "hydra.sweeper.pruner.min_resource=auto"],
            "hydra.sweeper.pruner.min_resource=auto: Value 'auto' of type 'str' could not be",
        ),
        (
            ["hydra/sweeper/pruner=patient", "hydra.sweeper.pruner.patience=2.5"],
            "hydra.sweeper.pruner.patience=2.5: Value '2.5' of type 'float' could not be",
        ),
    ],
)
def test_a_wrong_option_is_refused(overrides, message):
    with pytest.raises(Mistake) as refused:
        options(*overrides)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.sweeper.retires=1"], "Key 'retires' is not in struct. Did you mean: 'retries'?"),
        (
            ["hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startups=1"],
            "Key 'n_startups' is not in struct",
        ),
        (
            ["hydra/sweeper/sampler=tpe", "hydra.sweeper.sampler.seed=abc"],
            "could not be converted to Integer",
        ),
    ],
)
def test_a_typo_on_the_command_line_is_refused_by_hydra(overrides, message):
    with pytest.raises((HydraException, OmegaConfBaseException)) as refused:
        options(*overrides)
    assert message in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.slow
def test_a_wrong_option_ends_a_sweep_with_one_line(stub):
    made = stub.run("x=0,1", "+hydra.sweeper.retires=1")
    assert made.returncode == 1
    assert made.stderr == "error: hydra.sweeper.retires: is no option. Known: retries.\n"
    assert stub.ran() == []
