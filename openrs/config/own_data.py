"""Data of one's own becomes entries of the catalog: what `data=PATH_OR_HUB_ID` names, and what
evaluation.benchmarks names that is no entry yet (a file, a data set of the Hub, a task of lighteval's).
"""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from openrs.config.catalog import LIGHTEVAL, BenchmarkData, Columns, SourceData, is_table
from openrs.errors import refuse

OWN = "own"
"""The source and the draw of conf/data/own.yaml. Its name is part of a recipe, so it never follows a path:
the same rows are the same run, wherever they lie."""


def bind(tree: DictConfig) -> DictConfig:
    """The tree, to which these entries are added in place: a copy takes longer than all of the checks.

    Raises:
        Mistake: an entry of this name is bound to other data.
    """
    with read_write(tree), open_dict(tree):
        _source(tree)
        evaluation, entries = tree.evaluation, tree.catalog.benchmarks
        names = [_benchmark(entries, str(name)) for name in evaluation.benchmarks]
        evaluation.benchmarks = names
        for name in names:
            if name in entries and name not in evaluation.num_seeds:
                evaluation.num_seeds[name] = 1
        for name, entry in entries.items():
            if not entry.title:
                id_ = name if OmegaConf.is_missing(entry, "id") else str(entry.id)
                task, _, shots = id_.removeprefix(LIGHTEVAL).partition("|")
                entry.title = name if task == id_ else f"{task} {shots}-shot" if shots else task
    return tree


def _source(tree: DictConfig) -> None:
    """Binds the source of `data.id`."""
    id_ = tree.data.id
    if id_ is None:
        return
    bound = tree.catalog.sources.get(OWN)
    if bound is not None and bound.id != id_:
        at = f"catalog.sources.{OWN}.id"
        refuse(at, bound.id, f"data={id_} binds the source {OWN}", "Give the other source another name")
    columns = {field.name: tree.data[field.name] for field in fields(Columns)}
    for field in fields(Columns) if bound is not None else ():
        if (value := bound[field.name]) not in (field.default, columns[field.name]):
            at, rule = f"catalog.sources.{OWN}.{field.name}", f"data={id_} has its columns under data"
            refuse(at, value, rule, f"Say data.{field.name}={value}")
    kind = None if bound is None else bound.kind
    tree.catalog.sources[OWN] = OmegaConf.structured(SourceData(id=id_, kind=kind, **columns))


def field_of(source: str) -> str:
    """Where a source's rows and columns are stated, as `catalog.sources.NAME`."""
    return "data" if source == OWN else f"catalog.sources.{source}"


def name_of(stated: str) -> str:
    """The name in the catalog of what evaluation.benchmarks states: an entry's, or a path's or id's own."""
    if stated.startswith(LIGHTEVAL):
        return re.sub(r"\W", "_", stated)
    return Path(stated).stem if is_table(stated) else stated.rpartition("/")[2]


def _benchmark(entries: Any, stated: str) -> str:
    """The name of a benchmark's entry, which is added where a path or an id is stated instead."""
    name = name_of(stated)
    if stated in entries or name == stated:
        return stated
    if name not in entries:
        entries[name] = OmegaConf.structured(BenchmarkData(id=stated))
    elif OmegaConf.is_missing(entries[name], "id"):  # its columns are stated
        entries[name].id = stated
    elif entries[name].id != stated:
        rule = f"catalog.benchmarks.{name} is {entries[name].id} already"
        remedy = f"Give it another name, as 'catalog.benchmarks.mine={{id: {stated}}}'"
        refuse("evaluation.benchmarks", stated, rule, remedy)
    return name
