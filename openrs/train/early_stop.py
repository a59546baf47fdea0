"""Ends a training early, with a checkpoint: a rule says so, or SIGINT or SIGTERM asked the command to end."""

from collections.abc import Callable
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from openrs.processes import interruption
from openrs.train.collapse import Stop, StopRule
from openrs.train.metrics import Metrics


class EarlyStop(TrainerCallback):
    """Ends training with a checkpoint where a rule says so, or where the command is asked to end.

    The first process, which has the metrics, decides for all.

    Args:
        metrics: the first process's.
        last: the step at which training ends anyway.
        iterations: steps that use the same completions.
        stop_requested: whether the command is asked to end.
    """

    def __init__(
        self,
        metrics: Metrics | None,
        rule: StopRule | None,
        last: int,
        iterations: int,
        stop_requested: Callable[[], object] = interruption.stop_requested,
    ) -> None:
        self.metrics, self.rule = metrics, rule
        self.last, self.iterations, self.stop_requested = last, iterations, stop_requested
        self.pending: Stop | None = None
        """The rule's verdict, which acts after a step that ends the use of its completions."""
        self.stopped: dict[str, Any] | None = None
        self.interrupted = False

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Applies the rule; completions in use for several steps are not cut in the middle."""
        step = state.global_step
        if "reward" not in logs or step >= self.last:
            return
        if self.metrics is not None and self.rule is not None and self.pending is None:
            self.pending = self.rule(self.metrics.line)
        stop, stop_requested = self.pending, self.metrics is not None and bool(self.stop_requested())
        if PartialState().num_processes > 1:
            stop, stop_requested = broadcast_object_list(
                [stop, stop_requested]
            )  # all processes must end after the same step
        if step % self.iterations or not (stop or stop_requested):
            return
        if stop:
            self.stopped = {"step": step, "kind": stop.kind, "reason": stop.reason}
        self.interrupted = not stop
        control.should_save = True
        control.should_training_stop = True
