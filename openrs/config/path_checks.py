"""Checks of the folders that a config names."""

from pathlib import Path

from openrs.config.schema import Config
from openrs.errors import refuse


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
