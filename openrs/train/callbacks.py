"""What happens beside training: metrics, progress, early stops, whole checkpoints, pushes, W&B."""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback
from transformers.integrations import WandbCallback
from trl.extras import profiling

from openrs.config.catalog import Model
from openrs.config.schema import Config
from openrs.hub.push import Repository, push_pending
from openrs.models.adapters import name_base
from openrs.records.checkpoints import free_what_is_passed, mark_whole
from openrs.records.run import Run
from openrs.records.tracker import wandb_run
from openrs.terminal import say
from openrs.train.early_stop import EarlyStop

QUIET_SECONDS = 60
"""Longest silence of the log, which would look like a run that hangs: the paper's steps take 173 s."""

RECENT = 11
"""Steps whose median is the time that a step takes."""


class TrainingProgress(TrainerCallback):
    """Step, reward, length and time left: one live line, or a plain one each tenth or minute.

    Args:
        name: the run's.
        last: the step at which training ends.
        seconds: what the run's earlier steps took.
    """

    def __init__(self, name: str, last: int, seconds: Iterable[float] = ()) -> None:
        self.name = name
        self.last = last
        self.seconds = deque(seconds, maxlen=RECENT)
        self.began = self.shown = 0.0
        self.first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Prints a line: a first step can take minutes."""
        self.shown = time.perf_counter()
        self.first = state.global_step
        print(f"{self.name}: training from step {self.first} to {self.last}", file=sys.stderr, flush=True)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts the step's clock."""
        self.began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Prints the line; the time left does not count a process's first step, in which much is loaded."""
        step = state.global_step
        if "reward" not in logs or step <= self.first:
            return
        now = time.perf_counter()
        if step > self.first + 1:
            self.seconds.append(now - self.began)
        left = f"  {median(self.seconds) * (self.last - step) / 60:.1f} min left" if self.seconds else ""
        line = (
            f"{self.name}: step {step}/{self.last}  reward {logs['reward']:.2f}  "
            f"length {logs['completions/mean_length']:.0f}{left}"
        )
        if sys.stderr.isatty():
            print(f"\r{line}", end="\n" if step == self.last else "", file=sys.stderr, flush=True)
        elif step == self.last or step % max(1, self.last // 10) == 0 or now - self.shown >= QUIET_SECONDS:
            self.shown = now
            print(line, file=sys.stderr, flush=True)


class Pushes(TrainerCallback):
    """Pushes each checkpoint to the Hub in the background, one at a time; training does not wait for it."""

    def __init__(self, config: Config, repository: Repository, stop_requested: Callable[[], object]) -> None:
        self.config, self.repository, self.stop_requested = config, repository, stop_requested
        self.lock = threading.Lock()
        self.threads: list[threading.Thread] = []

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts a push; this callback comes after the one that marks the checkpoint as whole."""
        # a daemon: an interrupt ends the process at once, and the next start pushes
        thread = threading.Thread(target=self._push, daemon=True)
        thread.start()
        self.threads.append(thread)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Waits for pushes under way, unless the command is asked to end."""
        if self.stop_requested():
            return
        if any(thread.is_alive() for thread in self.threads):
            say(f"{self.repository.run.folder.name}: waiting for the push to {self.repository.name}")
        for thread in self.threads:
            thread.join()

    def _push(self) -> None:
        with self.lock:
            push_pending(self.config, self.repository)


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
    """Marks a checkpoint as whole, then frees what only the older ones needed.

    Args:
        early_stop: comes before in a step, and knows whether the checkpoint is one of an interruption.
        base: the model that training started from.
    """

    def __init__(self, early_stop: EarlyStop, base: Model) -> None:
        self.early_stop, self.base = early_stop, base

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Sets today's interval: a resumed state brings its old one along."""
        state.save_steps = args.save_steps

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Waits for all processes, each of which has written its part of the checkpoint."""
        PartialState().wait_for_everyone()  # each process writes its own random state, ZeRO's its shard
        if state.is_world_process_zero:
            folder, step = Path(args.output_dir), state.global_step
            off_grid = self.early_stop.interrupted and step % args.save_steps != 0
            name_base(folder / f"checkpoint-{step}", self.base)
            mark_whole(folder / f"checkpoint-{step}", step, interrupted=off_grid)
            free_what_is_passed(folder)


class Curves(WandbCallback):
    """Logs to the run of W&B that is open; transformers' own would put its arguments, with this machine's
    folders, into that run's config."""

    def setup(self, args: Any, state: Any, model: Any, **_: Any) -> None:
        """Leaves the run as it is."""
        self._initialized = True


@contextmanager
def curves_in_wandb(config: Config, run: Run) -> Iterator[None]:
    """Opens this run's run of W&B, where tracker=wandb."""
    if config.tracker.kind != "wandb":
        yield
        return
    profiling.is_wandb_available = lambda: (
        False
    )  # TRL has no other switch for a chart of each of its functions
    with wandb_run(config, run):
        yield
