"""The first word of a command: a verb, or an option of a run."""

import json
import sys

import pytest

from openrs import __main__ as command
from openrs.command import verbs
from tests.helpers.commands import heavy_imports


@pytest.fixture
def openrs(monkeypatch, capsys):
    """Runs the command in this process: status, output, errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["openrs", *words])
        try:
            status = command.main()
        except SystemExit as ended:  # argparse's way out
            status = ended.code
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("tabel1", "Did you mean table1? openrs --help lists the verbs."),
        ("docter", "Did you mean doctor? openrs --help lists the verbs."),
        ("exp3", "Say experiment=exp3."),
        ("train", "All stages run unless you say stages=[train]."),
        ("xyzzy", "openrs --help lists the verbs."),
    ],
)
def test_an_unknown_verb_is_refused_with_what_it_may_mean(openrs, word, remedy):
    assert openrs(word) == (1, "", f"error: {word}: is no verb. {remedy}\n")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (
            ["train", "experiment=exp3"],
            "All stages run unless you say stages=[train]. Say openrs experiment=exp3.",
        ),
        (["run", "experiment=exp3", "seed=1"], "Say openrs experiment=exp3 seed=1."),
        (["launch", "-m", "sweeps=table1", "a=[1, 2]"], "Say openrs -m sweeps=table1 'a=[1, 2]'."),
        (["exp3", "seed=3"], "Say openrs experiment=exp3 seed=3."),
        (["experiment", "exp3"], "Say openrs experiment=exp3."),
        (["data", "mixed", "seed=3"], "Say openrs data=mixed seed=3."),
        (["docter", "scale=nano"], "Did you mean doctor? openrs --help lists the verbs."),
    ],
)
def test_options_after_an_unknown_verb_are_refused_with_the_command_to_type(openrs, words, remedy):
    assert openrs(*words) == (1, "", f"error: {words[0]}: is no verb. {remedy}\n")


@pytest.mark.parametrize("word", ["-m", "--cfg", "seed=1", "~experiment", "+seed=1"])
def test_flags_and_overrides_are_no_verbs(word):
    assert not verbs.is_verb(word)


@pytest.mark.parametrize("verb", verbs.described())
def test_every_verb_has_help_of_its_own_that_states_its_exit_statuses(openrs, verb):
    status, out, _ = openrs(verb, "--help")
    assert status == 0
    assert out.startswith(f"usage: openrs {verb} ")
    assert "Exit status: 0 " in out
    assert "--json" in out or verb == "watch"


def test_the_help_lists_verbs_groups_and_examples(openrs):
    status, out, _ = openrs("--help")
    assert (status, openrs()[1]) == (0, out)
    for verb, does in verbs.described().items():
        assert f"\n{verb:8}  {does}\n" in out
    for part in (
        "\nexperiment: base, exp1, exp2, exp3, format_alone, ",
        "\nscale: auto, nano, paper\n",
        "Exit status: 0 ",
    ):
        assert part in out
    assert sum(line.startswith("openrs ") for line in out.splitlines()) == 3


@pytest.mark.slow  # processes
def test_the_help_and_the_verbs_import_nothing_heavy():
    for words in (["--help"], ["table1", "/nowhere"], ["status", "--help"]):
        assert heavy_imports(*words)[0] == []


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["table4", "--json"], '[\n {\n  "title": "Table 4: '),
        (["table1", "/nowhere", "--json"], ""),
        (["import", "tests/data/imports/lm_eval", "--outputs", "OUT", "--json"], '{\n "imported": 1'),
    ],
)
def test_json_is_json(openrs, tmp_path, words, start):
    status, out, err = openrs(*(word.replace("OUT", str(tmp_path)) for word in words))
    assert out.startswith(start)
    assert status == (0 if start else 1), err
    assert not start or json.loads(out)


def test_the_version_is_that_of_openrs(openrs):
    assert openrs("--version") == (0, "openrs 0.1.0\n", "")
