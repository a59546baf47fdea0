"""The metrics of every step, translated from TRL's and appended to `metrics.jsonl`."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback

from openrs.errors import Mistake
from openrs.records.files import write_lines
from openrs.records.metric_names import NAMES
from openrs.records.training import logged_steps
from openrs.rewards.scripts import foreign_share


class Metrics(TrainerCallback):
    """Writes one line a step; lines that a killed process logged past its checkpoint are dropped."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        lines = [line for line in logged_steps(path.parent) if line["step"] <= resumed_at]
        write_lines(path, lines)
        self.path = path
        self.seconds = [line["step_seconds"] for line in lines if "step_seconds" in line]
        """What the earlier steps took."""
        self.began = 0.0
        self.line: dict[str, Any] = {}
        self.texts: Callable[[], list[str]] = list
        """The completions of the step."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts the step's clock."""
        self.began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Translates TRL's metrics and appends them.

        Raises:
            Mistake: the loss is not a number, which all later weights would be.
        """
        if "reward" not in logs:
            return  # the summary at the end of training
        if not math.isfinite(logs["loss"]):
            raise Mistake(
                f"algorithm.learning_rate: at {args.learning_rate:g} the loss of step {state.global_step} is "
                f"{logs['loss']}, so training ended; checkpoints before that step stay. Give a smaller rate, "
                "or model.compute_dtype=float32."
            )
        line: dict[str, Any] = {"step": state.global_step}
        line |= {ours: logs[theirs] for theirs, ours in NAMES.items() if theirs in logs}
        if "verifier_timeouts" in line:  # TRL takes the mean over the processes
            line["verifier_timeouts"] *= PartialState().num_processes
        line["rewards"] = {
            key.split("/")[1]: value
            for key, value in logs.items()
            if key.startswith("rewards/") and key.endswith("/mean") and not math.isnan(value)
        }
        line["foreign_share"] = foreign_share(self.texts())
        line["step_seconds"] = round(time.perf_counter() - self.began, 3)
        self.line = line
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
