"""A user's own conf/ and sweeps/: what openrs takes from them, and what never harms it."""

import pytest
from hydra import compose, initialize_config_dir

from openrs.command import usage
from openrs.config import command_line, option_folders
from openrs.config.compose import compose_config, register
from openrs.paths import CONF
from tests.helpers.composition import config_of

EXPERIMENT = "# @package _global_\ndefaults:\n  - override /reward: cosine_as_run\n"
SWEEP = "# @package _global_\nhydra:\n  sweeper:\n    params:\n      experiment: exp2,mine\n"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Writes files of a user into the working directory."""
    folder = tmp_path / "study"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def write(**files):
        for name, text in files.items():
            path = folder / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return write


def swept(*words):
    """What a sweep of these words composes."""
    register()
    with initialize_config_dir(str(CONF)):
        return compose("config", ["scale=nano", *words], return_hydra_config=True)


def test_conf_and_sweeps_of_the_working_directory_are_read(study):
    study(conf__experiment__mine=EXPERIMENT, sweeps__mine=SWEEP)
    config = compose_config("experiment=mine", "scale=nano")
    assert (config.name, config.reward.cosine is None) == ("mine", False)
    assert swept("sweeps=mine").hydra.sweeper.params.experiment == "exp2,mine"
    assert compose_config("experiment=exp2", "scale=nano").name == "exp2"
    shown = usage.text(["--help"])
    assert "\nexperiment: base, exp1, exp2, exp3, format_alone, mine, random_reward, " in shown
    assert ", lora, mine, pareto, " in shown


def test_a_folder_of_sweeps_alone_is_read(study):
    study(sweeps__mine=SWEEP.replace(",mine", ""))
    assert swept("sweeps=mine").hydra.sweeper.params.experiment == "exp2"


def test_config_dir_finds_both_from_elsewhere(study, tmp_path, monkeypatch):
    folder = study(conf__experiment__mine=EXPERIMENT, conf__study__long="seed: 1", sweeps__mine=SWEEP)
    monkeypatch.chdir(tmp_path)
    words = ["--config-dir", "study/conf", "-m", "sweeps=mine", "experiment=mine"]
    assert command_line.read(words) == words
    shown = usage.text(["--config-dir=study/conf"])
    assert "\nexperiment: base, exp1, exp2, exp3, format_alone, mine, random_reward, " in shown
    assert "\nstudy: long\n" in shown, "a folder that the user names may hold any group"
    assert option_folders.searched(str(folder / "conf")) == (CONF, folder / "conf")


@pytest.mark.parametrize(
    "name", ["config", "schema", "seed__1", "name__x", "scale__auto", "hydra__launcher__x"]
)
def test_the_folder_of_another_program_changes_nothing(study, name):
    words = ("experiment=exp3", "seed=1", "name=x", "scale=nano")
    without, help_without = config_of(*words), usage.text([])
    study(**{f"conf__{name}": "threads: 4\nsteps: 7\n"})
    assert command_line.read(words) == list(words)
    assert compose_config(*words) == without
    assert usage.text([]) == help_without


def test_an_option_of_openrs_goes_before_one_of_the_same_name_and_says_so(study, capsys):
    folder = study(
        conf__data__mixed="draws: {}",
        conf__data__easy=(CONF / "data" / "easy.yaml").read_text(),
        sweeps__table1=SWEEP,
    )
    command_line.read(["data=mixed"])
    (line,) = capsys.readouterr().err.splitlines()
    files = f"{folder}/conf/data/mixed.yaml, {folder}/sweeps/table1.yaml"
    assert (
        line == f"{files}: not read, because openrs has an option of this name. Rename the file to choose it."
    )
    assert set(compose_config("data=mixed", "scale=nano").data.draws) == {
        "open_s1",
        "open_deepscaler",
        "easy",
    }
    assert swept("sweeps=table1").hydra.sweeper.params.experiment == "base,exp1,exp2,exp3"


def test_a_folder_that_is_not_there_adds_nothing_to_the_help(tmp_path):
    assert usage.text(["--help", "--config-dir", str(tmp_path / "nowhere")]) == usage.text(["--help"])


def test_the_conf_of_the_checkout_is_no_other(monkeypatch):
    monkeypatch.chdir(CONF.parent)
    assert option_folders.own() is None
