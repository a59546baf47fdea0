"""LoRA and DoRA: what they are part of, what they train and take, and their checkpoints as whole weights."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from openrs import needs
from openrs.analysis import factors
from openrs.analysis.run_records import RunRecords
from openrs.command.plan_text import describe
from openrs.config.catalog import Model
from openrs.cost.sizes import Disk, disk, memory_gib
from openrs.errors import Mistake
from openrs.machine.facts import Machine
from openrs.models import adapters
from openrs.models.files import packaged, shape_by_config, shapes_in
from openrs.plan import resolve
from openrs.records import recipe
from openrs.records.checkpoints import mark_whole
from openrs.records.files import write_record
from openrs.records.weights import weights_fault, weights_hash
from tests.helpers.jobs import SHORT, killed, only_run, outcomes
from tests.helpers.run_folders import save_checkpoint

LAYERS = 4
A_LAYER = {"q_proj": (128, 128), "k_proj": (64, 128), "v_proj": (64, 128), "o_proj": (128, 128),
           "gate_proj": (448, 128), "up_proj": (448, 128), "down_proj": (128, 448)}  # fmt: skip
"""The built-in model's linear layers: rows, columns."""


def run_id(config):
    return recipe.run_id(recipe.trained(config, weights="w", rows="r"))


def test_an_adapter_is_part_of_the_recipe_and_none_is_left_out(composed):
    every = composed("experiment=exp3")
    assert every.adapter is None
    assert "adapter" not in recipe.trained(composed("experiment=exp3", "adapter=none"), weights="", rows="")
    changes = ("rank=8", "alpha=64", "dropout=0.1", "modules=[q_proj]", "learning_rate_factor=1")
    others = [composed("experiment=exp3", "adapter=lora", f"adapter.{change}") for change in changes]
    alone = [composed("experiment=exp3", f"adapter={name}") for name in ("none", "lora", "dora")]
    assert len({run_id(config) for config in (*alone, *others)}) == 3 + len(changes)
    two = [composed("adapter=lora", f"adapter.modules={names}") for names in ("[q_proj,v_proj]",
                                                                              "[v_proj,q_proj]")]  # fmt: skip
    assert run_id(two[0]) == run_id(two[1])  # PEFT takes a model's layers in the model's order


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["adapter=lora", "adapter.rank=0"], "adapter.rank=0: must be greater than 0"),
        (["adapter=lora", "adapter.modules=[]"], "adapter.modules=[]: leaves nothing to train"),
        (["adapter=lora", "scale=paper", "hardware.sharding=zero2"],
         "hardware.sharding=zero2: spreads the weights or holds them in"),
        (["adapter=lora", "adapter.modules=[q_proj,k_prj]"],
         "adapter.modules=[k_prj]: nano base has no linear layer of this name inside. Give k_proj or"),
        (["adapter=lora", "adapter.modules=[lm_head]"], "adapter.modules=[lm_head]: nano base has no linear"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(composed, tmp_path, overrides, message):
    with pytest.raises(Mistake) as error:
        resolve(composed("experiment=exp3", f"outputs={tmp_path}", *overrides))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_field_of_no_adapter_names_the_options():
    from openrs.config.compose import compose_config

    with pytest.raises(Mistake, match=r"adapter is off \(null\) here. Choose adapter=dora or adapter=lora"):
        compose_config("scale=nano", "adapter.rank=8")


def test_no_hardware_shares_the_state_of_an_adapter(composed):
    for hardware in ("a40x4", "h100x8"):
        assert composed(f"hardware={hardware}").hardware.sharding == "zero2"
        assert composed(f"hardware={hardware}", "adapter=dora").hardware.sharding == "ddp"


def test_without_peft_the_extra_is_named(composed):
    machine = Machine("outputs", packages={"torch": "1"}, pins={})
    unmet = [need for need in needs.unmet_at_start(composed("adapter=lora"), machine)]
    assert [(need.field, need.remedy) for need in unmet] == [
        ("adapter=lora", "pip install 'openrs[lora]'; or adapter=none")
    ]
    assert needs.unmet_at_start(composed("adapter=none"), machine) == []


def test_what_an_adapter_takes_follows_from_what_it_trains(composed, tmp_path):
    sums = sum(rows + columns for rows, columns in A_LAYER.values())
    lengths = sum(rows for rows, _ in A_LAYER.values())
    lora, dora = (composed("experiment=exp3", "steps.stop_at=20", f"adapter={name}", f"outputs={tmp_path}")
                  for name in ("lora", "dora"))  # fmt: skip
    assert adapters.trainable(lora) == LAYERS * 32 * sums
    assert adapters.trainable(dora) == LAYERS * (32 * sums + lengths)
    some = composed("adapter=lora", "adapter.rank=2", "adapter.modules=[layers.0.self_attn.q_proj,v_proj]")
    assert adapters.trainable(some) == 2 * (256 + LAYERS * 192)
    every = disk(composed("experiment=exp3", "steps.stop_at=20"))
    number = LAYERS * 32 * sums
    assert disk(lora) == Disk(2, 4 * number, 8 * number, merged=every.weights)
    assert disk(lora).peak == 2 * 4 * number + 2 * 8 * number + every.weights
    assert disk(replace(lora, stages=["train"])).merged == 0
    model, gib = every.weights // 4, 2**30
    assert memory_gib(composed("experiment=exp3", "stages=[train]")) == 2 + 20 * model / gib
    assert memory_gib(replace(lora, stages=["train"])) == 2 + (4 * model + 16 * number) / gib
    text = "\n".join(describe(resolve(lora)))
    assert f"trains {number} weights, 0.35 of their number; learning rate 0.0004, 10 times" in text


def test_shapes_follow_from_the_config_where_the_weights_are_not_here(composed):
    folder = packaged(composed().model)
    tensors = {name: shape for name, shape in shapes_in(folder).items() if len(shape) == 2}
    tensors.pop("model.embed_tokens.weight")
    config = json.loads((folder / "config.json").read_text())
    assert adapters.by_shape(shape_by_config(config)) == tensors
    assert shape_by_config({"model_type": "gpt2"}) is None


def record(name, id_, adapter=None, **more):
    own = {"adapter": {"name": adapter, "alpha": 32, "rank": 32} | more} if adapter else {}
    return RunRecords(name, id_, {"schema": 1, "seed": 1} | own, {}, ())


@pytest.mark.parametrize(
    ("runs", "texts"),
    [
        ([record("a", "1")], [""]),
        ([record("a", "1", "lora")], ["adapter=lora"]),
        ([record("a", "1"), record("a", "2", "lora")], ["adapter=none", "adapter=lora"]),
        ([record("a", "1", "dora"), record("a", "2", "lora")], ["adapter=dora", "adapter=lora"]),
        ([record("a", "1", "lora"), record("a", "2", "lora", rank=8)], ["adapter.rank=32", "adapter.rank=8"]),
        ([record("a", "1"), record("a", "2", "lora"), record("a", "3", "lora", rank=8)],
         ["adapter=none", "adapter=lora, rank=32", "adapter=lora, rank=8"]),
        ([record("a", "1"), record("b", "2", "dora")], ["", "adapter=dora"]),
    ],
)  # fmt: skip
def test_tables_tell_an_adapter(runs, texts):
    assert list(factors.differences(runs).values()) == texts


@pytest.mark.parametrize(
    ("model", "stated"),
    [({"id": "org/name", "revision": "v1"}, ("org/name", "v1")), ({"id": "/some/folder"}, (None, None))],
)
def test_a_checkpoint_names_no_folder_of_this_machine(tmp_path, composed, model, stated):
    written = {"base_model_name_or_path": "/some/folder", "revision": None, "r": 32}
    write_record(tmp_path / "adapter_config.json", written)
    (tmp_path / "README.md").write_text("base_model: /some/folder")
    base = Model(**asdict(composed().model) | {"package": None, "file": None} | model)
    adapters.name_base(tmp_path, base)
    after = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (after["base_model_name_or_path"], after["revision"], after["r"]) == (*stated, 32)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter_config.json"]


def test_whole_weights_are_exported_as_they_are(tmp_path):
    run = tmp_path / "runs" / "exp3-1"
    write_record(run / "run.json", {"name": "exp3"})
    save_checkpoint(run / "train", 2, ("config.json", "tokenizer.json", "optimizer.pt", "trainer_state.json"))
    (run / "train/checkpoint-2/config.json").write_text("{}")
    with pytest.raises(Mistake, match="holds no weights"):
        adapters.export(run, 2, tmp_path / "to")
    from numpy import zeros
    from safetensors.numpy import save_file

    save_file({"a": zeros(3)}, run / "train/checkpoint-2/model.safetensors")
    adapters.export(run, 2, tmp_path / "to")
    names = {path.name for path in (tmp_path / "to").iterdir()}
    assert names == {"config.json", "tokenizer.json", "model.safetensors"}
    assert weights_hash(tmp_path / "to") == weights_hash(run / "train/checkpoint-2")
    with pytest.raises(Mistake, match="--to .*/to: is there already"):
        adapters.export(run, 2, tmp_path / "to")
    with pytest.raises(Mistake, match="has no checkpoint of this step .it has 2"):
        adapters.export(run, 4, tmp_path / "x")
    with pytest.raises(Mistake, match="holds no run"):
        adapters.export(tmp_path, 2, tmp_path / "x")


@pytest.fixture(scope="module", params=["lora", "dora"])
def adapted(request, composed, tmp_path_factory):
    """A run with a checkpoint of an adapter that is as far from zero as after some steps, and the adapted
    model."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    outputs = tmp_path_factory.mktemp("adapted")
    config = composed("experiment=exp3", f"adapter={request.param}", f"outputs={outputs}")
    base = packaged(config.model)
    torch.manual_seed(1)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        LoraConfig(r=4, target_modules=config.adapter.modules, use_dora=request.param == "dora"),
    )
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.005)
    run = resolve(config).run
    run.log_invocation(asdict(config))
    checkpoint = run.folder / "train/checkpoint-2"
    model.save_pretrained(checkpoint)
    AutoTokenizer.from_pretrained(base).save_pretrained(checkpoint)
    adapters.name_base(checkpoint, config.model)
    mark_whole(checkpoint, 2)
    return run, checkpoint, base, model.eval()


@pytest.mark.slow
def test_merged_weights_answer_as_the_adapter_does(adapted, tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run, checkpoint, base, model = adapted
    assert weights_fault(checkpoint) is None
    monkeypatch.chdir(tmp_path)  # nothing in the checkpoint depends on where the command runs
    assert str(base) not in "".join(p.read_text() for p in checkpoint.glob("*.json"))
    adapters.export(run.folder, 2, Path("to"))
    merged = AutoModelForCausalLM.from_pretrained("to", dtype=torch.float32).eval()
    prompt = AutoTokenizer.from_pretrained("to")("What is 17 + 25?", return_tensors="pt")
    with torch.no_grad():
        theirs = model(**prompt).logits
        with model.disable_adapter():
            untrained = model(**prompt).logits
        # float32 alone: 1.44e-5 (LoRA) and 1.24e-5 (DoRA) measured, where the adapter moves logits by 0.37
        assert (merged(**prompt).logits - theirs).abs().max() <= 2e-5
    assert (untrained - theirs).abs().max() > 0.01
    assert not list(Path("to").glob("adapter_*"))


@pytest.mark.slow
def test_every_engine_is_given_one_merged_folder(adapted):
    run, checkpoint, base, _ = adapted
    folder = run.folder / "merged/checkpoint-2"

    def stops() -> None:
        with adapters.whole(run.folder, checkpoint, str(base), None) as path:
            assert Path(path) == folder
            raise KeyError  # a server that does not serve them yet

    with pytest.raises(KeyError):
        stops()
    assert weights_fault(folder) is None
    first = (folder / "model.safetensors").stat().st_mtime_ns
    torn = folder.with_name(f".{folder.name}.4711")
    torn.mkdir()
    with adapters.whole(run.folder, checkpoint, str(base), None):
        assert (folder / "model.safetensors").stat().st_mtime_ns == first  # made once
        assert not torn.exists()
    assert not (run.folder / "merged").exists()
    with pytest.raises(KeyError):
        stops()
    write_record(folder / "merged.json", {"adapter": "of another training"})
    with adapters.whole(run.folder, checkpoint, str(base), None):
        assert (folder / "model.safetensors").stat().st_mtime_ns != first


TINY = [
    *(item for item in SHORT if not item.startswith(("steps.", "algorithm.", "evaluation."))),
    *("adapter=lora", "steps.total=4", "steps.save_every=2", "algorithm.prompts_per_step=2"),
    *("length.completion=16", "evaluation.benchmarks=[math_500]", "evaluation.max_problems=2"),
    *("evaluation.max_new_tokens=16", "evaluation.checkpoints=[last]"),
]


@pytest.mark.slow
@pytest.mark.chaos
def test_an_adapter_over_kill_9_is_the_uninterrupted_one(tmp_path):
    from tests.helpers.commands import openrs

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = openrs(*TINY, f"outputs={whole}")
    assert done.returncode == 0, done.stderr
    killed(
        [*TINY, f"outputs={broken}"],
        lambda: list(broken.glob("runs/*/train/checkpoint-2/whole.json")),
    )
    done = openrs(*TINY, f"outputs={broken}")
    assert done.returncode == 0, done.stderr
    runs = only_run(whole), only_run(broken)
    one, other = (weights_hash(run / "train/checkpoint-4") for run in runs)
    assert one == other != weights_hash(runs[0] / "train/checkpoint-2")
    assert outcomes(runs[0]) == outcomes(runs[1]) != {}
    names = {path.name for path in (runs[0] / "train/checkpoint-4").glob("*.safetensors")}
    assert names == {"adapter_model.safetensors"}
    lines = (runs[0] / "train/metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["kl"] == 0  # the base is the model without its adapter
    assert json.loads(lines[-1])["kl"] > 0
    scores = [json.loads(p.read_text()) for p in runs[0].glob("eval/step-00004/*/seed-*-*.json")]
    assert [score["weights"] for score in scores] == [one]
    assert not (runs[0] / "merged").exists()
