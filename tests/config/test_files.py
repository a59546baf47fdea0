"""A user's own files of options: read as they are meant, or refused with their line."""

import pytest
from hydra import compose, initialize_config_dir

from openrs.config.compose import register, to_config
from openrs.config.refusal import circle
from openrs.errors import Mistake
from openrs.paths import CONF

WHOLE = "# @package _global_\n"


@pytest.fixture
def experiment(tmp_path):
    """Composes an experiment of this text."""
    register()

    def make(content: str | bytes, name: str = "mine", group: str = "experiment"):
        path = tmp_path / group / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with initialize_config_dir(str(CONF)):
            searched = f"hydra.searchpath=['file://{tmp_path}']"
            return to_config(compose("config", ["scale=nano", searched, f"{group}={name}"]))

    return make


@pytest.mark.parametrize(
    ("content", "named", "reported"),
    [
        (f"{WHOLE}report_step: 10\n", "mine", 10),
        (f"{WHOLE}name: other\n", "other", 0),
        (f"{WHOLE}defaults: [exp3]\n", "mine", 50),
        (f"\ufeff{WHOLE}name: marked\nreport_step: 10\n", "marked", 10),
        (f"{WHOLE}name: crlf\nreport_step: 10\n".replace("\n", "\r\n"), "crlf", 10),
    ],
)
def test_an_experiment_has_a_name(experiment, content, named, reported):
    config = experiment(content)
    assert (config.name, config.report_step) == (named, reported)


def test_entries_of_open_dictionaries_stand_in_a_file(experiment):
    config = experiment(
        f"{WHOLE}catalog: {{sources: {{sums: {{id: acme/sums}}}}}}\n"
        "data: {draws: {x: {source: sums}}}\n"
    )
    assert config.catalog.sources["sums"].id == "acme/sums"
    assert config.data.draws["x"].source == "sums"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{WHOLE}prompt:\n  system: yes\n", ["line 3", "prompt.system=yes", "a text", "'yes'"]),
        (f"{WHOLE}prompt:\n  system: Off\n", ["line 3", "prompt.system=Off", "a text"]),
        (f"{WHOLE}evaluation:\n  benchmarks: [yes]\n", ["line 3", "evaluation.benchmarks=true", "a text"]),
        (f"{WHOLE}model:\n  revision: 12e4567\n", ["line 3", "model.revision=12e4567", "a text"]),
        (f"{WHOLE}model: {{revision: 0123}}\n", ["line 2", "model.revision=0123", "a text"]),
        (f"{WHOLE}seed: abc\n", ["line 2", "seed=abc", "a whole number"]),
        (f"{WHOLE}step: 3\n", ["line 2", "step=3", "Did you mean steps"]),
        (f"{WHOLE}seed: 1\nalgorithm:\n  lr: 3\n", ["line 4", "algorithm.lr=3", "algorithm.learning_rate"]),
        (f"{WHOLE}name: a\nname: b\n", ["line 3", "duplicate key", "Keep one"]),
        (f"{WHOLE}prompt:\n\tsystem: x\n", ["line 3", "no YAML", "Indent with spaces"]),
        (f"{WHOLE}name: [\n", ["no YAML", "Mend the line"]),
        (f"{WHOLE}- a\n", ["is a list", "name: value"]),
        ("name: x\n", ["`# @package _global_`"]),
        ("# mine\n# @package _global_\nname: x\n", ["`# @package _global_`"]),
        (f"{WHOLE}name: é\n".encode("latin-1"), ["UTF-8"]),
        (f"{WHOLE}seed: {'9' * 5000}\n", ["holds no value", "Mend or quote it"]),
        (f"{WHOLE}seed: !!timestamp x\n", ["holds no value", "Mend or quote it"]),
        (f"{WHOLE}seed: !!python/object/apply:os.system [ls]\n", ["line 2", "no YAML"]),
        (f"{WHOLE}name: \x00\x01", ["no YAML"]),
    ],
)
def test_a_wrong_file_is_one_line_with_the_place(experiment, content, told, tmp_path):
    with pytest.raises(Mistake) as error:
        experiment(content)
    assert str(error.value).startswith(f"{tmp_path}/experiment/mine.yaml")
    assert "\n" not in str(error.value)
    for part in told:
        assert part in str(error.value)


def test_defaults_that_lead_back_are_named(experiment):
    with pytest.raises(RecursionError) as error:
        experiment(f"{WHOLE}defaults: [exp3, mine]\n")
    assert circle(error.value) == (
        "experiment/mine: its defaults list leads back to it. Take that line out of the list."
    )
    assert circle(RecursionError("another")) is None


def test_an_option_of_a_group_is_checked_at_its_place(experiment):
    with pytest.raises(Mistake, match=r"prompt/off.yaml, line 1: prompt.system=off: must be a text"):
        experiment("system: off\n", "off", "prompt")
    assert experiment("system: 'off'\n", "off", "prompt").prompt.system == "off"
    assert experiment("system: null\n", "off", "prompt").prompt.system is None
