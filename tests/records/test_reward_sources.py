"""Custom rewards and the identity of runs: what is another run, what is said of it, what is kept."""

import json

import pytest

from openrs.command.plan_text import describe
from openrs.plan import resolve
from openrs.records import reward_sources, training
from openrs.records.recipe import run_id, trained
from openrs.rewards.imports import imports
from tests.helpers.composition import config_of

TEXT = "import math\n\n\ndef brevity(completions, cap, **_):\n    return [1 / cap for _ in completions]\n"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with rewards.py, as the working directory; composes configs of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rewards.py").write_text(TEXT)

    def compose(*more, function="rewards.py:brevity"):
        custom = f"reward.custom.brevity={{function: {function}, weight: 0.5, arguments: {{cap: 200}}}}"
        return config_of("scale=nano", "experiment=exp3", f"outputs={tmp_path}/outputs", custom, *more)

    return compose


def identity(config):
    return run_id(trained(config, weights="w", rows="r"))


def test_text_function_arguments_and_weight_are_the_identity(study, tmp_path):
    first = identity(study())
    recipe = trained(study(), weights="w", rows="r")["reward"]["custom"]["brevity"]
    assert recipe.keys() == {"function", "source", "arguments", "weight", "version"}
    others = {
        identity(study("reward.custom.brevity.arguments.cap=201")),
        identity(study("reward.custom.brevity.weight=0.6")),
        identity(config_of("scale=nano", "experiment=exp3")),
    }
    (tmp_path / "rewards.py").write_text(TEXT + " ")
    others.add(identity(study()))
    assert len(others | {first}) == 5
    (tmp_path / "rewards.py").write_text(TEXT)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.py").write_text(TEXT)
    assert identity(study("reward.custom.brevity.time_limit=9")) == first
    assert identity(study(function=f"{tmp_path}/elsewhere/mine.py:brevity")) == first, "the place is no part"


def test_a_changed_text_runs_as_it_is(study, tmp_path):
    """No compilation of an older text is taken, whatever the times of the files."""
    rewards = []
    for value in "12":
        (tmp_path / "rewards.py").write_text(TEXT.replace("1 / cap", value))
        rewards += study().reward.custom["brevity"].term("brevity")(completions=[[{"content": ""}]])
    assert rewards == [1.0, 2.0]
    assert not (tmp_path / "__pycache__").exists()


def test_a_package_is_found_in_the_working_directory(study, tmp_path):
    (tmp_path / "my_openrs_rewards").mkdir()
    for name, text in (("__init__", ""), ("short", TEXT)):
        (tmp_path / "my_openrs_rewards" / f"{name}.py").write_text(text)
    assert identity(study(function="my_openrs_rewards.short:brevity")) == identity(study())


HELPED = "import json\nimport numpy as np\nfrom helpers import scale\n" + TEXT.replace("1 / cap", "scale()")


@pytest.fixture
def helped(study, tmp_path):
    """rewards.py with an import of a file beside it, which imports another one and a package."""
    (tmp_path / "rewards.py").write_text(HELPED)
    helpers = "import hydra\n\n\ndef scale():\n    from deeper import one\n    return one\n"
    (tmp_path / "helpers.py").write_text(helpers)
    (tmp_path / "deeper.py").write_text("one = 1\n")
    return study


def test_what_the_identity_does_not_hold_is_known_by_file_and_package(helped, tmp_path):
    found = imports(helped().reward.custom["brevity"].code("brevity").sources)
    assert [*found.files] == [str(tmp_path / "deeper.py"), str(tmp_path / "helpers.py")]
    assert found.packages.keys() == {"hydra", "numpy"}
    assert found.packages["hydra"].startswith("1."), "the distribution is called hydra-core"


def test_a_plan_says_once_what_the_identity_does_not_hold(helped, tmp_path):
    plan = resolve(helped())
    (line,) = (line for line in describe(plan) if "reward.custom" in line)
    assert "holds the text of rewards.py, and not what that imports: deeper.py, helpers.py, hydra 1." in line
    plan.run.log_invocation({})
    assert not any("reward.custom" in line for line in describe(plan))


def test_a_changed_import_is_said_of_a_run_that_goes_on(helped, tmp_path):
    plan = resolve(helped())
    plan.run.log_invocation({})
    training.begin_segment(
        plan.run.folder / "train",
        {
            "first_step": 1,
            "hardware": "cpu",
            "world_size": 1,
            "rewards": reward_sources.imported(plan.config),
        },
    )
    assert [*reward_sources.notes(plan.config, plan.run)] == []
    (tmp_path / "deeper.py").write_text("one = 2\n")
    (note,) = reward_sources.notes(plan.config, plan.run)
    assert f"{tmp_path}/deeper.py, which reward.custom.brevity imports, changed since the run" in note


def test_a_changed_source_names_the_run_and_the_line(study, tmp_path):
    before = resolve(study())
    before.run.log_invocation({})
    reward_sources.keep(before.config, before.run)
    assert (before.run.folder / "rewards/brevity/rewards.py").read_text() == TEXT
    (tmp_path / "rewards.py").write_text(TEXT.replace("1 / cap", "2 / cap"))
    after = resolve(study())
    assert after.run.id != before.run.id
    (note,) = reward_sources.notes(after.config, after.run)
    assert note == (
        f"another run than {before.run.folder.name}, as {tmp_path}/rewards.py changed since: line 5 was "
        "`return [1 / cap for _ in completions]`, is `return [2 / cap for _ in completions]`"
    )
    assert json.loads((before.run.folder / "run.json").read_text())["recipe"] == before.run.recipe


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("reward.custom.accuracy={function: rewards.py:brevity}", r"custom\.accuracy=.*names the term in"),
        ("reward.custom.a-b={function: rewards.py:brevity}", r"Give another name, as reward\.custom\.my_a_b"),
        ("reward.custom.brevity.time_limit=0", r"time_limit=0\.0: must be greater than 0"),
        ("reward.custom.brevity.arguments=3", r"arguments=3: must be names, each of which is any value"),
        ("reward.custom.brevity.wieght=3", r"wieght=3: is no option\. Did you mean .*custom\.NAME\.weight"),
        ("reward.custom.other={weight: 3}", r"reward\.custom\.other\.function: has no value, and needs one"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused(study, override, message):
    with pytest.raises(ValueError, match=message):
        study(override)


def test_an_untrained_model_imports_no_reward(study, tmp_path):
    (tmp_path / "rewards.py").write_text("raise ValueError")
    assert study("experiment=base").untrained
