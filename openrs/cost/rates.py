"""Seconds for a training step and for an evaluation problem: of past runs, else as published, else by
arithmetic from what was published.

Past runs count where all of their commands ran on this host: the same hardware option on another machine has
another speed.
"""

import math
import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.models.files import parameters
from openrs.records import faults, paper, scores
from openrs.records.left_out import sound_record
from openrs.records.training import logged_steps

MOST = 50
"""Past runs that are read for one rate, the newest first."""

NANO = "openrs-nano"
"""The id of the built-in model."""
NANO_STEP_SECONDS, NANO_PROBLEM_SECONDS = 2.4, 0.032
"""The built-in model's on two CPU cores: medians of `make run`."""
NANO_SPREAD = 2.0
"""Other machines' CPUs are so much faster or slower."""
NANO_SOURCE = "measured on two CPU cores; other CPUs take half or twice as long"

WITHOUT_GRADIENTS = 0.8
"""Arithmetic of a step with an adapter, at least, as a share of one of all weights: the policy's forward
pass, its recomputation, the base's, and a backward pass of twice that, half of it for weights' gradients."""

PastRun = tuple[Path, dict[str, Any]]
"""Folder and config of a run."""


@dataclass(frozen=True)
class Rate:
    """Seconds for one unit of work."""

    seconds: float
    source: str
    """Where the figure is from, with tokens a second where they are known."""
    spread: float = 1.0
    """1 for a measured rate; an inferred one lies between `seconds` / spread and `seconds` x spread."""

    @classmethod
    def between(cls, first: float, second: float, source: str) -> "Rate":
        """The rate that lies between two figures."""
        low, high = sorted((first, second))
        return cls(math.sqrt(low * high), source, math.sqrt(high / low))

    def __str__(self) -> str:
        if self.spread == 1:
            return f"{self.seconds:.3g} s each"
        return f"{self.seconds / self.spread:.3g} to {self.seconds * self.spread:.3g} s each"


