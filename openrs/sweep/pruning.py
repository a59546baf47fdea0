"""Pruning: runs judged by Optuna's pruner, and stops that outlive the process that heard them.

A run's curve is opened, judged and closed with the run's lock. Runs that differ in their training seed alone
are one point. The pruner sees the mean of their curves, at each step that all of them have reached, and its
stop ends them all: no seed is stopped, or let through, for its luck. A point's curve has a lock of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from openrs.plan import Plan
from openrs.records.recipe import digest
from openrs.records.training import logged_steps
from openrs.studies.reader import TRIAL
from openrs.studies.replicates import SEED
from openrs.studies.storage import Lock
from openrs.sweep import run_curves, signal, signal_history
from openrs.sweep.link import StudyLink, opened
from openrs.sweep.run_curves import POINT, RUN, STOP, PruningStop, RunCurve, open_curve
from openrs.sweep.sampler import make_pruner
from openrs.train.collapse import Stop, StopRule


def _curves(link: StudyLink) -> optuna.Study:
    """The curves of the study that a job is linked to, with its pruner."""
    return run_curves.curves(opened(link.storage), link.study, make_pruner(OmegaConf.create(link.pruner)))


def point(plan: Plan, link: StudyLink) -> str:
    """The id of the point of which the run is one of several; "" where it is the only one."""
    if link.seeds == 1:
        return ""
    return digest({name: value for name, value in plan.run.recipe.items() if name != SEED})


def _curve(plan: Plan, link: StudyLink, values: dict[int, float]) -> RunCurve:
    """The curve of a plan's run."""
    storage = opened(link.storage)
    return RunCurve(_curves(link), storage, plan.run.id, link.number, values, point(plan, link))


def standing(plan: Plan, link: StudyLink) -> PruningStop | None:
    """The stop by which a trial is answered: its run was stopped, and the trial does not promote it.

    Args:
        plan: the run, as far as the trial wants it trained.
    """
    config = plan.config
    trains = "train" in config.stages and "train" not in config.force and plan.mix is not None
    if link.pruner is None or not trains or plan.trained_to >= config.stop_at:
        return None
    study, name = _curves(link), point(plan, link)
    curve = open_curve(study, name or plan.run.id)
    if curve is None or STOP not in curve.user_attrs:
        return None
    # a process that died between storing its stop and noting the rungs left them to be noted
    rungs = PruningStop(**curve.user_attrs[STOP]).rungs
    number = None if name else link.number
    RunCurve(study, opened(link.storage), name or plan.run.id, number, {}).note(rungs)
    return _holding(curve, plan, link)


def _holding(curve: FrozenTrial, plan: Plan, link: StudyLink) -> PruningStop | None:
    """The stop of a curve, if it is one for this trial."""
    if STOP not in curve.user_attrs:
        return None
    stop = PruningStop(**curve.user_attrs[STOP])
    number = stop.trials.get(plan.run.id, stop.trial)
    if stop.step >= plan.config.stop_at or (link.promotes is not None and number <= link.promotes):
        return None
    return stop


def finish(plan: Plan, link: StudyLink) -> None:
    """Closes the curve of a run that reached its last step, and with the last of a point's runs that of the
    point. Where nobody watched the run, as it was trained before the sweep or its process died after
    training, the curve is drawn from the records."""
    study = _curves(link)
    values = signal_history.recorded(plan, link.signal)
    curve, value = open_curve(study, plan.run.id), signal.level(values, link.signal)
    if value is None:
        if curve is not None:  # opened, and never drawn
            study.tell(curve.number, state=TrialState.FAIL)
        return
    if not _closed(study, plan.run.id, values):
        drawn = _curve(plan, link, values)
        if link.seeds == 1:
            drawn.replay(values)
        study.tell(drawn.number, value)
    if link.seeds > 1:
        _finish_point(plan, link)


def _closed(study: optuna.Study, run: str, values: dict[int, float]) -> bool:
    """Whether a run, or a point, has a closed curve that goes as far as these values."""
    closed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return any(c.user_attrs.get(RUN) == run and (c.last_step or 0) >= max(values) for c in closed)


