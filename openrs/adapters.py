"""LoRA and DoRA: the layers that they stand beside, what they train, and checkpoints of them as whole weights.

A checkpoint of an adapter holds the small matrices alone. Merged into the base model's weights in float32,
they are one file of weights as any other, which every engine casts once: added up in bfloat16, most of a small
update is rounded away.
"""

from difflib import get_close_matches
from pathlib import Path

from openrs.config.catalog import Model
from openrs.config.path_checks import is_hub_id
from openrs.config.schema import Config
from openrs.errors import refuse
from openrs.models import parameters, shapes, shapes_in
from openrs.records.files import read_record, write_record
from openrs.records.weights import ADAPTER_CONFIG

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
    linear = _linear(shapes_in(folder) if folder else shapes(config.model))
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
    linear = _linear(shapes(config.model))
    if linear is None:
        return None
    beside = [shape for name, shape in linear.items() if any(_matches(name, m) for m in adapter.modules)]
    lengths = sum(rows for rows, _ in beside) if adapter.name == "dora" else 0
    return adapter.rank * sum(rows + columns for rows, columns in beside) + lengths


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
