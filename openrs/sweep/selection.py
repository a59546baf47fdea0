"""Pruning by scores: a run is evaluated on a selection benchmark before its training goes on.

    hydra.sweeper.signal=score:amc23           its score at each saved checkpoint
    hydra.sweeper.signal=outcomes:amc23@50     every problem's outcome at step 50 (for the Wilcoxon pruner)

Choosing by a benchmark flatters its score. So it is one that is named, and best one that is not reported.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from statistics import mean
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from openrs import scores
from openrs.collapse import Stop
from openrs.mistake import Mistake
from openrs.plan import Plan, resolve

if TYPE_CHECKING:
    from openrs.sweep.pruning import Curve


@dataclass(frozen=True)
class Selection:
    """What a signal of this kind looks at."""

    benchmark: str
    step: int | None
    """The step whose outcomes are compared problem by problem; None: the score at each saved step."""


def selection(signal: str) -> Selection | None:
    """Reads a signal; None where it is a figure that training logs."""
    found = re.fullmatch(r"score:(\w+)|outcomes:(\w+)@(\d+)", signal)
    if found is None:
        return None
    return Selection(found[1] or found[2], int(found[3]) if found[3] else None)


COMPARING = ("MedianPruner", "SuccessiveHalvingPruner", "HyperbandPruner")
"""Pruners that hold one run's signal against another's."""


def check(signal: str, config: DictConfig, swept: Collection[str] = (), pruner: str = "") -> None:
    """Refuses a signal that no run of the sweep will give, before any of them starts.

    Args:
        signal: as the sweep was given it.
        config: the sweep's.
        swept: names of what is swept.
        pruner: its class.

    Raises:
        Mistake: it cannot be read or compared, its benchmark is not known, or its step is not saved.
    """
    chosen = selection(signal)
    weights = [name for name in swept if name.split(".")[0] == "reward"]
    if signal == "reward" and weights and pruner in COMPARING:
        raise Mistake(
            f"hydra.sweeper.signal=reward: {', '.join(weights)} is swept, and totals of other terms or "
            "weights cannot be compared. Take one term, as hydra.sweeper.signal=rewards.accuracy, or a "
            "score, as score:BENCHMARK."
        )
    if chosen is None:
        if ":" in signal:
            raise Mistake(
                f"hydra.sweeper.signal={signal}: give a figure of metrics.jsonl (reward, rewards.accuracy, "
                "-kl), score:BENCHMARK, or outcomes:BENCHMARK@STEP."
            )
        return
    known = list(config.catalog.benchmarks)
    if chosen.benchmark not in known:
        raise Mistake(
            f"hydra.sweeper.signal={signal}: the catalog has no benchmark {chosen.benchmark}. "
            f"Known: {', '.join(known)}."
        )
    if "evaluate" not in config.stages:
        raise Mistake(
            f"hydra.sweeper.signal={signal}: needs the stage evaluate, and stages={list(config.stages)} "
            "leaves it out. Add evaluate to stages, or take a figure of training, as signal=reward."
        )
    if chosen.step is not None and chosen.step % config.steps.save_every:
        raise Mistake(
            f"hydra.sweeper.signal={signal}: step {chosen.step} is not saved (steps.save_every="
            f"{config.steps.save_every}). Give a multiple of it."
        )


def climb(plan: Plan, told: dict[str, Any], curve: "Curve", stages: Callable[..., None]) -> Stop | None:
    """Trains from one looked-at checkpoint to the next and asks the pruner at each.

    Args:
        plan: the run; training past the last looked-at checkpoint is left to the caller.
        told: the study, as `openrs.sweep.job.Trial.study` describes it.
        curve: the run's curve.
        stages: trains and evaluates what a plan is missing.

    Returns:
        Why the run is to stop, if it is.
    """
    chosen = selection(told["signal"])
    assert chosen is not None
    last = plan.config.stop_at
    every = (
        [chosen.step]
        if chosen.step
        else range(plan.config.steps.save_every, last, plan.config.steps.save_every)
    )
    for step in every:
        if step >= last:
            break
        part = _until(plan, chosen.benchmark, step)
        stages(part, told)
        if part.stopped:  # collapsed, or out of budget: the caller sees it too
            return None
        points = _points(part, chosen)
        if curve.judge(points):
            told_value = f"{told['signal']} {mean(points.values()):.4g}"
            return Stop("pruned", f"{curve.pruner}: {told_value} at step {step}")
    return None


def _until(plan: Plan, benchmark: str, step: int) -> Plan:
    """The same run up to a step, evaluated there on one benchmark."""
    config = plan.config
    return resolve(
        replace(
            config,
            steps=replace(config.steps, stop_at=step),
            evaluation=replace(config.evaluation, checkpoints=[str(step)], benchmarks=[benchmark]),
        )
    )


def _points(plan: Plan, chosen: Selection) -> dict[int, float]:
    """What the curve gets at a plan's last step: the score, or every problem's share of right answers.

    Problems keep their places in the benchmark, so that two runs are compared pair by pair.
    """
    step = plan.config.stop_at
    read = [scores.read(cell.path(plan.run.folder)) for cell in plan.cells(step)]
    known = [score for score in read if score is not None]
    if chosen.step is None:
        return {step: mean(score.value for score in known)}
    answers: dict[str, list[int]] = defaultdict(list)
    for score in known:
        for problem, correct in zip(score.ids, score.correct, strict=True):
            answers[problem].append(correct)
    return {place: mean(answers[problem]) for place, problem in enumerate(sorted(answers))}
