"""metrics.jsonl: one line a logged training step."""

import json
from pathlib import Path
from typing import Any


def logged(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl, one per logged step; a torn last line is left out."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines
