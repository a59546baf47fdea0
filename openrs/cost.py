"""What runs cost: a ledger of every stage, and what a plan would take in hours, dollars and disk.

The ledger counts the wall time for which the devices were held, start-up included, as a bill does;
`train.json` counts the time of training steps alone.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

from openrs import models
from openrs.config.schema import Config, Hardware
from openrs.plan import Plan
from openrs.rates import Rate, Rates
from openrs.records.files import read_lines
from openrs.records.run import Run

LEDGER = "cost.jsonl"
BEAT_SECONDS = 60.0
"""The longest time between two entries of a stage: a killed process is billed to within so much, and to
within a tenth of its time."""


def devices(hardware: Hardware) -> int:
    """Devices that a stage holds; a machine without accelerators counts as one."""
    return max(1, hardware.devices * hardware.nodes)


@dataclass(frozen=True)
class Spent:
    """Device-hours and dollars; None where a price was unknown."""

    device_hours: float
    dollars: float | None
    wall_hours: float

    def __str__(self) -> str:
        money = "price unknown" if self.dollars is None else f"${self.dollars:.2f}"
        return f"{self.device_hours:.3g} device-hours, {money}"


@contextmanager
def spending(run: Run, hardware: Hardware, stage: str) -> Iterator[None]:
    """Keeps a line of the run's ledger while the stage lasts, whether it works or not.

    The line is written as the stage begins and anew while it lasts, so that a process killed outright is
    billed too, and a budget sees what is being spent.
    """
    ended = Event()
    began, clock = datetime.now(UTC).isoformat(), time.monotonic()

    def write() -> None:
        seconds = time.monotonic() - clock
        hours = seconds * devices(hardware) / 3600
        price = hardware.price_per_device_hour
        line = {
            "stage": stage,
            "began": began,
            "seconds": round(seconds, 3),
            "hardware": hardware.name,
            "devices": devices(hardware),
            "price_per_device_hour": price,
            "device_hours": hours,
            "dollars": None if price is None else hours * price,
        }
        with (run.folder / LEDGER).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def beat() -> None:
        while not ended.wait(min(BEAT_SECONDS, max(1.0, (time.monotonic() - clock) / 10))):
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


def ledger(folder: Path) -> list[dict[str, Any]]:
    """One line a stage that a process began: what it last wrote."""
    lines = read_lines(folder / LEDGER)
    return list({(line["stage"], line["began"]): line for line in lines}.values())


def spent(folder: Path, stage: str = "") -> Spent | None:
    """What the ledger of a run's folder sums to, of the stages whose name starts so; None: no entry."""
    lines = [line for line in ledger(folder) if line["stage"].startswith(stage)]
    if not lines:
        return None
    dollars = [line["dollars"] for line in lines]
    return Spent(
        sum(line["device_hours"] for line in lines),
        None if None in dollars else sum(dollars),
        sum(line["seconds"] for line in lines) / 3600,
    )


def describe(plan: Plan) -> Iterator[str]:
    """What is left to do, in hours, money and disk, for a person."""
    config = plan.config
    if (past := spent(plan.run.folder)) is not None:
        yield f"  spent     {past}"
    hours, rates = 0.0, Rates()
    known = True
    if plan.must_train:
        done = 0 if "train" in config.force else plan.trained_to
        steps, rate = config.stop_at - done, rates.step(config)
        known = rate is not None
        hours += steps * rate.seconds / 3600 if rate else 0.0
        yield "  train     " + _estimate(steps, "steps", rate)
    missing = sum(
        len(plan.problems[cell.benchmark]) for step in config.checkpoints for cell in plan.missing(step)
    )
    if missing:
        rate = rates.problem(config)
        known = known and rate is not None
        hours += missing * rate.seconds / 3600 if rate else 0.0
        yield "  evaluate  " + _estimate(missing, "problems", rate)
    if known and hours:
        held, price = hours * devices(config.hardware), config.hardware.price_per_device_hour
        money = "hardware.price_per_device_hour is unknown" if price is None else f"${held * price:.2f}"
        yield f"  estimate  {hours:.3g} h, {held:.3g} device-hours, {money}"
    if plan.mix is not None:
        yield f"  disk      {_disk(plan)}"


def _estimate(number: int, unit: str, rate: Rate | None) -> str:
    if rate is None:
        return f"{number} {unit} to go, of unknown time (none like them was measured or published)"
    hours = number * rate.seconds / 3600
    return f"{number} {unit} to go, {hours:.3g} h at {rate.seconds:.3g} s each ({rate.source})"


def disk(config: Config, number: int) -> tuple[int, int, int]:
    """Checkpoints to be saved, bytes of each one's weights, bytes of the newest one's optimizer state.

    DeepSpeed in bf16 saves bf16 weights and keeps float32 masters with its two moments, ZeRO-2 the weights
    once more beside them (mp_rank_00_model_states.pt); the others save float32 weights and two moments, FSDP
    a second copy of the weights.

    Args:
        number: parameters of the model.
    """
    steps = config.steps
    saved = len({*range(steps.save_every, config.stop_at + 1, steps.save_every), config.stop_at} - {0})
    deepspeed = config.hardware.sharding in ("zero2", "zero3")
    weights = 2 if deepspeed and config.model.compute_dtype == "bfloat16" else 4
    state = {"ddp": 8, "zero2": 12 + weights}.get(config.hardware.sharding, 12)
    return saved, weights * number, state * number


def _disk(plan: Plan) -> str:
    number = models.parameters(plan.config.model)
    if number is None:
        return "unknown: model.parameters is not stated"
    saved, weights, state = disk(plan.config, number)
    return (
        f"{_size(saved * weights + state)}: {saved} checkpoints x {_size(weights)} of weights, "
        f"{_size(state)} of optimizer state for the newest (twice that while one is written)"
    )


def _size(number: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number / 1000:.3g} kB"
