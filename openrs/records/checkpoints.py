"""What training leaves in a run's train/ folder, read without importing torch.

A checkpoint counts once its marker is there. Optimizer state is kept for the newest one alone.
"""

import json
import shutil
from pathlib import Path

WHOLE = "whole.json"
"""Marker written into a checkpoint after everything else: without it the checkpoint is half-written."""

OPTIMIZER_STATE = (
    *("optimizer.pt", "scheduler.pt", "rng_state*.pth", "scaler.pt"),
    *("global_step*", "latest", "zero_to_*.py"),  # DeepSpeed's folder of shards, and what points to it
    *("optimizer.bin", "optimizer_*", "pytorch_model_fsdp*"),  # FSDP's state and its second copy of weights
)
"""What only the newest checkpoint needs: it is larger than the weights."""


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step belongs in a run's folder."""
    return run / "train" / f"checkpoint-{step}"


def whole_checkpoints(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint that was written to the end."""
    steps = {path: _step(path) for path in folder.glob("checkpoint-*")}
    return {step: path for path, step in steps.items() if step is not None}


def _step(checkpoint: Path) -> int | None:
    """The step that a checkpoint's marker states; None where it has no readable one."""
    try:
        return int(json.loads((checkpoint / WHOLE).read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_torn(folder: Path) -> None:
    """Removes checkpoints that were half-written when their process died."""
    for path in folder.glob("checkpoint-*"):
        if _step(path) is None:
            shutil.rmtree(path)


def free_optimizer_state(folder: Path, *, before: int) -> None:
    """Removes the optimizer state of the whole checkpoints of earlier steps; their weights stay."""
    for step, path in whole_checkpoints(folder).items():
        if step < before:
            for pattern in OPTIMIZER_STATE:
                for item in path.glob(pattern):
                    shutil.rmtree(item) if item.is_dir() else item.unlink()
