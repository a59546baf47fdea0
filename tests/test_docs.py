"""Every command of README and docs/ is one that openrs takes, and the pages say what the code has."""

import importlib.util
import re
import shlex
import shutil

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from openrs.analysis import commands as analysis_commands
from openrs.command import verbs
from openrs.models.files import packaged
from openrs.paths import ROOT
from openrs.records.files import write_lines
from tests.helpers.composition import config_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```|((?:^    .*\n)+)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\s*(?:[A-Z_]+=\S* |srun )*(?:\S*/)?openrs (?=\S)")
LONGEST = 1000
"""Words that README may have."""


def commands():
    """Page and words of every command that begins with openrs."""
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text()):
            for line in (block[1] or block[2]).replace("\\\n", " ").splitlines():
                if start := COMMAND.match(line):
                    words = shlex.split(line[start.end() :], comments=True)
                    yield pytest.param(words, id=f"{page.stem}: {' '.join(words)}"[:100])


@pytest.fixture
def own(tmp_path, monkeypatch, composed):
    """A folder with the parts that the pages bring."""
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"What is {number} + 1?", "answer": str(number + 1)} for number in range(20)]
    write_lines(tmp_path / "problems.jsonl", rows)
    (tmp_path / "rewards.py").write_text(
        "def brevity(completions, completion_ids, cap=200, **columns):\n"
        "    return [float(len(ids) <= cap) for ids in completion_ids]\n"
    )
    for name in ("my-checkpoint", "weights"):
        shutil.copytree(packaged(composed().model), tmp_path / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("words", [*commands()])
def test_a_command_of_the_pages_is_taken(own, words):
    if verbs.is_verb(words[0]):
        assert words[0] in verbs.described()
        if words[0] in analysis_commands.described():
            analysis_commands.parser()[0].parse_args(words)
        return
    overrides = [word for word in words if "=" in word]
    assert set(words) - set(overrides) <= {"-m", "--cfg", "job", "--resolve"}
    if "-m" in words:  # the runs of a sweep are composed without it
        overrides = [word for word in overrides if not word.startswith("replicates=")]
    config_of(*map(first, overrides))


def first(override):
    """An override with the first of its values in the place of a sweep."""
    parsed = OverridesParser.create().parse_override(override)
    if not parsed.is_sweep_override():
        return override
    return f"{parsed.get_key_element()}={next(parsed.sweep_string_iterator())}"


def test_the_reference_is_what_the_config_has():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert reference.PAGE.read_text() == reference.page(), "write it anew with `python docs/reference.py`"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= LONGEST


def test_links_lead_to_pages():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
