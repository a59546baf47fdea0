"""The kind of device that scores were measured on: what their records state, else what run.json says.

Records that are older than the field say nothing; their run.json holds the hardware of its newest command.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from openrs.machine.devices import CPU, device_kind
from openrs.records import ledger
from openrs.records.scores import Score

NOT_STATED = "not stated"
OPTION = re.compile(r"([abhl]\d+s?)x\d+")
"""Name of a hardware option, as a40x4; NVIDIA's driver calls such a card `NVIDIA A40`."""
LOCAL = ("hf", "hf-auto", "huggingface", "vllm")
"""Kinds of model that lm-evaluation-harness runs itself, by its names."""


def device(score: Score, config: Mapping[str, Any], evaluated_on: Mapping[int, Collection[str]]) -> str:
    """The kind of device that generated a score's completions, or NOT_STATED.

    Args:
        config: the run's, from run.json.
        evaluated_on: the run's, from its ledger.
    """
    if score.imported is not None:
        return score.device or score.imported.get("device") or NOT_STATED
    if score.device != "":
        return score.device or NOT_STATED
    hardware = config.get("hardware") or {}
    name = hardware.get("name")
    if score.settings.get("engine") == "server" or set(evaluated_on.get(score.step, ())) - {name}:
        return NOT_STATED
    if hardware.get("device") == "cpu":
        return CPU
    option = OPTION.fullmatch(str(name))
    reason = (config.get("scale") or {}).get("reason") or ""
    if option is None or f"hardware={name} fits (" in reason:  # the device that it fits has another name
        return NOT_STATED
    return f"NVIDIA {option.group(1).upper()}"


def evaluated_on(folder: Path) -> dict[int, set[str]]:
    """Step -> names of the hardware that it was evaluated on, from the ledger in a run's folder."""
    names = defaultdict(set)
    for line in ledger.entries(folder):
        stage, _, step = str(line["stage"]).rpartition(" ")
        if stage == "evaluate step":
            names[int(step)].add(str(line["hardware"]))
    return dict(names)


def of_harness(kind: Any, place: Any, environment: Any) -> str | None:
    """The kind of device that a result file of lm-evaluation-harness states; None where it states none.

    Args:
        kind: of the model, as `hf`; a server's device is out of sight.
        place: the harness's option, as `cuda:0`.
        environment: torch's description of the machine, which lists all of its GPUs.
    """
    if kind not in LOCAL:
        return None
    if place == "cpu":
        return CPU
    names = {name.strip() for name in re.findall(r"\bGPU \d+: ([^\n(]+)", str(environment))}
    return device_kind(names) if len(names) == 1 and str(place or "cuda").startswith("cuda") else None
