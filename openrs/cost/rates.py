"""Seconds for a training step and for an evaluation problem: of past runs, else as published.

Past runs count where all of their commands ran on this host: the same hardware option on another machine has
another speed.
"""

import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.models import parameters
from openrs.records import paper, scores
from openrs.records.files import read_lines, read_record

MOST = 50
"""Past runs that are read for one rate, the newest first."""

PastRun = tuple[Path, dict[str, Any]]
"""Folder and config of a run."""


@dataclass(frozen=True)
class Rate:
    """Seconds for one unit of work."""

    seconds: float
    source: str
    """Where the figure is from, with tokens a second where they are known."""


class Rates:
    """The rates of one command's runs; records are read once for equal settings."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[PastRun]] = {}
        self._rates: dict[tuple[Any, ...], Rate | None] = {}

    def step(self, config: Config) -> Rate | None:
        """Seconds for a training step: the median of similar past steps, else the paper's; None: unknown.

        Similar steps have the same model, token cap, batch and hardware option, in the same outputs folder.
        """
        algorithm = config.algorithm
        size = (config.length.completion, algorithm.prompts_per_step, algorithm.group_size)
        key = ("step", config.outputs, config.model.id, config.hardware.name, *size)
        if key not in self._rates:
            self._rates[key] = _step(config, self._past_runs(config))
        return self._rates[key]

    def problem(self, config: Config) -> Rate | None:
        """Seconds for one evaluation problem and seed: of similar past scores, else published; None: unknown.

        Similar scores have the same model, cap on new tokens and hardware option, in the same outputs folder.
        Copies of the weights share the problems. The published time is scaled to other numbers of
        parameters, as decoding reads each weight for each token.
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
        lines += read_lines(folder / "train" / "metrics.jsonl")
    if lines:
        completions = config.algorithm.prompts_per_step * config.algorithm.group_size
        sized = [line for line in lines if line.get("completion_length") is not None]
        tokens = completions * sum(line["completion_length"] for line in sized)
        speed = _speed(tokens, sum(line["step_seconds"] for line in sized))
        seconds = statistics.median(line["step_seconds"] for line in lines)
        return Rate(seconds, f"median of {len(lines)} steps in {config.outputs}{speed}")
    if config.hardware.name == "a40x4" and parameters(config.model) == paper.PARAMETERS:
        return Rate(paper.STEP_SECONDS, "published: 24 h for 500 steps on 4 x A40")
    return None


def _similar_step(config: Config, folder: Path, past: dict[str, Any]) -> bool:
    segments = (read_record(folder / "train.json") or {"segments": []})["segments"]
    hardware = {segment["hardware"] for segment in segments} or {past["hardware"]["name"]}
    return (
        past["length"]["completion"] == config.length.completion
        and past["algorithm"]["prompts_per_step"] == config.algorithm.prompts_per_step
        and past["algorithm"]["group_size"] == config.algorithm.group_size
        and hardware == {config.hardware.name}
    )


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
    if config.hardware.device == "cuda" and config.engine.kind == "vllm" and number is not None:
        times = number / paper.PARAMETERS
        source = "published: 2.2 h a model on one GPU"
        source += "" if times == 1 else f", by parameters x {times:.3g}"
        source += f", on {devices} of them" if devices > 1 else ""
        return Rate(paper.PROBLEM_SECONDS * times / devices, source)
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
        record = read_record(path) or {}
        past, hosts = record.get("config"), {item["host"] for item in record.get("invocations", [])}
        if past and past["model"]["id"] == config.model.id and hosts == {socket.gethostname()}:
            yield path.parent, past