class Rates:
    """The rates of one command's runs; records are read once for equal settings."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[PastRun]] = {}
        self._rates: dict[tuple[Any, ...], Rate | None] = {}

    def step(self, config: Config) -> Rate | None:
        """Seconds for a training step: the median of similar past steps, else the paper's, else between what
        the paper's step takes where all of it is arithmetic and where all of it is reading memory, on the
        devices that learn and on those that sample; None: unknown.

        Similar steps have the same model, kind of adapter, token cap, batch and hardware option, in the same
        outputs folder.
        """
        algorithm = config.algorithm
        size = (config.length.completion, algorithm.prompts_per_step, algorithm.group_size)
        key = ("step", config.outputs, config.model.id, config.hardware.name, _kind(config), *size)
        if key not in self._rates:
            self._rates[key] = _step(config, self._past_runs(config))
        return self._rates[key]

    def problem(self, config: Config) -> Rate | None:
        """Seconds for one evaluation problem and seed: of similar past scores, else published; None: unknown.

        Similar scores have the same model, cap on new tokens and hardware option, in the same outputs folder.
        Copies of the weights share the problems. The published time is scaled to other numbers of
        parameters, as decoding reads each weight for each token, and to other devices as a step is.
        """
        cap, hardware = config.evaluation.max_new_tokens, config.hardware.name
        at_once = (config.evaluation_copies, config.engine.tensor_parallel)
        key = ("problem", config.outputs, config.model.id, hardware, cap, config.engine.kind, *at_once)
        if key not in self._rates:
            self._rates[key] = _problem(config, self._past_runs(config))
        return self._rates[key]

    def _past_runs(self, config: Config) -> list[PastRun]:
        key = (config.outputs, config.model.id)
        if key not in self._runs:
            self._runs[key] = list(_past_runs(config))
        return self._runs[key]


def _step(config: Config, runs: list[PastRun]) -> Rate | None:
    lines: list[dict[str, Any]] = []
    similar = [folder for folder, past in runs if _similar_step(config, folder, past)]
    for folder in similar[:MOST]:
        lines += [line for line in logged_steps(folder / "train") if "step_seconds" in line]
    if lines:
        completions = config.algorithm.prompts_per_step * config.algorithm.group_size
        sized = [line for line in lines if line.get("completion_length") is not None]
        tokens = completions * sum(line["completion_length"] for line in sized)
        speed = _speed(tokens, sum(line["step_seconds"] for line in sized))
        seconds = statistics.median(line["step_seconds"] for line in lines)
        return Rate(seconds, f"median of {len(lines)} steps in {config.outputs}{speed}")
    number, hardware = parameters(config.model), config.hardware
    if hardware.name == "a40x4" and number == paper.PARAMETERS and config.adapter:
        source = "by arithmetic from 24 h for 500 steps of all weights on 4 x A40"
        return Rate.between(WITHOUT_GRADIENTS * paper.STEP_SECONDS, paper.STEP_SECONDS, source)
    if hardware.name == "a40x4" and number == paper.PARAMETERS:
        return Rate(paper.STEP_SECONDS, "published: 24 h for 500 steps on 4 x A40")
    if config.model.id == NANO and hardware.device == "cpu":
        return Rate(NANO_STEP_SECONDS, NANO_SOURCE, NANO_SPREAD)
    if hardware.device == "cpu" or number is None:
        return None
    completions = config.algorithm.prompts_per_step * config.algorithm.group_size
    share = completions / paper.COMPLETIONS_A_STEP * number / paper.PARAMETERS
    served = hardware.generation == "vllm_server"
    sampling = hardware.server_devices * hardware.nodes if served else hardware.training_processes
    return _inferred(
        config,
        share * paper.STEP_SECONDS,
        (WITHOUT_GRADIENTS if config.adapter else 1) * paper.TRAINING_DEVICES / hardware.training_processes,
        paper.SAMPLING_DEVICES / sampling,
        "24 h for 500 steps on 4 x A40",
    )


def _inferred(
    config: Config, seconds: float, learning: float, sampling: float, published: str
) -> Rate | None:
    """A published time on another machine, between that of pure arithmetic and that of pure reading.

    Args:
        seconds: on A40s.
        learning: the published number of devices that do arithmetic, as a multiple of this machine's.
        sampling: the same of the devices that read weights and caches for each token.
        published: the source of `seconds`.
    """
    hardware = config.hardware
    if hardware.device_tflops is None or hardware.device_bandwidth is None:
        return None
    computing = seconds * learning * paper.A40_TFLOPS / hardware.device_tflops
    reading = seconds * sampling * paper.A40_BANDWIDTH / hardware.device_bandwidth
    source = f"by arithmetic from {published}: operations and bandwidth of both devices"
    return Rate.between(computing, reading, source)


def _similar_step(config: Config, folder: Path, past: dict[str, Any]) -> bool:
    record = sound_record(folder / "train.json", faults.of_whole_training) or {"segments": []}
    hardware = {str(segment.get("hardware")) for segment in record["segments"]} or {past["hardware"]["name"]}
    return (
        past["length"]["completion"] == config.length.completion
        and past["algorithm"]["prompts_per_step"] == config.algorithm.prompts_per_step
        and past["algorithm"]["group_size"] == config.algorithm.group_size
        and (past.get("adapter") or {}).get("name") == _kind(config)
        and hardware == {config.hardware.name}
    )


def _kind(config: Config) -> str | None:
    return config.adapter.name if config.adapter else None


def _problem(config: Config, runs: list[PastRun]) -> Rate | None:
    seconds, problems, tokens, copies = 0.0, 0, 0, config.evaluation_copies
    similar = [item for item in runs if item[1]["hardware"]["name"] == config.hardware.name]
    for folder, past in similar[:MOST]:
        for score in scores.read_all(folder):
            if score.settings.get("max_new_tokens") == config.evaluation.max_new_tokens:
                seconds += score.seconds * _copies(past) / copies
                problems += score.n
                tokens += sum(score.tokens)
    if problems:
        speed = _speed(tokens, seconds)
        return Rate(seconds / problems, f"mean of {problems} problems in {config.outputs}{speed}")
    number, devices = parameters(config.model), copies * config.engine.tensor_parallel
    if config.model.id == NANO and config.hardware.device == "cpu" and config.engine.kind == "transformers":
        return Rate(NANO_PROBLEM_SECONDS, NANO_SOURCE, NANO_SPREAD)
    if config.hardware.device == "cuda" and config.engine.kind == "vllm" and number is not None:
        times = number / paper.PARAMETERS
        source = "2.2 h a model on one GPU"
        source += "" if times == 1 else f", by parameters x {times:.3g}"
        source += f", on {devices} of them" if devices > 1 else ""
        seconds = paper.PROBLEM_SECONDS * times / devices
        if config.hardware.name == "a40x4":
            return Rate(seconds, f"published: {source}")
        return _inferred(config, seconds, 1, 1, source)
    return None


def _copies(past: dict[str, Any]) -> int:
    """Copies of the weights with which a past config measured."""
    engine, devices = past.get("engine"), past["hardware"]["devices"]
    if not engine or engine["kind"] != "vllm":
        return 1
    return engine.get("data_parallel", 1) or max(1, devices // engine["tensor_parallel"])


def _speed(tokens: float, seconds: float) -> str:
    return f", {tokens / seconds:.3g} tokens a second" if tokens and seconds else ""


def _past_runs(config: Config) -> Iterator[PastRun]:
    """Folder and config of the runs of a model that this host alone has worked on, the newest first."""
    paths = Path(config.outputs).glob("runs/*/run.json")
    for path in sorted(paths, key=lambda item: item.stat().st_mtime, reverse=True):
        record = sound_record(path, faults.of_run)
        if record is None or (past := record["config"])["model"].get("id") != config.model.id:
            continue
        hosts = {str(item.get("host")) for item in record.get("invocations", [])}
        if hosts == {socket.gethostname()} and faults.of_config(past) is None:
            yield path.parent, past
