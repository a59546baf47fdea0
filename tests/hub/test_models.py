"""A model of the Hub is one commit: asked for once, recorded, and loaded by every later command."""

import json

import pytest

from openrs.command.plan_text import describe
from openrs.config.compose import compose_config
from openrs.errors import Mistake
from openrs.models import files as model_files
from openrs.models.files import packaged
from openrs.plan import resolve
from openrs.processes.vllm_server import Server, arguments
from tests.helpers.commands import openrs
from tests.helpers.fake_hub import serving
from tests.helpers.jobs import only_run

pytestmark = pytest.mark.slow  # the Hub's client and transformers take longer to import than the tests

OLD, NEW = "a" * 40, "b" * 40
NAME = "someone/small"


@pytest.fixture
def weights(composed):
    """The files of the built-in model."""
    return {path.name: path.read_bytes() for path in packaged(composed().model).iterdir() if path.is_file()}


@pytest.fixture
def plan(fake, weights, tmp_path):
    """Plans a command with the model, as a new process does."""
    fake.publish(NAME, OLD, weights)

    def planned(*more):
        model_files._meant_commit.cache_clear()
        model_files._say_if_moved.cache_clear()
        stated = ("experiment=base", "scale=nano", f"model={NAME}", f"outputs={tmp_path / 'out'}")
        return resolve(compose_config(*stated, *more))

    return planned


def begun(plan):
    """The plan, whose run has begun."""
    from dataclasses import asdict

    plan.run.log_invocation(asdict(plan.config), plan.data)
    return plan


def test_the_commit_is_recorded_and_held_though_the_hub_moves(fake, plan, weights, tmp_path, capsys):
    first = begun(plan())
    assert first.config.model.commit == OLD
    assert f"small at {OLD} on cpu" in "\n".join(describe(first))
    assert json.loads((first.run.folder / "run.json").read_text())["config"]["model"]["commit"] == OLD
    fake.publish(NAME, NEW, weights)
    again = plan()
    assert (again.run.id, again.config.model.commit) == (first.run.id, OLD)
    assert capsys.readouterr().err == (
        f"{NAME}: main is commit {NEW} on the Hub now. The runs here go on with {OLD}, with which they "
        f"began; model.revision={NEW} starts others.\n"
    )
    other = plan(f"model.revision={NEW}")
    assert (other.config.model.commit, capsys.readouterr().err) == (NEW, "")
    assert other.run.id != first.run.id
    elsewhere = plan(f"outputs={tmp_path / 'elsewhere'}")
    assert (elsewhere.config.model.commit, elsewhere.run.id) == (NEW, first.run.id)
    flags = arguments(again.config, NAME, Server(), 0)
    assert flags[flags.index("--revision") + 1] == OLD


def test_without_a_network_the_cache_says_what_a_revision_means(fake, plan, tmp_path, monkeypatch):
    plan()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert plan(f"outputs={tmp_path / 'elsewhere'}").config.model.commit == OLD


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("model.commit=abc", ["model.commit=abc", "40 hex digits", "model.revision=NAME"]),
        (
            f"model.commit={NEW}",
            [f"{NAME}@main", f"{NEW} (model.commit) and {OLD} (base-", "another folder"],
        ),
        ("model.revision=v9", ["model.revision=v9", "no such revision", "null for the main branch"]),
        ("model=someone/none", ["model=someone/none: the Hub has no such model"]),
    ],
)
def test_a_commit_that_cannot_be_loaded_is_refused(plan, override, parts):
    begun(plan())
    with pytest.raises(Mistake) as error:
        plan(override, "model.context=512")
    for part in parts:
        assert part in str(error.value)


def test_two_commits_in_one_folder_are_refused(plan):
    path = begun(plan()).run.folder / "run.json"
    other = path.parent.with_name("exp1-00000000") / "run.json"
    other.parent.mkdir()
    other.write_text(path.read_text().replace(OLD, NEW))
    with pytest.raises(Mistake, match=rf"{OLD} \(base-.* and {NEW} \(exp1-00000000\)"):
        plan()


def test_files_of_a_commit_are_fetched_as_a_folder(fake, plan, weights):
    model = plan().config.model
    fake.publish(NAME, NEW, {name: b"junk" for name in weights})
    folder = model_files.fetched(model)
    assert folder.endswith(OLD)


def test_a_run_goes_on_with_the_weights_that_it_began_with(tmp_path, weights):
    """The newer commit has no weights that load."""
    common = ("experiment=exp3", "scale=nano", f"model={NAME}", f"outputs={tmp_path}", "steps.total=2",
              "steps.save_every=1", "report_step=1", "algorithm.prompts_per_step=2",
              "evaluation.max_problems=2", "evaluation.benchmarks=[aime24]", "length.completion=24",
              "evaluation.max_new_tokens=24")  # fmt: skip
    with serving() as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_good", "HF_HUB_DISABLE_XET": "1",
                       "HF_HOME": str(tmp_path / "hf")}  # fmt: skip
        hub.publish(NAME, OLD, weights)
        shown = openrs(*common, "steps.stop_at=1", "stages=[train]", **environment)
        assert shown.returncode == 0, shown.stderr[-3000:]
        hub.publish(NAME, NEW, weights | {"model.safetensors": b"junk", "tokenizer.json": b"junk"})
        shown = openrs(*common, "evaluation.checkpoints=[0,last]", **environment)
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert shown.stderr.count(f"main is commit {NEW} on the Hub now") == 1
    run = only_run(tmp_path)
    assert json.loads((run / "train.json").read_text())["last_step"] == 2
    assert json.loads((run / "run.json").read_text())["config"]["model"]["commit"] == OLD
