"""Offline runs of W&B, read back with W&B's own reader."""

import json
import subprocess
import sys
from pathlib import Path


def inspected(folder):
    """The records of the offline runs of W&B in a folder, in the order of their sessions: kind -> records."""
    sessions = []
    for file in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        records = [json.loads(line) for line in made.stdout.splitlines()]
        sessions.append({
            kind: [item[kind] for item in records if item["type"] == kind]
            for kind in ("run", "metric", "history", "summary")
        })  # fmt: skip
    return sessions


def rows(session):
    """What a session logged, without W&B's own values."""
    return [{k: v for k, v in item["item"].items() if k[0] != "_"} for item in session["history"]]
