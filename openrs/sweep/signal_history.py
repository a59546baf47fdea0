"""What a run's records say of its signal: a value by step, or by the place of a problem."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from openrs.plan import Plan, resolve
from openrs.records import scores
from openrs.records.files import read_lines
from openrs.records.scores import ScoreAddress
from openrs.sweep import signal
from openrs.sweep.selection import Selection, selection
from openrs.sweep.signal import Signal


def points(plan: Plan, asked: Signal) -> dict[int, float]:
    """Everything that the records hold of a signal up to today's step."""
    chosen = selection(asked)
    if chosen is None:
        lines = read_lines(plan.run.folder / "train" / "metrics.jsonl")
        return signal.points([line for line in lines if line["step"] <= plan.config.stop_at], asked)
    part = until(plan, chosen.benchmark, plan.config.stop_at)
    found: dict[int, float] = {}
    for step in looked_at(plan, chosen):
        if not part.missing(step):
            found |= _points(part, chosen, part.cells(step), step)
    return found


def looked_at(plan: Plan, chosen: Selection) -> Sequence[int]:
    """The checkpoints before the last step at which a selection looks."""
    every, last = plan.config.steps.save_every, plan.config.stop_at
    if chosen.step is not None:
        return [chosen.step] if chosen.step < last else []
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


def at_last(plan: Plan, chosen: Selection) -> dict[int, float]:
    """What a curve gets at a plan's last step, which has been evaluated."""
    step = plan.config.stop_at
    return _points(plan, chosen, plan.cells(step), step)


def _points(plan: Plan, chosen: Selection, cells: Sequence[ScoreAddress], step: int) -> dict[int, float]:
    """The score, or every problem's share of right answers.

    Problems keep their places in the benchmark, so that two runs are compared pair by pair.
    """
    read = [scores.read(cell.path(plan.run.folder)) for cell in cells]
    known = [score for score in read if score is not None]
    if chosen.step is None:
        return {step: mean(score.value for score in known)}
    answers: dict[str, list[int]] = defaultdict(list)
    for score in known:
        for problem, correct in zip(score.ids, score.correct, strict=True):
            answers[problem].append(correct)
    return {place: mean(answers[problem]) for place, problem in enumerate(sorted(answers))}
