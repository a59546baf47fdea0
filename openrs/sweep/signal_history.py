"""What a run's records say of its signal: a value by step, or by the place of a problem."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from openrs.plan import Plan, resolve
from openrs.records import scores
from openrs.records.training import logged_steps
from openrs.sweep import signal
from openrs.sweep.signal import Selection, Signal


def recorded(plan: Plan, signal_: Signal) -> dict[int, float]:
    """Everything that the records hold of a signal up to today's step."""
    selection = signal.selection(signal_)
    if selection is None:
        lines = logged_steps(plan.run.folder / "train")
        return signal.values([line for line in lines if line["step"] <= plan.config.stop_at], signal_)
    part = until(plan, selection.benchmark, plan.config.stop_at)
    values: dict[int, float] = {}
    for step in judged_steps(plan, selection):
        if not part.missing(step):
            values |= values_at(part, selection, step)
    return values


def judged_steps(plan: Plan, selection: Selection) -> Sequence[int]:
    """The checkpoints before the last step whose scores a pruner sees."""
    every, last = plan.config.steps.save_every, plan.config.stop_at
    if selection.step is not None:
        return [selection.step] if selection.step < last else []
    return range(every, last, every)


def until(plan: Plan, benchmark: str, step: int) -> Plan:
    """The same run up to a step, evaluated there on one benchmark."""
    config = plan.config
    return resolve(
        replace(
            config,
            steps=replace(config.steps, stop_at=step),
            evaluation=replace(config.evaluation, checkpoints=[str(step)], benchmarks=[benchmark]),
        )
    )


def values_at(plan: Plan, selection: Selection, step: int) -> dict[int, float]:
    """The score of an evaluated checkpoint, or every problem's share of right answers.

    Problems keep their places in the benchmark, so that two runs are compared pair by pair.

    Args:
        plan: the run, with the selection's benchmark as its only one.
    """
    read = [scores.read(cell.path(plan.run.folder)) for cell in plan.cells(step)]
    measured = [score for score in read if score is not None]
    if selection.step is None:
        return {step: mean(score.value for score in measured)}
    answers: dict[str, list[float]] = defaultdict(list)
    for score in measured:
        for problem, correct in zip(score.ids, score.outcomes, strict=True):
            answers[problem].append(correct)
    return {place: mean(answers[problem]) for place, problem in enumerate(sorted(answers))}
