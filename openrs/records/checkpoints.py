"""What training leaves in a run's train/ folder, read without importing torch.

A checkpoint counts once its marker is there, which names every file with its size and a hash. The state that
going on needs, larger than the weights, is kept for the two newest: a broken newest one does not cost the
run. Where a command was interrupted off the save grid, its checkpoint is a place to go on from and nothing
else.
"""

import json
import os
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import xxhash

from openrs.records.files import grant_umask, write_record

WHOLE = "whole.json"
"""Marker written into a checkpoint after everything else: without it the checkpoint is half-written."""

OPTIMIZER_STATE = (
    *("optimizer.pt", "scheduler.pt", "rng_state*.pth", "scaler.pt"),
    *("global_step*", "latest", "zero_to_*.py"),  # DeepSpeed's folder of shards, and what points to it
    *("optimizer.bin", "optimizer_*", "pytorch_model_fsdp*"),  # FSDP's state and its second copy of weights
)
"""What only going on needs."""

PUSHED = "pushed.json"
"""A checkpoint's record of its push to the Hub."""

PRIVATE = (*OPTIMIZER_STATE, "trainer_state.json", "training_args.bin", WHOLE, PUSHED, "README.md")
"""Files of a checkpoint that nobody else loads: what only going on needs, pickles, openrs's markers."""

WITH_STATE = 2
"""Checkpoints, the newest, that keep their optimizer state."""

BLOCK, BLOCKS = 2**20, 64
"""Of a larger file that many blocks, evenly spread from its first to its last byte, are hashed."""


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step belongs in a run's folder."""
    return run / "train" / f"checkpoint-{step}"


def whole_checkpoints(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint that was written to the end, on the save grid or as a last one."""
    return {step: path for step, path in places(folder).items() if not interrupted(path)}


def places(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint that was written to the end, those of interruptions too."""
    steps = {path: _step(path) for path in folder.glob("checkpoint-*")}
    return {step: path for path, step in steps.items() if step is not None}


def interrupted(checkpoint: Path) -> bool:
    """Whether the checkpoint is there only because a command was interrupted."""
    return bool(_marker(checkpoint).get("interrupted"))


def _marker(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint's marker holds; nothing where it has no readable one."""
    try:
        marker = json.loads((checkpoint / WHOLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files = marker.get("files", {}) if isinstance(marker, dict) else None
    named = isinstance(files, dict) and all(
        isinstance(saved, dict) and {"size", "hash"} <= saved.keys() for saved in files.values()
    )
    return marker if named else {}


def _step(checkpoint: Path) -> int | None:
    """The step that a checkpoint's marker states; None where it has no readable one of its own."""
    try:
        step = int(_marker(checkpoint)["step"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return step if checkpoint.name == f"checkpoint-{step}" else None


def illegible(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint that was written to the end and whose marker says nothing now."""
    damaged = [path for path in folder.glob("checkpoint-*") if _has_marker(path) and _step(path) is None]
    numbers = {path: path.name.removeprefix("checkpoint-") for path in damaged}
    return {int(number): path for path, number in numbers.items() if number.isdecimal()}


def _has_marker(checkpoint: Path) -> bool:
    return os.path.lexists(checkpoint / WHOLE)


def mark_whole(checkpoint: Path, step: int, *, interrupted: bool = False) -> None:
    """Writes the marker of a checkpoint whose files are all there."""
    grant_umask(checkpoint)
    names = (path.relative_to(checkpoint).as_posix() for path in checkpoint.rglob("*") if path.is_file())
    files = {name: _contents(checkpoint / name) for name in sorted(names) if name != WHOLE}
    write_record(checkpoint / WHOLE, {"step": step, "interrupted": interrupted, "files": files})


def keep(checkpoint: Path) -> None:
    """Makes an interruption's checkpoint one like all others, as its step was asked for."""
    if interrupted(checkpoint):
        write_record(checkpoint / WHOLE, _marker(checkpoint) | {"interrupted": False})


def _contents(path: Path) -> dict[str, Any]:
    """Size and hash of a file."""
    size, hashed = path.stat().st_size, xxhash.xxh3_128()
    with path.open("rb") as file:
        if size <= BLOCK * BLOCKS:
            hashed.update(file.read())
        else:
            for number in range(BLOCKS):
                file.seek((size - BLOCK) * number // (BLOCKS - 1))
                hashed.update(file.read(BLOCK))
    return {"size": size, "hash": hashed.hexdigest()}


def damage(checkpoint: Path) -> str:
    """What of a checkpoint is not as it was saved, in words; nothing where all is.

    State that is not there may have been freed, and is no damage. Markers of older versions name no files.
    """
    for name, saved in _marker(checkpoint).get("files", {}).items():
        path = checkpoint / name
        if not path.exists():
            if _is_state(name):
                continue
            return f"{name} is missing"
        try:
            contents = _contents(path)
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
        if contents["size"] != saved["size"]:
            return f"{name} has {contents['size']} of {saved['size']} bytes"
        if contents != saved:
            return f"{name} is not what was saved"
    return ""


def missing_state(checkpoint: Path, processes: int, sharding: str) -> list[str]:
    """What going on needs and the checkpoint does not have, as names or patterns of files.

    transformers starts what it does not find anew, without a word: Adam, the schedule, random numbers.

    Args:
        processes: how many wrote the checkpoint; each has a random state, and under ZeRO a shard.
        sharding: how they shared the optimizer's state.
    """
    ranks = range(processes)
    needed = ["trainer_state.json"]
    needed += ["rng_state.pth"] if processes == 1 else [f"rng_state_{rank}.pth" for rank in ranks]
    if sharding in ("zero2", "zero3"):
        shard = "global_step*/*zero_pp_rank_{}_mp_rank_00_optim_states.pt"
        needed += ["latest", *(shard.format(rank) for rank in ranks)]
    else:
        needed += ["scheduler.pt", "optimizer.bin" if sharding == "fsdp2" else "optimizer.pt"]
    missing = [pattern for pattern in needed if not any(checkpoint.glob(pattern))]
    named = _marker(checkpoint).get("files", {})
    return missing + [name for name in named if name not in missing and not (checkpoint / name).exists()]


def _is_state(name: str) -> bool:
    return any(fnmatch(name.split("/")[0], pattern) for pattern in OPTIMIZER_STATE)


def published(checkpoint: Path) -> list[Path]:
    """The files of a checkpoint that others load: weights, config and tokenizer."""
    files = [path for path in sorted(checkpoint.iterdir()) if path.is_file()]
    return [path for path in files if not any(path.match(pattern) for pattern in PRIVATE)]


def remove_torn(folder: Path) -> None:
    """Removes checkpoints that were half-written when their process died."""
    for path in folder.glob("checkpoint-*"):
        if not _has_marker(path):
            shutil.rmtree(path)


def free_what_is_passed(folder: Path) -> None:
    """Removes interruptions' checkpoints that are not the newest of all, and older ones' optimizer state."""
    for path in dict(sorted(places(folder).items())[:-1]).values():
        if interrupted(path):
            (path / WHOLE).unlink()  # killed in the middle, this would leave a checkpoint that looks damaged
            shutil.rmtree(path)
    for _, path in sorted(whole_checkpoints(folder).items())[:-WITH_STATE]:
        for pattern in OPTIMIZER_STATE:
            for item in path.glob(pattern):
                shutil.rmtree(item) if item.is_dir() else item.unlink()
