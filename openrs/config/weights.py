"""The fields of a model that is named by its weights, instead of what an option says of other weights.

`model=PATH_OR_HUB_ID`, `model.id=...` and an experiment's `model: {id: ...}` name weights. Where they are not
those of the option around them, the option's package, file, parameters and title go, and title and context
are the weights' own.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from openrs.config.catalog import Shape
from openrs.errors import Mistake
from openrs.machine.hub_cache import hub_file
from openrs.paths import CONF, is_path, model_name

CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx")
"""What the configs of transformers call the longest sequence."""


def bind(tree: DictConfig) -> DictConfig:
    """The tree with the fields of the weights that it names; the same tree where an option names them.

    A folder has one spelling, its absolute path, as the id is part of what a run is.

    Raises:
        Mistake: the weights' config.json cannot be read, and model.context is not stated.
    """
    model = tree.model
    option = _inherited(OmegaConf.to_container(model))
    tree = tree.copy() if option or _folder(model) != model.id else tree
    if option is not None:
        _describe_anew(tree, option)
    if _folder(tree.model) != tree.model.id:
        with read_write(tree):
            tree.model.id = _folder(tree.model)
    return tree


def _folder(model: DictConfig) -> str:
    """The id of a model, where it is a folder its absolute path."""
    folder = model.package is None and Path(model.id).is_dir()
    return os.path.abspath(model.id) if folder else str(model.id)


def _describe_anew(tree: DictConfig, option: dict[str, Any]) -> None:
    """Takes away what an option says of other weights, and states what these say of themselves."""
    with read_write(tree), open_dict(tree):
        node = tree.model
        own = next((item for item in _options() if item["id"] == node.id), {})
        for field in ("package", "file", "parameters", "shape", "gated"):
            if node[field] == option.get(field):
                node[field] = own.get(field, False if field == "gated" else None)
        if node.title == option["title"]:
            node.title = own.get("title", model_name(node.id))
        if node.context == option["context"] and not _stated("model.context"):
            served = tree.engine.kind == "server" and tree.untrained
            node.context = own.get("context") or _context(node.id, node.revision, option["context"], served)


def _inherited(model: Any) -> dict[str, Any] | None:
    """The option of conf/model that says something of a model with another id."""
    for option in _options():
        packaged = model["package"] is not None and model["package"] == option.get("package")
        if option["id"] != model["id"] and (option["title"] == model["title"] or packaged):
            return option
    return None


def _stated(field: str) -> bool:
    """Whether the command line gives a field."""
    if not HydraConfig.initialized():
        return False
    return any(line.lstrip("+").startswith(f"{field}=") for line in HydraConfig.get().overrides.task)


@cache
def _options() -> tuple[dict[str, Any], ...]:
    options = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(CONF.glob("model/*.yaml"))]
    return tuple(
        option | ({"shape": Shape(**option["shape"])} if "shape" in option else {}) for option in options
    )


def _context(id_: str, revision: str | None, inherited: int, served: bool) -> int:
    """The longest sequence of these weights.

    Args:
        inherited: of the option. It holds where a server has the weights and nothing here can tell, and for a
            folder that is not there, which the checks refuse.
    """
    file = _config(id_, revision)
    if file is None and (served or is_path(id_)):
        return inherited
    if file is None:
        raise Mistake(
            f"model={id_}: its config.json is neither here nor to be fetched, so its context is not "
            "known. Check the id and the network, or state model.context=TOKENS."
        )
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Mistake(
            f"model={id_}: the folder holds no config.json, so it is no model. {_meant(Path(id_))}."
        ) from error
    except (OSError, ValueError) as error:
        raise Mistake(f"{file}: cannot be read as JSON ({error}). Put the file back from a copy.") from error
    try:
        return next(int(config[name]) for name in CONTEXT if name in config)
    except (ValueError, TypeError, StopIteration) as error:
        raise Mistake(
            f"model={id_}: {file} states no context (none of {', '.join(CONTEXT)}). Give the folder of a "
            "model as `save_pretrained` writes it, or state model.context=TOKENS."
        ) from error


def _meant(folder: Path) -> str:
    """The folder of weights to give instead: of a run its newest checkpoint. Markers of whole checkpoints
    belong to `records`, which this room cannot read, so the folder's config.json has to do."""
    numbered = {
        int(path.name.removeprefix("checkpoint-")): path
        for path in folder.glob("train/checkpoint-*")
        if path.name.removeprefix("checkpoint-").isdigit() and (path / "config.json").is_file()
    }
    if numbered:
        return f"It is a run, whose newest weights are model={numbered[max(numbered)]}"
    return "Give the folder of a model as `save_pretrained` writes it"


@cache
def _config(id_: str, revision: str | None) -> Path | None:
    """config.json of a folder, of the Hub's cache, or of the Hub; None where none of them has it."""
    folder = Path(id_)
    if folder.is_dir():
        return folder / "config.json"
    return None if is_path(id_) else hub_file(id_, "config.json", revision)
