"""A folder of weights as files, read without torch: what is wrong with it, and the hash that names it."""

import hashlib
import json
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"
"""Names the file of each tensor where weights are too many for one file."""

ADAPTER_CONFIG = "adapter_config.json"
"""Beside an adapter's own weights, in the place of a model's config.json."""

SLICES, SLICE = 32, 1 << 13
"""A hash reads so many slices of a file, evenly spread, of so many bytes: reading all of 3 GB takes long, and
an optimizer step changes weights in all layers."""


def weights_fault(folder: Path) -> str | None:
    """What is wrong with a folder of weights, as a clause that begins with the folder or file.

    A file is looked at for what a crash, a full disk or a copy that broke off leave behind: it is missing,
    or shorter than its own header says.
    """
    if not folder.is_dir():
        return f"{folder}: is not there"
    config = folder / (ADAPTER_CONFIG if is_adapter(folder) else "config.json")
    try:
        if not isinstance(json.loads(config.read_bytes()), dict):
            return f"{config}: is no JSON object"
        files = _files(folder)
    except (OSError, ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        return f"{folder}: its config or its index cannot be read ({error})"
    if not files:
        return f"{folder}: holds no weights (no *.safetensors)"
    for file in files:
        if not file.is_file():
            return f"{file}: is not there"
        if file.suffix == ".safetensors" and (fault := _torn(file)):
            return f"{file}: {fault}"
    return None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, which stands beside the weights of another folder."""
    return (folder / ADAPTER_CONFIG).exists()


def _files(folder: Path) -> list[Path]:
    """The files of the weights: those that the index names, or all that there are."""
    if (index := folder / INDEX).exists():
        return [folder / name for name in sorted(set(json.loads(index.read_bytes())["weight_map"].values()))]
    return sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])


def _torn(file: Path) -> str | None:
    size = file.stat().st_size
    try:
        tensors = header(file)
        length = max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
    except (OSError, ValueError, RecursionError, struct.error, KeyError, IndexError, TypeError):
        return f"its header cannot be read ({size} bytes in all)"
    with file.open("rb") as content:
        needed = 8 + struct.unpack("<Q", content.read(8))[0] + length
    return None if size == needed else f"has {size} bytes, and its header says {needed}"


def header(file: Path) -> dict[str, Any]:
    """Name -> dtype, shape and place of each tensor: a file begins with eight bytes of length, then JSON."""
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        tensors: dict[str, Any] = json.loads(content.read(min(length, file.stat().st_size)))
    tensors.pop("__metadata__", None)
    return tensors


def weights_hash(folder: Path) -> str:
    """Names the weights in a folder: SHA-256 of names, sizes and slices of their files; "" without any."""
    states = [(file, file.stat()) for file in sorted(folder.glob("*.safetensors"))]
    return _hash(tuple((str(file), state.st_size, state.st_mtime_ns) for file, state in states))


@lru_cache(maxsize=4096)  # plans and views ask often
def _hash(files: tuple[tuple[str, int, int], ...]) -> str:
    hashed = hashlib.sha256()
    for path, size, _ in files:
        hashed.update(f"{Path(path).name} {size} ".encode())
        with Path(path).open("rb") as content:
            for number in range(SLICES):
                content.seek(number * max(0, size - SLICE) // (SLICES - 1))
                hashed.update(content.read(SLICE))
    return hashed.hexdigest() if files else ""
