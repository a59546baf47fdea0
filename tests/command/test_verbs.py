"""The first word of a command: a verb, or an option of a run."""

import json
import sys

import pytest

from openrs import __main__ as command
from openrs.command import usage, verbs
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


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("table1 --plian", "unrecognized arguments: --plian. Did you mean --plain?"),
        ("report --complet", "argument --completions: expected one argument."),
        ("table4 --format jsno", "argument --format: invalid choice: 'jsno' (choose from 'md', "),
        ("compare A", "the following arguments are required: B."),
        ("decide A B x --outputs y", "OUTPUTS and --outputs are two folders, x and y."),
        ("ablation --step", "argument --step: expected one argument."),
        ("new", "the following arguments are required: folder."),
        ("curate --jsno", "unrecognized arguments: --jsno. Did you mean --json?"),
        ("doctor --recrod", "unrecognized arguments: --recrod. Did you mean --record?"),
        ("doctor exp3 --outputs x", "--outputs stands alone."),
    ],
)
def test_wrong_words_of_a_verb_are_one_line(openrs, words, wrong):
    verb = words.split()[0]
    status, out, err = openrs(*words.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: openrs {verb}: {wrong}")
    assert err.endswith(f" openrs {verb} --help shows its words.\n")


@pytest.mark.parametrize("place", ["/nowhere", "--outputs=/nowhere", "outputs=/nowhere"])
@pytest.mark.parametrize(
    "verb",
    ["table1", "ablation", "compare A B", "decide A B", "export", "figures", "report", "watch --once",
     "status table1", "doctor"],
)  # fmt: skip
def test_the_outputs_folder_is_the_last_word_an_option_or_said_as_to_a_training(openrs, verb, place):
    status, out, err = openrs(*verb.split(), place)
    assert status or verb.startswith("watch"), "there is no such folder, and watch waits for it"
    assert "/nowhere" in out + err


def test_the_help_marks_what_is_not_installed(openrs, monkeypatch):
    monkeypatch.setattr(usage, "find_spec", lambda name: None if name == "peft" else object())
    out = openrs("--help")[1]
    assert "\nadapter: dora*, lora*, none, rank16*, rank4*, rank64*\n" in out
    assert "\n* needs what is not installed: pip install 'openrs[lora]'\n" in out
    monkeypatch.setattr(usage, "find_spec", lambda name: None)
    out = openrs("--help")[1]
    assert "engine: auto, server, transformers, vllm*\n" in out
    assert "hardware: a100x1*, a40x4*, cpu, cpux2, gpu24x1*" in out
    assert "[deepspeed,lora,smollm2,vllm]" in out
    monkeypatch.setattr(usage, "find_spec", lambda name: object())
    assert "*" not in openrs("--help")[1]


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
