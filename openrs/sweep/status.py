"""How a sweep stands, read from its study: `python -m openrs.sweep status table1`."""

from collections.abc import Iterator
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from openrs.studies.liveness import WORKER, dead
from openrs.sweep import slots
from openrs.sweep.budget import spent
from openrs.sweep.pruning import NUMBER
from openrs.sweep.report import counts, put_off, why


def lines(study: optuna.Study) -> Iterator[str]:
    """One study for a person: counts, trials in flight, the best, time and money."""
    trials = study.get_trials(deepcopy=False)
    total = study.user_attrs.get("total", 0)
    ended = [slot.last for slot in slots.slots(trials).values() if slot.number < total]
    yield f"{study.study_name}: {counts(ended, total).removeprefix('sweep: ')}"
    signals = _signals(study)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            yield _running(trial, signals)
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    objectives = study.user_attrs["openrs"]["objectives"]
    if complete:
        for trial in [study.best_trial] if len(objectives) == 1 else study.best_trials:
            values = ", ".join(f"{n} {v:.4g}" for n, v in zip(objectives, trial.values, strict=True))
            yield f"  best      {values}: {_params(trial)}"
    for trial in ended:
        if trial.state == TrialState.FAIL:
            word = "stopped" if put_off(trial) else "failed "
            yield f"  {word}   trial {trial.number} {_params(trial)}: {why(trial)}"
    yield from _costs(study, trials, ended, total)


def _signals(study: optuna.Study) -> dict[int, tuple[int, float]]:
    """Trial -> step and signal of the curve it draws, where the sweep prunes."""
    try:
        curves = optuna.load_study(study_name=f"{study.study_name} curves", storage=study._storage)
    except KeyError:
        return {}
    return {
        trial.user_attrs[NUMBER]: (trial.last_step, trial.intermediate_values[trial.last_step])
        for trial in curves.get_trials(deepcopy=False)
        if NUMBER in trial.user_attrs and trial.last_step is not None
    }


def _running(trial: FrozenTrial, signals: dict[int, tuple[int, float]]) -> str:
    worker = trial.user_attrs.get(WORKER)
    since = f"{_elapsed(trial) / 60:.1f} min" if trial.datetime_start else "not yet"
    where = "being taken" if worker is None else f"process {worker['pid']} on {worker['host'].split()[0]}"
    gone = ", which is dead: the next worker takes it up" if worker and dead(worker) else ""
    signal = signals.get(trial.number)
    at = f", step {signal[0]}, signal {signal[1]:.4g}" if signal else ""
    return f"  running   trial {trial.number} {_params(trial)}: {since}{at}, {where}{gone}"


def _elapsed(trial: FrozenTrial) -> float:
    """Seconds from a trial's start to its end, or to now."""
    assert trial.datetime_start is not None
    return ((trial.datetime_complete or datetime.now()) - trial.datetime_start).total_seconds()


def _costs(
    study: optuna.Study, trials: list[FrozenTrial], ended: list[FrozenTrial], total: int
) -> Iterator[str]:
    used = spent(trials)
    told = f"  spent     {used['device_hours']:.2f} device hours"
    if used["money"]:
        told += f", {used['money']:.2f} dollars"
    for name, limit in (study.user_attrs.get("budget") or {}).items():
        if limit is not None:
            told += f"; budget.{name}={limit:g}, {max(0.0, limit - used[name]):.3g} left"
    yield told
    done = [t for t in ended if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    done = [trial for trial in done if not trial.user_attrs.get(slots.REPEATED)]
    running = [_elapsed(t) for t in ended if t.state == TrialState.RUNNING and t.datetime_start]
    if done and (running or total > len(ended)):
        yield _left(done, running, total - len(ended))


def _left(done: list[FrozenTrial], running: list[float], to_go: int) -> str:
    """Time, device hours and dollars that are left, if trials go on as those that ended.

    Args:
        done: trials that ended with a run of their own.
        running: seconds for which each running trial has run.
        to_go: trials that are yet to start.
    """
    each = sum(map(_elapsed, done)) / len(done)
    seconds = to_go * each + sum(max(0.0, each - elapsed) for elapsed in running)
    workers = max(1, len(running))
    told = f"  left      {seconds / workers / 60:.1f} min with {workers} worker{'s' * (workers > 1)}"
    trials = seconds / each if each else float(to_go)
    for name, unit in (("device_hours", "device hours"), ("money", "dollars")):
        costs = [trial.user_attrs.get(slots.RECORD, {}).get(name) for trial in done]
        known = [cost for cost in costs if cost is not None]
        if known:
            told += f", {trials * sum(known) / len(known):.2f} {unit}"
    return told


def _params(trial: FrozenTrial) -> str:
    return ", ".join(f"{key}={value}" for key, value in trial.params.items())
