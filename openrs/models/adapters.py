"""LoRA and DoRA: the layers that they stand beside, what they train, their checkpoints as whole weights.

A checkpoint of an adapter holds the small matrices alone. Merged into the base model's weights in float32,
they are one file of weights as any other, which every engine casts once: added up in bfloat16, most of a
small update is rounded away.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from openrs.config.catalog import Model, Shape
from openrs.config.checks.paths import is_hub_id
from openrs.config.schema import Config
from openrs.errors import Mistake, Unfit, refuse
from openrs.models.files import fingerprint, loadable, parameters, shape, shapes, shapes_in
from openrs.records.checkpoints import published, whole_checkpoints
from openrs.records.files import grant_umask, read_record, write_record
from openrs.records.weights import ADAPTER_CONFIG, is_adapter, weights_fault, weights_hash

MERGED = "merged"
"""Folder of a run with whole weights of adapters, while they are measured."""
SOURCE = "merged.json"
"""Beside merged weights, names the adapter's."""

NOT_INSIDE = ("embed", "lm_head", "wte", "wpe")
"""Parts of the names of matrices that are no linear layer inside the model. TRL reads the output layer's
weights itself, past an adapter on it."""


def check(config: Config, folder: Path | None = None) -> None:
    """Checks that the model has the layers that its adapter names: PEFT trains the others without a word.

    Args:
        folder: of the model's weights; None: where they are on this machine, if they are.

    Raises:
        Mistake: it does not have one of them; with the nearest.
    """
    linear = _linear(shapes_in(folder) if folder else _shapes(config.model))
    if config.adapter is None or config.untrained or linear is None:
        return
    for module in config.adapter.modules:
        if not any(_matches(layer, module) for layer in linear):
            ends = dict.fromkeys(layer.rpartition(".")[2] for layer in linear)
            close = get_close_matches(module, ends, 3) or list(ends)
            rule = f"{config.model.title} has no linear layer of this name inside"
            refuse("adapter.modules", f"[{module}]", rule, f"Give {' or '.join(close)}")


def trainable(config: Config) -> int | None:
    """Weights that training changes: all, or the adapter's; None: unknown."""
    if (adapter := config.adapter) is None:
        return parameters(config.model)
    linear = _linear(_shapes(config.model))
    if linear is None:
        return None
    beside = [shape for name, shape in linear.items() if any(_matches(name, m) for m in adapter.modules)]
    lengths = sum(rows for rows, _ in beside) if adapter.name == "dora" else 0
    return adapter.rank * sum(rows + columns for rows, columns in beside) + lengths


def _shapes(model: Model) -> dict[str, list[int]] | None:
    """Name -> shape of each tensor of a model by its weights, or of its linear layers by its sizes; None:
    unknown."""
    return shapes(model) or by_shape(shape(model))


def by_shape(sizes: Shape | None) -> dict[str, list[int]] | None:
    """Name -> shape of each linear layer inside a model of these sizes."""
    if sizes is None:
        return None
    numbers = range(sizes.layers)
    return {f"model.layers.{n}.{name}.weight": rows for n in numbers for name, rows in sizes.linear.items()}


def _linear(tensors: dict[str, list[int]] | None) -> dict[str, list[int]] | None:
    """Name -> rows and columns of each linear layer inside a model."""
    return tensors and {
        name.removesuffix(".weight"): shape
        for name, shape in tensors.items()
        if name.endswith(".weight") and len(shape) == 2 and not any(part in name for part in NOT_INSIDE)
    }


def _matches(layer: str, module: str) -> bool:
    """Whether a module's name is a layer's or its end, as PEFT reads it."""
    return layer == module or layer.endswith(f".{module}")


