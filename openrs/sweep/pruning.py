"""Pruning: runs judged by Optuna's pruner, and stops that outlive the process that heard them.

A run's curve is opened, judged and closed with the run's lock. Of runs that differ in their training seed
alone, the first is judged by itself and every further one by the mean of the seeds up to it, so a point that
came far by the luck of one seed falls out at the next.
"""

from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import TrialState

from openrs.plan import Plan
from openrs.records.training import logged_steps
from openrs.sweep import run_curves, signal, signal_history
from openrs.sweep.link import StudyLink, opened
from openrs.sweep.run_curves import (
    RUN,
    PruningStop,
    RunCurve,
    earlier_curve,
    means,
    open_curve,
    runs_of,
    stop_of,
)
from openrs.sweep.sampler import make_pruner
from openrs.train.collapse import Stop, StopRule


def _curves(link: StudyLink) -> optuna.Study:
    """The curves of the study that a job is linked to, with its pruner."""
    return run_curves.curves(opened(link.storage), link.study, make_pruner(OmegaConf.create(link.pruner)))


def _curve(plan: Plan, link: StudyLink, values: dict[int, float]) -> RunCurve:
    """The curve of a plan's run."""
    return RunCurve(_curves(link), opened(link.storage), plan.run.id, link.number, values, link.after)


def standing(plan: Plan, link: StudyLink) -> PruningStop | None:
    """The stop by which a trial is answered: its run was stopped, and the trial does not promote it.

    Args:
        plan: the run, as far as the trial wants it trained.
    """
    config = plan.config
    trains = "train" in config.stages and "train" not in config.force and plan.mix is not None
    if link.pruner is None or not trains or plan.trained_to >= config.stop_at:
        return None
    study = _curves(link)
    stop = stop_of(open_curve(study, plan.run.id))
    if stop is None:
        return None
    # a process that died between storing its stop and noting the rungs left them to be noted
    RunCurve(study, opened(link.storage), plan.run.id, link.number, {}).note(stop.rungs)
    if stop.step >= config.stop_at or (link.promotes is not None and stop.trial <= link.promotes):
        return None
    return stop


def finish(plan: Plan, link: StudyLink) -> None:
    """Closes the curve of a run that reached its last step. Where nobody watched the run, as it was trained
    before the sweep or its process died after training, the curve is drawn from the records."""
    study = _curves(link)
    recorded = signal_history.recorded(plan, link.signal)
    values = means(recorded, earlier_curve(study, link.after))
    curve, value = open_curve(study, plan.run.id), signal.level(values, link.signal)
    if value is None:
        if curve is not None:  # opened, and never drawn
            study.tell(curve.number, state=TrialState.FAIL)
        return
    closed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if any(c.user_attrs.get(RUN) == plan.run.id and (c.last_step or 0) >= max(values) for c in closed):
        return
    drawn = _curve(plan, link, recorded)
    drawn.replay(values)
    study.tell(drawn.number, value)


def judge(plan: Plan, link: StudyLink, values: dict[int, float], step: int) -> PruningStop | None:
    """Adds the scores of a checkpoint to the run's curve and asks the pruner."""
    return _judged(link, _curve(plan, link, values), values, step)


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
        stop = _judged(link, opened_curves[0], {step: signal.value(lines, link.signal)}, step)
        return None if stop is None else Stop("pruned", stop.reason)

    return rule


def _judged(link: StudyLink, curve: RunCurve, values: dict[int, float], step: int) -> PruningStop | None:
    """Draws values and asks the pruner about the run; about a step that an earlier seed lacks it is not."""
    assert link.pruner is not None
    curve.draw(values)
    value = signal.level(means(values, curve.earlier), link.signal)
    if value is None:
        return None
    pruner = str(link.pruner["_target_"]).rsplit(".", 1)[-1]
    seeds = len(runs_of(curve.earlier)) + 1
    of = f", the mean of {seeds} seeds" if seeds > 1 else ""
    reason = f"{pruner}: {signal.text(link.signal)} {value:.4g} at step {step}{of}"
    return curve.judge(reason, step, link.number)
