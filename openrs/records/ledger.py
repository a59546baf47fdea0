"""What a run's stages cost: a line a stage in its ledger, `cost.jsonl`.

The ledger counts the wall time for which the devices were held, start-up included, as a bill does;
`train.json` counts the time of training steps alone.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from openrs.records import faults
from openrs.records.left_out import sound_lines

if TYPE_CHECKING:  # the schema imports the rewards, and a table reads ledgers alone
    from openrs.config.schema import Hardware

LEDGER = "cost.jsonl"
BEAT_SECONDS = 60.0
"""The longest time between two entries of a stage: a killed process is billed to within so much, and to
within a tenth of its time."""


def devices_held(devices: int, nodes: int = 1) -> int:
    """Devices that a stage holds on all nodes; a machine without accelerators counts as one device."""
    return max(1, devices * nodes)


def device_hours(seconds: float, devices: int, nodes: int = 1) -> float:
    """Hours of wall time x devices held."""
    return seconds * devices_held(devices, nodes) / 3600


@dataclass(frozen=True)
class Spent:
    """What stages took; dollars are None where a price was unknown."""

    device_hours: float
    dollars: float | None
    wall_hours: float

    @property
    def money(self) -> str:
        """The dollars for a person."""
        return "price unknown" if self.dollars is None else f"${self.dollars:.2f}"

    def __str__(self) -> str:
        return f"{self.device_hours:.3g} device-hours, {self.money}"


@contextmanager
def spending(folder: Path, hardware: "Hardware", stage: str) -> Iterator[None]:
    """Writes the stage's line in the ledger of a run's folder, whether the stage succeeds or fails.

    The line is written as the stage begins and anew while the stage lasts, so that a process killed
    outright is billed too, and a budget sees what is being spent.
    """
    ended = Event()
    began, clock = datetime.now(UTC).isoformat(), time.monotonic()

    def write() -> None:
        seconds = time.monotonic() - clock
        hours = device_hours(seconds, hardware.devices, hardware.nodes)
        price = hardware.price_per_device_hour
        line = {
            "stage": stage,
            "began": began,
            "seconds": round(seconds, 3),
            "hardware": hardware.name,
            "devices": devices_held(hardware.devices, hardware.nodes),
            "price_per_device_hour": price,
            "device_hours": hours,
            "dollars": None if price is None else hours * price,
        }
        with (folder / LEDGER).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def beat() -> None:
        while not ended.wait(min(BEAT_SECONDS, max(1.0, (time.monotonic() - clock) / 10))):
            with suppress(OSError):  # a full disk; the stage meets it too, and says so
                write()

    write()
    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        write()


def entries(folder: Path) -> list[dict[str, Any]]:
    """The newest line of every stage that a process began, from the ledger in a run's folder.

    A damaged line is named on standard error and left out.
    """
    lines = sound_lines(folder / LEDGER, faults.of_cost)
    return list({(line["stage"], line["began"]): line for line in lines}.values())


def spent(folder: Path, stage: str = "") -> Spent | None:
    """The sum over the stages whose name starts with `stage`; None where the ledger has no such entry."""
    lines = [line for line in entries(folder) if line["stage"].startswith(stage)]
    if not lines:
        return None
    dollars = [line["dollars"] for line in lines]
    return Spent(
        sum(line["device_hours"] for line in lines),
        None if None in dollars else sum(dollars),
        sum(line["seconds"] for line in lines) / 3600,
    )