def _finish_point(plan: Plan, link: StudyLink) -> None:
    with _point_lock(link):
        study, name = _curves(link), point(plan, link)
        members = _members(study, name)
        values = _means(members, link)
        ended = all(curve.state == TrialState.COMPLETE for curve in members.values())
        if not values or not ended or _closed(study, name, values):
            return
        drawn = RunCurve(study, opened(link.storage), name, None, values)
        drawn.replay(values)
        study.tell(drawn.number, mean(curve.value for curve in members.values() if curve.value is not None))


def judge(plan: Plan, link: StudyLink, values: dict[int, float], step: int) -> PruningStop | None:
    """Adds the scores of a checkpoint to the run's curve and asks the pruner."""
    return _judged(plan, link, _curve(plan, link, values), values, step)


def stop_rule(plan: Plan, link: StudyLink) -> StopRule:
    """Adds every logged step to the run's curve and asks the pruner. The storage is opened at the first step:
    of several training processes only one looks."""
    lines = list[dict[str, Any]]()
    opened_curves: list[RunCurve] = []

    def rule(line: dict[str, Any]) -> Stop | None:
        if not opened_curves:
            earlier = logged_steps(plan.run.folder / "train")
            lines.extend(item for item in earlier if item["step"] < line["step"])
            opened_curves.append(_curve(plan, link, signal.values(lines, link.signal)))
        lines.append(line)
        step = line["step"]
        stop = _judged(plan, link, opened_curves[0], {step: signal.value(lines, link.signal)}, step)
        return None if stop is None else Stop("pruned", stop.reason)

    return rule


def _judged(
    plan: Plan, link: StudyLink, curve: RunCurve, values: dict[int, float], step: int
) -> PruningStop | None:
    """Draws a run's values and asks the pruner about the run, or about its point."""
    curve.draw(values)
    if link.seeds > 1:
        return _judged_point(plan, link, curve.study)
    value = signal.level(values, link.signal)
    assert value is not None
    return curve.judge(_reason(link, value, step), step, link.number)


def _judged_point(plan: Plan, link: StudyLink, study: optuna.Study) -> PruningStop | None:
    """Asks the pruner about every mean that the point's runs have come to since it was asked.

    Returns:
        The stop that ends this run: the answer, or an earlier one that another run of the point heard.
    """
    with _point_lock(link):
        name = point(plan, link)
        curve = RunCurve(study, opened(link.storage), name, None, {})
        if stop := _holding(curve.frozen(), plan, link):
            return stop
        members = _members(study, name)
        numbers = {run: member.user_attrs[TRIAL] for run, member in members.items()}
        drawn = curve.frozen().intermediate_values
        means = {place: value for place, value in _means(members, link).items() if place not in drawn}
        judged = signal.judged_at(means, link.signal)
        for step, part in judged.items():
            value = signal.level(part, link.signal)
            assert value is not None
            reason = f"{_reason(link, value, step)}, the mean of {len(members)} seeds"
            answer = curve.judge(reason, step, link.number, part, numbers)
            curve.draw(part)
            if answer is not None:
                return answer
    return None


def _members(study: optuna.Study, name: str) -> dict[str, FrozenTrial]:
    """Run id -> the newest curve of each run of a point."""
    drawn = study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.COMPLETE))
    return {curve.user_attrs[RUN]: curve for curve in drawn if curve.user_attrs.get(POINT) == name}


def _means(members: dict[str, FrozenTrial], link: StudyLink) -> dict[int, float]:
    """The means of a point's runs, at the places to which all of them have come."""
    if len(members) < link.seeds:
        return {}
    values = [curve.intermediate_values for curve in members.values()]
    places = set.intersection(*map(set, values))
    return {place: mean(one[place] for one in values) for place in sorted(places)}


@contextmanager
def _point_lock(link: StudyLink) -> Iterator[None]:
    """Held while a point's curve is judged, which the workers of several runs do."""
    lock = Lock(link.storage, f"{link.study} points")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _reason(link: StudyLink, value: float, step: int) -> str:
    assert link.pruner is not None
    pruner = str(link.pruner["_target_"]).rsplit(".", 1)[-1]
    return f"{pruner}: {signal.text(link.signal)} {value:.4g} at step {step}"
