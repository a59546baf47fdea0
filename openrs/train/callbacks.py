"""What the trainer reports while it runs: metrics.jsonl, one live line, whole checkpoints."""

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from openrs.records.checkpoints import WHOLE, free_optimizer_state
from openrs.records.files import read_lines, write_lines, write_record
from openrs.records.metric_names import NAMES
from openrs.rewards.scripts import foreign_share
from openrs.train.collapse import Stop, Watch

QUIET_SECONDS = 60
"""A log that stays silent for longer looks like a run that hangs: a step of the paper's takes 173 s."""


class Metrics(TrainerCallback):
    """Writes one line a step; what a killed process logged past its checkpoint is dropped."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        write_lines(path, [line for line in read_lines(path) if line["step"] <= resumed_at])
        self.path = path
        self.began = 0.0
        self.line: dict[str, Any] = {}
        self.texts: Callable[[], list[str]] = list
        """Gives the completions of the step."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts the step's clock."""
        self.began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Translates TRL's figures and appends them."""
        if "reward" not in logs:
            return  # the summary at the end of training
        line: dict[str, Any] = {"step": state.global_step}
        line |= {ours: logs[theirs] for theirs, ours in NAMES.items() if theirs in logs}
        if "verifier_timeouts" in line:  # TRL takes the mean of what the processes counted
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


class Watched(TrainerCallback):
    """Shows every logged step to a watch, and ends training with a checkpoint where it says so.

    The first process, which has the metrics, decides for all.
    """

    def __init__(self, metrics: Metrics | None, watch: Watch | None, last: int, iterations: int) -> None:
        self.metrics, self.watch = metrics, watch
        self.last, self.iterations = last, iterations
        self.pending: Stop | None = None
        """What the watch said; it acts after a step that ends the use of its completions."""
        self.stopped: dict[str, Any] | None = None

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Asks the watch; completions in use for several steps are not cut in the middle."""
        step = state.global_step
        if self.watch is None or "reward" not in logs or step >= self.last:
            return
        if self.metrics is not None and self.pending is None:
            self.pending = self.watch(self.metrics.line)
        stop = self.pending
        if PartialState().num_processes > 1:
            (stop,) = broadcast_object_list([stop])  # all processes must end after the same step
        if stop is not None and step % self.iterations == 0:
            self.stopped = {"step": step, "kind": stop.kind, "reason": stop.reason}
            control.should_save = True
            control.should_training_stop = True


class ProgressLine(TrainerCallback):
    """Step, reward, length and time left: one live line, or a plain one each tenth or minute."""

    def __init__(self, name: str, last: int) -> None:
        self.name = name
        self.last = last
        self.began = self.shown = 0.0
        self.first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts the clock for the time left, and says so: a first step can take minutes."""
        self.began = self.shown = time.perf_counter()
        self.first = state.global_step
        print(f"{self.name}: training from step {self.first} to {self.last}", file=sys.stderr, flush=True)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Prints the line."""
        step = state.global_step
        if "reward" not in logs or step <= self.first:
            return
        now = time.perf_counter()
        left = (now - self.began) / (step - self.first) * (self.last - step)
        line = (
            f"{self.name}: step {step}/{self.last}  reward {logs['reward']:.2f}  "
            f"length {logs['completions/mean_length']:.0f}  {left / 60:.1f} min left"
        )
        if sys.stderr.isatty():
            print(f"\r{line}", end="\n" if step == self.last else "", file=sys.stderr, flush=True)
        elif step == self.last or step % max(1, self.last // 10) == 0 or now - self.shown >= QUIET_SECONDS:
            self.shown = now
            print(line, file=sys.stderr, flush=True)


class StopAt(TrainerCallback):
    """Ends training at a step of the schedule, with a checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Asks for the checkpoint and the end."""
        if state.global_step >= self.step:
            control.should_save = True
            control.should_training_stop = True
        return control


class Checkpoints(TrainerCallback):
    """Marks a checkpoint as whole, then frees the optimizer state of the older ones."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A resumed state brings its old interval along; today's is the one that was asked for."""
        state.save_steps = args.save_steps

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called in every process when it has written its part of the checkpoint."""
        PartialState().wait_for_everyone()  # each process writes its own random state, ZeRO's its shard
        if state.is_world_process_zero:
            folder = Path(args.output_dir)
            marker = folder / f"checkpoint-{state.global_step}" / WHOLE
            write_record(marker, {"step": state.global_step})
            free_optimizer_state(folder, before=state.global_step)
