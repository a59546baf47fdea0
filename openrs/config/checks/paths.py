"""Checks of the folders that a config names."""

import os
from pathlib import Path

from openrs.config.catalog import TABLES, BenchmarkData, Model, SourceData
from openrs.config.own_data import OWN
from openrs.config.schema import Config
from openrs.errors import refuse
from openrs.machine.hub_cache import COMMIT
from openrs.paths import is_path


def check(config: Config) -> None:
    """Checks that folders are named, and in full.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    if not config.outputs:
        refuse("outputs", "''", "names no folder", "Give one, as outputs=outputs")
    _outputs(Path(config.outputs))
    catalog = config.catalog
    entries: list[tuple[str, SourceData | BenchmarkData]]
    entries = [*catalog.sources.items(), *catalog.benchmarks.items()]
    if not catalog.root and "mirror" in (catalog.kind, *(entry.kind for _, entry in entries)):
        refuse(
            "catalog.root",
            catalog.root,
            "catalog=mirror reads <root>/<org>/<name>/<split>.jsonl or .parquet",
            "Give the folder, as catalog.root=/data/hub",
        )
    named = {"outputs": config.outputs, "catalog.root": catalog.root, "model": config.model.id}
    for name, entry in entries:
        group = "benchmarks" if isinstance(entry, BenchmarkData) else "sources"
        field = "data" if group == "sources" and name == OWN else f"catalog.{group}.{name}.id"
        if catalog.kind_of(entry) == "file":
            named[field] = entry.id
            if Path(entry.id).suffix.lower() not in TABLES:
                rule = (
                    f"is no id of a data set, as org/name, and a file of rows ends with {', '.join(TABLES)}"
                )
                refuse(field, entry.id, rule, "Give an id, or such a file")
            for part in ("split", "subset", "revision"):
                default = type(entry).__dataclass_fields__[part].default
                if (value := getattr(entry, part)) != default:
                    at = f"{field.removesuffix('.id')}.{part}"
                    refuse(at, value, f"{entry.id} is one file, and has none", "Leave it out")
    for field, path in named.items():
        if path is not None and path.startswith("~"):
            whole = Path(path).expanduser()
            refuse(
                field, path, "only a shell replaces a leading `~`", f"Give the whole path, as {field}={whole}"
            )
    _model(config)
    _commit(config)


def _outputs(folder: Path) -> None:
    """Checks that no part of the path of the outputs is a file, and nothing where they have a folder."""
    for path in (folder / "runs", folder / "sweeps", folder / "tables"):
        if os.path.lexists(path) and not os.path.isdir(path):
            refuse("outputs", folder, f"{path} is no folder", "Move it away, or give another path")
    for path in (folder, *folder.parents):
        if os.path.isdir(path):
            return
        if os.path.lexists(path):
            rule = "is no folder" if path == folder else f"cannot be made, because {path} is no folder"
            refuse("outputs", folder, rule, "Give another path, as outputs=outputs")


def _model(config: Config) -> None:
    """Checks that a folder of weights is there; a server may have it on another machine."""
    stated = config.model.id
    served = config.engine.kind == "server" and not config.trains
    if is_path(stated) and not served and not Path(stated).is_dir():
        refuse(
            "model",
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
