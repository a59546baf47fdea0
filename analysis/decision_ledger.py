"""A file that splits one level over a stated number of decisions, so that a loop of them errs no more often.

Each decision is tested at alpha / decisions (Bonferroni), whatever came before: a loop in which no change
makes a difference keeps one with chance alpha at most.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.records.files import numbered_lines

ALPHA = 0.05


@dataclass(frozen=True)
class DecisionLedger:
    """What the file states, and the decisions that it holds."""

    path: Path
    decisions: int
    entries: tuple[dict[str, Any], ...]

    @property
    def level(self) -> float:
        """The level of each decision."""
        return ALPHA / self.decisions

    def add(self, entry: dict[str, Any]) -> None:
        """Writes a decision; the same runs compared again are the same decision.

        Raises:
            Mistake: all decisions were made.
        """
        if any(old["runs"] == entry["runs"] for old in self.entries):
            return
        if len(self.entries) >= self.decisions:
            raise Mistake(
                f"ledger={self.path}: all {self.decisions} decisions that share its level were made. Begin a "
                "new ledger, and report both."
            )
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def opened(path: Path, decisions: int | None) -> DecisionLedger:
    """The ledger in a file, which is begun where there is none.

    Raises:
        Mistake: its number of decisions is not stated, or is another one; a line cannot be read.
    """
    if not path.exists():
        if decisions is None or decisions < 1:
            raise Mistake(
                f"ledger={path}: a new ledger needs the number of decisions that share its level of {ALPHA}. "
                "Give --decisions N, 1 or more."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"alpha": ALPHA, "decisions": decisions}) + "\n", encoding="utf-8")
        return DecisionLedger(path, decisions, ())
    lines = list(numbered_lines(path))
    for number, line in lines:
        needed = "decisions" if number == 1 else "runs"
        if line is None or needed not in line:
            raise Mistake(
                f"ledger={path}, line {number}: is no line of a ledger of decisions. Mend it, or give "
                "another file."
            )
    stated = int(lines[0][1]["decisions"]) if lines and lines[0][1] else 0
    if stated < 1 or decisions not in (None, stated):
        raise Mistake(
            f"decisions={decisions}: the ledger {path} splits its level over {stated}. Leave --decisions "
            "out, or begin another ledger."
        )
    return DecisionLedger(path, stated, tuple(line for _, line in lines[1:] if line))
