"""A model is what its weights are: named by a folder or a Hub id, nothing of the option around it stays."""

import json
import shutil

import pytest

from openrs.errors import Mistake
from openrs.models import files as model_files
from openrs.models.files import packaged
from openrs.plan import resolve
from tests.helpers.composition import config_of


@pytest.fixture
def folder(tmp_path):
    """The built-in weights under another name, with another context."""
    path = tmp_path / "mine"
    shutil.copytree(packaged(config_of("scale=nano").model), path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 400}))
    return path


@pytest.mark.parametrize("spelling", ["model=", "model.id="])
@pytest.mark.parametrize("scale", ["nano", "paper"])
def test_weights_bring_their_own_title_context_and_size(folder, scale, spelling):
    model = config_of("experiment=base", f"scale={scale}", f"{spelling}{folder}").model
    assert (model.id, model.title, model.context) == (str(folder), "mine", 400)
    assert (model.package, model.file, model.parameters, model.shape) == (None, None, None, None)
    assert model_files.parameters(model) == model_files.parameters(config_of("scale=nano").model)
    assert model_files.loadable(model, folder) == str(folder)


def test_a_folder_is_one_model_however_it_is_spelled(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()  # another folder of this name is no part of the path
    spellings = (
        "./mine",
        "./mine/",
        "../" + tmp_path.name + "/mine",
        f"{tmp_path}/conf/../mine",
        str(folder),
    )
    models_ = [config_of("experiment=base", "scale=nano", f"model={text}").model for text in spellings]
    assert {(model.id, model.title) for model in models_} == {(str(folder), "mine")}
    bare = config_of("experiment=base", "scale=nano", "model.id=mine").model
    assert (bare.id, bare.package) == (str(folder), None)


def test_what_the_user_states_of_the_weights_holds(folder):
    stated = ("model.title=ours", "model.context=300", "model.parameters=7")
    model = config_of("scale=nano", f"model={folder}", *stated).model
    assert (model.title, model.context, model.parameters) == ("ours", 300, 7)


def test_an_id_that_an_option_has_is_that_option(monkeypatch):
    model = config_of("scale=nano", "model.id=deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B").model
    paper = config_of("scale=nano", "model=r1_distill_1_5b").model
    assert (model.title, model.context, model.parameters) == (paper.title, paper.context, paper.parameters)
    assert (model.package, model.shape) == (None, paper.shape)


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        (
            "model=acme/none",
            ["model=acme/none: its", "config.json is neither here nor to be fetched", "model.context"],
        ),
        ("model=/nowhere", ["model=/nowhere: is a path", "no folder is there"]),
        ("model=nanoo", ["model", "nanoo", "smollm2"]),
        ("model=./x,nano", ["model=./x,nano", "nano is an option and the rest names weights"]),
    ],
)
def test_weights_that_are_not_there_are_refused(override, parts, monkeypatch):
    monkeypatch.setattr("openrs.config.weights.hub_file", lambda *_: None)
    with pytest.raises(Mistake) as error:
        config_of("experiment=base", "scale=nano", override)
    for part in parts:
        assert part in str(error.value)


def test_a_folder_without_a_config_is_refused(folder):
    file = folder / "config.json"
    for content, message in (
        ("{}", r"states no context .*or state model\.context=TOKENS"),
        ('{"n_ctx": "x"}', "states no context"),
        ("{", rf"^{file}: cannot be read as JSON \(.*\)\. Put the file back"),
        (None, rf"^model={folder}: the folder holds no config\.json"),
    ):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(Mistake, match=message):
            config_of("experiment=base", "scale=nano", f"model={folder}")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.safetensors", None, r"holds no weights"),
        ("model.safetensors", b"", r"model\.safetensors: its header cannot be read \(0 bytes in all\)"),
        ("model.safetensors", 1000, r"model\.safetensors: has 1000 bytes|its header cannot be read"),
        ("model.safetensors", 100_000, r"model\.safetensors: has 100000 bytes, and its header says"),
        (
            "model.safetensors.index.json",
            b'{"weight_map": {"a": "b.safetensors"}}',
            r"b\.safetensors: is not",
        ),
        ("model.safetensors.index.json", b"[]", r"its config or its index cannot be read"),
        ("tokenizer.json", None, r"holds no tokenizer \(none of tokenizer\.json"),
    ],
)
def test_a_damaged_folder_is_refused_by_the_plan(folder, tmp_path, file, content, message):
    whole = (folder / "model.safetensors").read_bytes()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(whole[:content] if isinstance(content, int) else content)
    arguments = ("scale=nano", f"model={folder}", f"outputs={tmp_path / 'outputs'}")
    with pytest.raises(Mistake, match=message):
        resolve(config_of("experiment=base", *arguments))
    served = config_of("experiment=base", "engine=server", *arguments)
    assert resolve(served).config.model.id == str(folder), "a server may have the files elsewhere"


def test_a_revision_of_what_has_none_is_refused(folder, tmp_path):
    for model in ("nano", folder):
        config = config_of("scale=nano", f"model={model}", "model.revision=v1", f"outputs={tmp_path}")
        with pytest.raises(Mistake, match=r"model\.revision=v1: .* is no model of the Hub"):
            resolve(config)


def test_weights_that_changed_in_place_are_another_run(folder, tmp_path):
    arguments = ("experiment=base", "scale=nano", f"model={folder}", f"outputs={tmp_path / 'outputs'}")
    first = resolve(config_of(*arguments)).run.id
    assert resolve(config_of(*arguments)).run.id == first
    hashes = tmp_path / "outputs" / "models" / "hashes.json"
    assert set(json.loads(hashes.read_text())) == {
        f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in folder.iterdir()
        if path.suffix in model_files.LOADED
    }
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert resolve(config_of(*arguments)).run.id != first
    (folder / "README.md").write_text("a note")
    content[-1] ^= 1
    weights.write_bytes(content)
    assert resolve(config_of(*arguments)).run.id == first, "the same content is the same run"


def test_a_runs_folder_names_its_newest_checkpoint(folder, tmp_path):
    for step in (9, 10):
        shutil.copytree(folder, tmp_path / f"run/train/checkpoint-{step}")
    with pytest.raises(
        Mistake, match=rf"It is a run, whose newest weights are model={tmp_path}/run/train/checkpoint-10\.$"
    ):
        config_of("scale=nano", f"model={tmp_path}/run")