def name_base(checkpoint: Path, model: Model) -> None:
    """States in a checkpoint what its adapter stands beside, where others can load that: PEFT writes the
    folder that the weights were in, of this machine.

    openrs itself reads it in the run's record. Checkpoints of whole weights stay as they are.
    """
    file = checkpoint / ADAPTER_CONFIG
    if (config := read_record(file)) is None:
        return
    on_hub = is_hub_id(model)
    stated = {"base_model_name_or_path": model.id, "revision": model.loaded_revision}
    write_record(file, config | (stated if on_hub else dict.fromkeys(stated)))
    (checkpoint / "README.md").unlink(missing_ok=True)  # PEFT's, with the same folder in it


@contextmanager
def whole(run: Path, checkpoint: Path, base: str, revision: str | None) -> Iterator[str]:
    """A checkpoint as a folder of whole weights that every engine loads: its own, or the merged adapter's.

    Merged weights are made once. They stay where the block ends with an error, as a server may have to be
    started with them first, and are removed where it does not.

    Args:
        run: the run's folder, which this process holds.
        base: folder or Hub id of the weights that the adapter stands beside.
        revision: of a Hub id; None for a folder.
    """
    if not is_adapter(checkpoint):
        yield str(checkpoint)
        return
    folder, source = run / MERGED / checkpoint.name, {"adapter": weights_hash(checkpoint)}
    for died in folder.parent.glob(f".{folder.name}.[0-9]*"):
        shutil.rmtree(died)
    if read_record(folder / SOURCE) != source or weights_fault(folder):
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or of an adapter that was trained anew since
        write_whole(checkpoint, base, revision, folder, source)
    yield str(folder)
    shutil.rmtree(folder)
    with suppress(OSError):  # those of another checkpoint are there
        folder.parent.rmdir()


def write_whole(
    checkpoint: Path, base: str, revision: str | None, target: Path, source: dict[str, str] | None = None
) -> None:
    """Writes a checkpoint as whole weights, with its tokenizer, all at once: an adapter merged in float32.

    Args:
        base: as of `whole`; not read for whole weights.
        target: a folder that is not there yet.
        source: what names the adapter, to be kept beside the weights.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        if is_adapter(checkpoint):
            _merge(checkpoint, base, revision, partial)
        for file in published(checkpoint):
            if not (is_adapter(checkpoint) and file.name.startswith("adapter_")):
                shutil.copyfile(file, partial / file.name)
        if source is not None:
            write_record(partial / SOURCE, source)
        grant_umask(partial)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _merge(checkpoint: Path, base: str, revision: str | None, target: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, revision=revision or "main", dtype=torch.float32)
    adapted: Any = PeftModel.from_pretrained(model, str(checkpoint), torch_device="cpu")
    adapted.merge_and_unload().save_pretrained(target)


def export(run: Path, step: int, target: Path) -> None:
    """Writes a checkpoint of a run as a folder of whole weights that transformers and vLLM load.

    Raises:
        Mistake: there is no such run or step, its weights or those of its base model are damaged or others
            than they were, or the target is there.
    """
    record = read_record(run / "run.json")
    if record is None:
        raise Mistake(f"{run}: holds no run (no run.json). Give a run's folder, as outputs/runs/NAME-ID.")
    saved = whole_checkpoints(run / "train")
    if step not in saved:
        steps = ", ".join(map(str, sorted(saved))) or "none"
        raise Mistake(f"--step {step}: {run} has no checkpoint of this step (it has {steps}).")
    if target.exists():
        raise Mistake(f"--to {target}: is there already, and nothing is overwritten. Give another folder.")
    if fault := weights_fault(saved[step]):
        raise Mistake(f"{fault}. Put it back from a copy, or export another step.")
    if not is_adapter(saved[step]):
        return write_whole(saved[step], "", None, target)
    if find_spec("peft") is None:
        raise Unfit(f"{saved[step]}: holds an adapter, and package peft merges it. Install openrs[lora].")
    model, models = Model(**record["config"]["model"]), run.absolute().parents[1] / "models"
    if fingerprint(model, models) != record["recipe"]["model"]["weights"]:
        raise Mistake(f"{model.id}: is no longer what {run.name} was trained from. Put those weights back.")
    write_whole(saved[step], loadable(model, models), model.loaded_revision, target)
