"""Checks of the folders that a config names."""

from pathlib import Path

from openrs.config.catalog import Model
from openrs.config.schema import Config
from openrs.errors import refuse
from openrs.machine import COMMIT


def check(config: Config) -> None:
    """Checks that folders are named, and in full.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    if not config.outputs:
        refuse("outputs", "''", "names no folder", "Give one, as outputs=outputs")
    if config.catalog.kind == "mirror" and not config.catalog.root:
        refuse(
            "catalog.root",
            config.catalog.root,
            "catalog=mirror reads <root>/<org>/<name>/<split>.jsonl or .parquet",
            "Give the folder, as catalog.root=/data/hub",
        )
    named = {"outputs": config.outputs, "catalog.root": config.catalog.root, "model.id": config.model.id}
    for field, path in named.items():
        if path is not None and path.startswith("~"):
            whole = Path(path).expanduser()
            refuse(
                field, path, "only a shell replaces a leading `~`", f"Give the whole path, as {field}={whole}"
            )
    _model(config)
    _commit(config)


def is_path(id_: str) -> bool:
    """Whether a model's id can only be a path: the Hub's have the form org/name."""
    return id_.startswith(("/", "./", "../")) or id_.count("/") > 1


def _model(config: Config) -> None:
    """Checks that a folder of weights is there; a server may have it on another machine."""
    stated = config.model.id
    served = config.engine.kind == "server" and not config.trains
    if is_path(stated) and not served and not Path(stated).is_dir():
        refuse(
            "model.id",
            stated,
            "is a path, and no folder is there",
            "Give a folder as `save_pretrained` writes it, a Hub id as org/name, or an option, as "
            "model=smollm2",
        )


def is_hub_id(model: Model) -> bool:
    """Whether a model is loaded by its Hub id, and not from a package or a folder."""
    return model.package is None and not is_path(model.id) and not Path(model.id).is_dir()


def _commit(config: Config) -> None:
    """Checks that a commit is one, of a Hub model."""
    commit = config.model.commit
    if commit is None:
        return
    if not is_hub_id(config.model):
        refuse("model.commit", commit, f"{config.model.title} is no model of the Hub", "Leave it out")
    if not COMMIT.fullmatch(commit):
        refuse(
            "model.commit",
            commit,
            "a commit has 40 hex digits",
            "Give all of them; a branch, a tag or a part of a commit is model.revision=NAME",
        )
