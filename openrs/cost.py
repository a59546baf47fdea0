"""What runs cost: a ledger of every stage, and what a plan would take in hours, dollars and disk.

The ledger counts the wall time for which the devices were held, start-up included, as a bill does;
`train.json` counts the time of training steps alone.
"""

import json
import statistics
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

from openrs import models, scores
from openrs.checkpoints import logged
from openrs.config import Config, Hardware, Model
from openrs.mistake import Mistake
from openrs.plan import Plan
from openrs.run import Run, read_record

LEDGER = "cost.jsonl"
BEAT_SECONDS = 60.0
"""A killed process is billed to within so much."""

PUBLISHED_STEP_SECONDS = 24 * 3600 / 500
"""24 hours for 500 steps on 4 x A40: arXiv 2503.16219, abstract and Table 2."""
PAPERS_PARAMETERS = 1_777_088_000
"""Of DeepSeek-R1-Distill-Qwen-1.5B, to which the published times belong, and of what is trained from it."""
PUBLISHED_EVALUATION_SECONDS = 2.2 * 3600 / 1517
"""2.2 hours a model on one GPU for the 1,517 problems of five benchmarks: the published evaluation logs."""


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

    The line is written anew every `BEAT_SECONDS`, so that a process killed outright is billed too.
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
        while not ended.wait(BEAT_SECONDS):
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
    lines = logged(folder / LEDGER)
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


@dataclass(frozen=True)
class Rate:
    """Seconds for one unit of work, and where the figure is from."""

    seconds: float
    source: str


def step_rate(config: Config) -> Rate | None:
    """Seconds for a training step: the median of past steps like these, else the paper's; or None.

    Like these: the same model, token cap, batch and hardware option in this outputs folder.
    """
    found: list[float] = []
    for folder, past in _past_runs(config):
        same = (
            past["length"]["completion"] == config.length.completion
            and past["algorithm"]["prompts_per_step"] == config.algorithm.prompts_per_step
            and past["algorithm"]["group_size"] == config.algorithm.group_size
        )
        segments = (read_record(folder / "train.json") or {"segments": []})["segments"]
        hardware = {segment["hardware"] for segment in segments} or {past["hardware"]["name"]}
        if same and hardware == {config.hardware.name}:
            found += [line["step_seconds"] for line in logged(folder / "train" / "metrics.jsonl")]
    if found:
        return Rate(statistics.median(found), f"median of {len(found)} steps in {config.outputs}")
    if config.hardware.name == "a40x4" and _is_papers(config.model):
        return Rate(PUBLISHED_STEP_SECONDS, "published: 24 h for 500 steps on 4 x A40")
    return None


def problem_rate(config: Config) -> Rate | None:
    """Seconds for one evaluation problem and seed: from past scores like these, else published; or None.

    Like these: the same model, cap on new tokens and hardware option in this outputs folder. Copies of the
    weights share the problems; published time is scaled to other numbers of parameters, as decoding reads
    each weight for each token.
    """
    seconds, problems, copies = 0.0, 0, config.evaluation_copies
    for folder, past in _past_runs(config):
        if past["hardware"]["name"] != config.hardware.name:
            continue
        for score in scores.read_all(folder):
            if score.settings.get("max_new_tokens") == config.evaluation.max_new_tokens:
                seconds += score.seconds * _copies(past) / copies
                problems += score.n
    if problems:
        return Rate(seconds / problems, f"mean of {problems} problems in {config.outputs}")
    number, working = parameters(config.model), copies * config.engine.tensor_parallel
    if config.hardware.device == "cuda" and config.engine.kind == "vllm" and number is not None:
        source = "published: 2.2 h a model on one GPU"
        source += "" if number == PAPERS_PARAMETERS else f", by parameters x {number / PAPERS_PARAMETERS:.3g}"
        source += f", on {working} of them" if working > 1 else ""
        return Rate(PUBLISHED_EVALUATION_SECONDS * number / PAPERS_PARAMETERS / working, source)
    return None


def _copies(past: dict[str, Any]) -> int:
    """Copies of the weights with which a past config measured."""
    engine, devices = past.get("engine"), past["hardware"]["devices"]
    if not engine or engine["kind"] != "vllm":
        return 1
    return engine.get("data_parallel", 1) or max(1, devices // engine["tensor_parallel"])


def _past_runs(config: Config) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(Path(config.outputs).glob("runs/*/run.json")):
        past = (read_record(path) or {}).get("config")
        if past and past["model"]["id"] == config.model.id:
            yield path.parent, past


def _is_papers(model: Model) -> bool:
    return parameters(model) == PAPERS_PARAMETERS


def describe(plan: Plan) -> Iterator[str]:
    """What is left to do, in hours, money and disk, for a person."""
    config = plan.config
    if (past := spent(plan.run.folder)) is not None:
        yield f"  spent     {past}"
    hours = 0.0
    known = True
    if plan.must_train:
        done = 0 if "train" in config.force else plan.trained_to
        steps, rate = config.stop_at - done, step_rate(config)
        known = rate is not None
        hours += steps * rate.seconds / 3600 if rate else 0.0
        yield "  train     " + _estimate(steps, "steps", rate)
    missing = sum(
        len(plan.problems[cell.benchmark]) for step in config.checkpoints for cell in plan.missing(step)
    )
    if missing:
        rate = problem_rate(config)
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


def parameters(model: Model) -> int | None:
    """Weights in all: stated, or counted in the headers of packaged safetensors; None: unknown."""
    if model.parameters is not None or model.package is None:
        return model.parameters
    try:
        folder = models.packaged(model)
    except Mistake:
        return None
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    return sum(_in_header(file) for file in files) or None


def _in_header(file: Path) -> int:
    """Numbers in a safetensors file: eight bytes of length, then JSON of names, types and shapes."""
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        header = json.loads(content.read(length))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            count = 1
            for side in tensor["shape"]:
                count *= side
            total += count
    return total


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
    number = parameters(plan.config.model)
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
